"""Columns beside text and label, read row by row and kept on disk for `carried.py` to map."""

from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from domain.exceptions import DatasetError
from domain.marks import MAX_MARK_NAMES
from domain.reading import MAX_NAME_CHARACTERS
from domain.showing import counted
from domain.strict_json import strict_json
from infrastructure.data.files.row import Row, RowFault
from infrastructure.data.labels.carried import CWE, FACTS, FINDINGS, MARKS, PART
from infrastructure.data.labels.cells import cwe_of, is_empty, marks_of
from infrastructure.data.labels.finding_cells import findings_of, joined_fault
from infrastructure.data.sources.fields import matching
from infrastructure.data.sources.label_names import name_of

MAX_PARTS = 50  # whose scores a person compares
Spans = Sequence[tuple[int, int, int]]


class RowCarries(NamedTuple):
    """What one row carries: marks as start, end and number of their name, findings, numbers of weakness and part.

    None stands for marks and findings of which it says nothing.
    """

    marks: Spans | None = None
    findings: Sequence[Mapping[str, Any]] | None = None
    cwe: int = 0
    part: int = -1


class CarriedColumns:
    """Takes from each row what it carries in the columns that are `wanted`.

    Columns are known by their names, without regard to case; one that holds the text or the label is none of them. A
    row need not have them.
    """

    def __init__(self, file: str, wanted: Sequence[str]) -> None:
        self._file, self.wanted = file, tuple(wanted)
        self._mark_names: dict[str, int] = {}
        self._parts = _Parts(file)
        self._fields: dict[str, str] = {}
        self._joined: tuple[str, ...] = ()

    def look(self, fields: Sequence[str], text_columns: Sequence[str], others: Sequence[str]) -> None:
        """Find the columns among the fields that hold neither the text nor what `others` name."""
        taken = {*text_columns, *others}
        free = [field for field in fields if field not in taken]
        # Rows of JSON may show a column late: its own name will do until then.
        found = {name: matching(name, free) or name for name in self.wanted}
        self._fields = {name: field for name, field in found.items() if field not in taken}
        self._joined = tuple(text_columns) if len(text_columns) > 1 else ()

    def of(self, row: Row, text: str) -> RowCarries | list[RowFault]:
        """Give what a row with this text carries, or all that is wrong with it."""
        values = {
            name: self._value(name, row.values.get(field), text, row.line) for name, field in self._fields.items()
        }
        faults = [value for value in values.values() if isinstance(value, RowFault)]
        return faults or RowCarries(**values)

    def words(self) -> Sequence[str]:
        """Say what was unusual."""
        return self._parts.words()

    def facts(self) -> dict[str, Sequence[str]]:
        """Name what the numbers of rows mean."""
        return {"mark_names": tuple(self._mark_names), "part_names": self._parts.names()}

    def _value(self, name: str, cell: Any, text: str, line: int) -> Any:
        if cell is None:
            return RowCarries._field_defaults[name]
        field = self._fields[name]
        if name == MARKS:
            return self._marks(cell, text, field, line)
        if name == FINDINGS:
            return self._findings(cell, text, field, line)
        return cwe_of(cell, field, line) if name == CWE else self._parts.number_of(cell, line)

    def _marks(self, cell: Any, text: str, field: str, line: int) -> Spans | RowFault | None:
        marks = marks_of(cell, text, field, line)
        if marks is None or isinstance(marks, RowFault):
            return marks
        if marks and self._joined:
            said = f"{field} counts characters of one text, but the text is joined from {' and '.join(self._joined)}"
            return RowFault(line, said, "Name one column with text_field, or write the texts into one.")
        return [(start, end, self._number_of(name, line)) for start, end, name in marks]

    def _findings(self, cell: Any, text: str, field: str, line: int) -> Sequence[Mapping[str, Any]] | RowFault | None:
        findings = findings_of(cell, text, field, line)
        if findings and not isinstance(findings, RowFault) and self._joined:
            return joined_fault(field, self._joined, line)
        return findings

    def _number_of(self, name: str, line: int) -> int:
        number = self._mark_names.setdefault(name, len(self._mark_names))
        if number >= MAX_MARK_NAMES:
            raise DatasetError(
                f"{self._file}:{line}: there are more than {MAX_MARK_NAMES} different names of marks in the rows up to "
                "here, but a model learns at most that many.",
                remedy="Give marks of one kind one name.",
            )
        return number


