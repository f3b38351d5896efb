"""What a scanner of source code promises."""

from typing import Protocol

from domain.findings import Examination


class Scanner(Protocol):
    """Looks at a piece of code as text; nothing of it is run or imported."""

    @property
    def name(self) -> str:
        """Name it as settings and findings do: "bandit"."""

    @property
    def version(self) -> str:
        """Give the version of the tool, which decides what it finds."""

    def examine(self, code: str) -> Examination:
        """Find weaknesses in a file, a function or a fragment; never raises for what the code is."""
