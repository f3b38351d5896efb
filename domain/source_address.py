"""Where source code is read from, and how far reading may go."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote


@dataclass(frozen=True)
class Address:
    """A directory, or a repository at `url` without what lets one in; `pin` is the commit asked for, "" for none.

    `shown` is how it is written for people and files. `user` and `password` are those of an https address.
    """

    shown: str
    project: str
    directory: Path | None = None
    url: str = ""
    pin: str = ""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def place(self) -> Path | None:
        """Give where it lies on this disk."""
        if self.directory is not None or self.scheme != "file":
            return self.directory
        return Path(unquote(self.url.removeprefix("file://")))

    @property
    def scheme(self) -> str:
        """Name the way to a repository; empty for a directory."""
        return self.url.partition(":")[0]


@dataclass(frozen=True)
class Reach:
    """How far the fetch of one repository may go, in seconds and MiB."""

    seconds: float = 600.0
    mebibytes: int = 1_024


@dataclass(frozen=True)
class ReadingOfCode:
    """What of a project is read: its tests or not, its history or not, and how far a fetch may go."""

    reach: Reach = Reach()
    keeps_tests: bool = False
    with_history: bool = False
