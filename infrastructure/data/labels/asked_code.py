"""Code that a finished model is asked about, with what was found in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.findings import Finding
from infrastructure.data.files.row import Row, RowFault
from infrastructure.data.labels.annotated_texts import SCANNER, asked_scanner, carried_findings, version_told
from infrastructure.data.labels.annotating import Annotated, annotated
from infrastructure.data.labels.carried import FINDINGS
from infrastructure.data.labels.finding_cells import findings_of, joined_fault
from infrastructure.data.sources.checking import Faults, TextCheck
from infrastructure.data.sources.fields import Say, Sought, matching
from infrastructure.scanners.known import scanner_named


class FoundCode(str):
    """A text that brings its findings along; of any other the scanner is asked."""

    __slots__ = ("findings",)
    findings: Sequence[Finding]

    def __new__(cls, code: str, findings: Sequence[Finding]) -> "FoundCode":
        """Let `findings` travel with `code`."""
        self = super().__new__(cls, code)
        self.findings = findings
        return self


def annotated_inputs(inputs: Sequence[str], learnt_from: str | None, note: Say) -> list[Annotated]:
    """Give each text as a model reads it; `learnt_from` is the version of the scanner in training, None for any.

    Raises: ConfigurationError where the scanner is needed and not installed.
    """
    read = [annotated(code, _findings_in(code)) for code in inputs]
    is_asked = not all(isinstance(code, FoundCode) for code in inputs)
    if told := version_told(learnt_from, scanner_named(SCANNER).version if is_asked else ""):
        note(told)
    return read


def _findings_in(code: str) -> Sequence[Finding]:
    if isinstance(code, FoundCode):
        return code.findings
    return asked_scanner("code comes without findings").examine(code).findings


@dataclass(frozen=True)
class AskingCode:
    """Takes code, and findings where rows carry them."""

    text: Sought
    nested: bool = True

    def check(self, name: str) -> "CodeCheck":
        """Take them from their columns."""
        return CodeCheck(name, self.text)

    def of_line(self, line: str, number: int) -> str:
        """Take all of a line for code."""
        return line


class CodeCheck(TextCheck):
    """Takes line and code from a row, the code with its findings where the row carries any."""

    _findings: str | None = None

    def look(self, fields: Sequence[str], say: Say) -> None:
        """Find the columns. Raises: DatasetError."""
        super().look(fields, say)
        # Rows of JSON may show a column late: its own name will do until then.
        self._findings = matching(FINDINGS, [field for field in fields if field not in self.columns]) or FINDINGS
        self._findings = None if self._findings in self.columns else self._findings

    def __call__(self, row: Row) -> tuple[int, str] | Faults:
        """Give line and code of a good row."""
        found: Any = super().__call__(row)
        cell = None if self._findings is None else row.values.get(self._findings)
        if isinstance(found, list) or cell is None:
            return found
        line, code = found
        findings = findings_of(cell, code, str(self._findings), line)
        if findings is None:
            return line, code
        if not isinstance(findings, RowFault) and findings and len(self.columns) > 1:
            findings = joined_fault(str(self._findings), self.columns, line)
        return (
            [findings] if isinstance(findings, RowFault) else (line, FoundCode(code, carried_findings(findings, code)))
        )
