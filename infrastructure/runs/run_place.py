"""Where a run is on disk, and what it is called there."""

from pathlib import Path


class RunPlace:
    """The directory of a run, which may not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def run_id(self) -> str:
        """Name of the run."""
        return self._path.resolve().name

    @property
    def path(self) -> str:
        """Where it is, or will be."""
        return str(self._path)
