"""Functions of source code as labelled rows: what is known of each, and which of them stay together."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from domain.findings import Finding
from domain.marks import Mark

PROJECT, FILE = "project", "file"
GROUPS = (PROJECT, FILE)
TRAIN, VALIDATION = "train", "validation"
BY_SCANNER, BY_FIX = "scanner", "fix"
HARMFUL, GUARD = "harmful", "guard"


@dataclass(frozen=True)
class Function:
    """A function or a method as it stands in its file, moved to the left; `line` is its first one there, from 1.

    `name` holds the classes it stands in: `Store.open`. A second one of that name in a file is `Store.open#2`.
    """

    name: str
    line: int
    last_line: int
    code: str


@dataclass(frozen=True)
class CodeFile:
    """A file of source code as text; `licence` is what it says of itself, empty for nothing."""

    path: str
    text: str
    licence: str = ""


@dataclass(frozen=True)
class FixedFile:
    """A file before and after a commit."""

    path: str
    before: str
    after: str


@dataclass(frozen=True)
class Fix:
    """A commit that mends a weakness, with what its message says: see `security_fixes`."""

    commit: str
    parent: str
    advisory: str
    cwe: int | None
    files: tuple[FixedFile, ...]


@dataclass(frozen=True)
class Measures:
    """How complex a function is.

    `complexity` is McCabe's number of independent paths, `maintainability` an index from 0, the worst, to 100.
    """

    complexity: int
    maintainability: float


@dataclass(frozen=True)
class Limits:
    """What a function must lie within to be worth learning from; lines are those of its text, both ends included."""

    min_lines: int = 3
    max_lines: int = 300
    max_complexity: int = 50
    min_maintainability: float = 10.0


@dataclass(frozen=True)
class CodeRow:
    """A labelled function; `family` names what stays on one side of a split."""

    code: str
    label: str
    labelled_by: str
    project: str
    path: str
    name: str
    line: int
    commit: str
    licence: str
    cwe: int | None = None
    cve: str = ""
    pair_id: str = ""
    findings: tuple[Finding, ...] = ()
    marks: tuple[Mark, ...] = ()
    family: str = ""
    split: str = TRAIN
    language: str = "python"

    @property
    def order(self) -> tuple[str, str, int, str, str]:
        """Give what rows are sorted by: where a function stands, then what it is; the second of a pair follows it."""
        return self.project, self.path, self.line, self.name, self.pair_id

    def as_row(self) -> dict[str, Any]:
        """Give the columns of a file; what is not known of a row is None."""
        return {
            "code": self.code,
            "label": self.label,
            "cwe": None if self.cwe is None else f"CWE-{self.cwe}",
            "cve": self.cve or None,
            "labelled_by": self.labelled_by,
            "pair_id": self.pair_id or None,
            "project": self.project,
            "path": self.path,
            "name": self.name,
            "line": self.line,
            "commit": self.commit or None,
            "licence": self.licence,
            "language": self.language,
            "family": self.family,
            "split": self.split,
            "findings": [asdict(found) for found in self.findings],
            "marks": [list(mark) for mark in self.marks],
        }


@dataclass(frozen=True)
class Unit:
    """Rows that are kept or left out together: one function, or a function before and after a fix."""

    rows: tuple[CodeRow, ...]

    @property
    def first(self) -> CodeRow:
        """The row that stands for all: the one before a fix."""
        return self.rows[0]


def grouped(rows: Iterable[CodeRow], group: str) -> list[CodeRow]:
    """Say what each row stays together with: its project, or its file within that."""
    return [replace(row, family=row.project if group == PROJECT else f"{row.project}/{row.path}") for row in rows]


def split_by_family(rows: Sequence[CodeRow], share: float, seed: int) -> list[CodeRow]:
    """Give about `share` of the rows to validation, whole families alone; the same rows and seed give the same parts.

    Families come in an order that their names and the seed decide, and one is taken where most of it lies below the
    mark. Of several families each part gets one.
    """
    sizes: dict[str, int] = {}
    for row in rows:
        sizes[row.family] = sizes.get(row.family, 0) + 1
    taken = _taken(sizes, share * len(rows), seed)
    return [replace(row, split=VALIDATION if row.family in taken else TRAIN) for row in rows]


def _taken(sizes: Mapping[str, int], wanted: float, seed: int) -> set[str]:
    if not wanted or len(sizes) < 2:
        return set()
    # A family that would overfill the part alone comes last: in front it would shut out all behind it.
    order = sorted(sizes, key=lambda name: (sizes[name] / 2 > wanted and sizes[name], _drawn(name, seed)))
    taken, filled = {order[0]}, sizes[order[0]]
    for name in order[1:-1]:
        if filled + sizes[name] / 2 <= wanted:
            taken.add(name)
            filled += sizes[name]
    return taken


def _drawn(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}\0{name}".encode()).hexdigest()
