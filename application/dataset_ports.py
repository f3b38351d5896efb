"""What building and auditing data sets need from the world, said as promises and not as means."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from application.ports import SplitDataset
from application.training import LabelTraining
from domain.audit import Audit
from domain.code_rows import CodeFile, Fix, Function, Measures
from domain.findings import Examination
from domain.source_address import Address, ReadingOfCode


class CodeScanner(Protocol):
    """Looks at source code as text; nothing of it is run or imported."""

    @property
    def name(self) -> str:
        """Name it as findings do."""

    @property
    def version(self) -> str:
        """Give the version of the tool, which decides what it finds."""

    def examine(self, code: str) -> Examination:
        """Find weaknesses; never raises for what the code is."""


class CodeProject(Protocol):
    """Source code of one project, read as text; nothing of it is run, and no file of it written anywhere."""

    project: str
    commit: str  # empty for a directory
    left_out: Counter[str]  # how many files and commits were not read so far, by reason

    @property
    def licence(self) -> str:
        """Name its licence as SPDX does, "unknown" where its files tell of none."""

    def files(self) -> Iterator[CodeFile]:
        """Give the files of source code, those of tests only where they were asked for."""

    def fixes(self, largest: int) -> Iterator[Fix]:
        """Give commits that mend a weakness and change at most so many files, the newest first.

        Raises: ConfigurationError where there is no history.
        """


class CodeProjects(Protocol):
    """Finds and opens projects by what a person names: directories and addresses of git repositories."""

    def named(self, sources: Sequence[str]) -> Sequence[Address]:
        """Read all names, each given once. Raises: ConfigurationError with every fault."""

    def opened(self, address: Address, beside: str, reading: ReadingOfCode) -> AbstractContextManager[CodeProject]:
        """Open a project; what is fetched lies beside a file that is to be written, and is gone behind the block.

        Raises: ConfigurationError, DatasetError.
        """


class CodeFunctions(Protocol):
    """Cuts source code into functions."""

    def functions(self, text: str) -> Sequence[Function] | None:
        """Give the functions of a file in their order; None where it cannot be parsed."""

    def same(self, before: str, after: str) -> bool:
        """Tell whether two functions do the same by their syntax: only layout, comments and docstrings differ."""


class CodeMeasures(Protocol):
    """Measures how complex functions are."""

    @property
    def version(self) -> str:
        """Give the version of the tool. Raises: ConfigurationError where it is missing."""

    def measures(self, code: str) -> Measures | None:
        """Measure a function; None where that cannot be done."""


class CloneFinder(Protocol):
    """Finds functions that are nearly a copy of another one."""

    @property
    def version(self) -> str:
        """Give the version of the tool. Raises: ConfigurationError where it is missing."""

    def near(self, units: Iterable[Sequence[str]], threshold: float) -> Iterator[bool]:
        """Say of each unit whether its first text is nearly one of a unit before that was not."""


class RowFiles(Protocol):
    """Keeps rows with their card: both are whole, or neither is there."""

    def card_of(self, path: str) -> str:
        """Name the card of a file of rows. Raises: ConfigurationError for a name that says no format."""

    def require(self, path: str, replaces: bool) -> None:
        """Find fault with a place before anything is done for it. Raises: ConfigurationError."""

    def write(self, path: str, rows: Sequence[Mapping[str, Any]], card: Mapping[str, Any]) -> None:
        """Write both. Raises: ConfigurationError."""


class LabelledDataset(SplitDataset, Protocol):
    """Labelled rows in two parts."""

    @property
    def label_names(self) -> Sequence[str]:
        """Labels in the order of their numbers."""


class LabelledData(Protocol):
    """Reads, checks and splits labelled rows as a training does."""

    def load(self, request: LabelTraining) -> LabelledDataset:
        """Raises: DatasetError with every fault of the file."""


class DatasetAuditor(Protocol):
    """Finds out what labelled rows give away; the same rows and seed give the same findings."""

    def audit(
        self, dataset: Any, training: LabelTraining, time_field: str | None = None, run: str | None = None
    ) -> Audit:
        """Look at both parts, and where a run is named at its answers; alarms are not raised yet.

        Raises: DatasetError for a column that is not there or holds no times, RunError for a run without such answers.
        """


class AuditFiles(Protocol):
    """Writes what an audit has found for people and programs."""

    def require(self, path: str) -> None:
        """Find fault with the place of a file before anything is looked at. Raises: ConfigurationError."""

    def text_of(self, audit: Audit, form: str) -> str:
        """Give an audit as `text`, `json` or `html`."""

    def write(self, path: str, text: str) -> None:
        """Write a whole file. Raises: ConfigurationError when the disk refuses."""