class CarriedFiles:
    """Writes what rows carry into the directory of a cache entry, in the order of the rows."""

    def __init__(self, directory: Path, columns: CarriedColumns) -> None:
        self._directory, self._columns = directory, columns
        self._spans, self._mark_ends, self._are_marked = array("i"), array("q"), array("b")
        self._cwes, self._parts, self._finding_ends = array("i"), array("i"), array("q")
        self._findings = (directory / "findings.bin").open("wb") if FINDINGS in columns.wanted else None
        self._num_bytes, self._has_findings = 0, False

    def __enter__(self) -> "CarriedFiles":
        return self

    def __exit__(self, *_: object) -> None:
        if self._findings is not None:
            self._findings.close()

    def add(self, carried: RowCarries) -> None:
        """Keep what the next row carries."""
        for span in carried.marks or ():
            self._spans.extend(span)
        self._are_marked.append(carried.marks is not None)
        self._mark_ends.append(len(self._spans) // 3)
        self._cwes.append(carried.cwe)
        self._parts.append(carried.part)
        if self._findings is not None:
            self._has_findings |= carried.findings is not None
            self._num_bytes += self._findings.write(strict_json(carried.findings).encode("utf-8"))
            self._finding_ends.append(self._num_bytes)

    def save(self) -> None:
        """Write the arrays of what was asked for, and what their numbers mean."""
        wanted, facts = self._columns.wanted, self._columns.facts()
        arrays: dict[str, tuple[str, np.ndarray]] = {
            "marks": (MARKS, np.frombuffer(self._spans, dtype=np.int32).reshape(-1, 3)),
            "mark_ends": (MARKS, np.frombuffer(self._mark_ends, dtype=np.int64)),
            "is_marked": (MARKS, np.frombuffer(self._are_marked, dtype=np.bool_)),
            "finding_ends": (FINDINGS, np.frombuffer(self._finding_ends, dtype=np.int64)),
            "cwes": (CWE, np.frombuffer(self._cwes, dtype=np.int32)),
            "parts": (PART, np.frombuffer(self._parts, dtype=np.int32)),
        }
        for name, (column, numbers) in arrays.items():
            if column in wanted:
                kept = numbers if column != PART or facts["part_names"] else np.full_like(numbers, -1)
                np.save(self._directory / f"{name}.npy", kept)
        if wanted:
            held = {MARKS: any(self._are_marked), FINDINGS: self._has_findings, CWE: any(self._cwes)}
            facts["holding"] = [name for name in wanted if held.get(name)]
            (self._directory / FACTS).write_text(strict_json(facts), encoding="utf-8")


class _Parts:
    """Numbers the parts that rows are scored in; a column that holds no names, or too many, makes none."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._numbers: dict[str, int] = {}
        self._nameless = self._first_nameless = 0

    def number_of(self, cell: Any, line: int) -> int:
        """Give the number of a part, -1 for none."""
        if is_empty(cell):
            return -1
        name = name_of(cell)
        if name is None or len(name) > MAX_NAME_CHARACTERS:
            self._nameless += 1
            self._first_nameless = self._first_nameless or line
            return -1
        return -1 if self._are_too_many else self._numbers.setdefault(name, len(self._numbers))

    def names(self) -> tuple[str, ...]:
        """Name the parts in the order of their numbers."""
        return () if self._are_too_many else tuple(self._numbers)

    def words(self) -> Sequence[str]:
        """Say what was left out: a column of that name may mean something else, and no training fails for it."""
        if self._are_too_many:
            return [f"{self._file}: {PART!r} has more than {MAX_PARTS} different names; no part is scored by itself."]
        if self._nameless:
            cells = f"{counted(self._nameless, 'cell')} of {PART!r}"
            return [f"{self._file}: {cells}, the first at line {self._first_nameless}, hold no name of a part."]
        return []

    @property
    def _are_too_many(self) -> bool:
        return len(self._numbers) > MAX_PARTS
