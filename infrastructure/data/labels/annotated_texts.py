"""Texts of rows with what was found in them, kept on disk and mapped as the texts themselves are."""

import json
import platform
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from application.phases import phase
from domain.exceptions import ConfigurationError
from domain.findings import Examination, Finding
from domain.strict_json import strict_json
from infrastructure.data.kept.cache import cached, key_of
from infrastructure.data.kept.examinations import examined
from infrastructure.data.kept.mapped import TextColumn
from infrastructure.data.labels.annotating import FORMAT, annotated
from infrastructure.data.labels.finding_cells import finding_of, num_lines_of
from infrastructure.data.labels.indexed_texts import IndexedTexts
from infrastructure.scanners.known import is_installed, scanner_named
from infrastructure.scanners.scanner import Scanner

SCANNER = "bandit"
# What a row carries, None where it says nothing.
Carried = Callable[[int], Sequence[Mapping[str, Any]] | None]


@dataclass(frozen=True)
class AnnotatedTexts:
    """What a model reads of each row, and what was found there; `version` is that of the scanner, empty if unasked.

    `asked` [N] is the place among the examinations of a row that does not carry its findings, else -1.
    """

    texts: TextColumn
    key: str
    version: str
    num_unreadable: int
    asked: np.ndarray
    examinations: Sequence[Examination]
    codes: Sequence[str]
    carried: Carried

    def findings(self, row: int) -> list[Finding]:
        """Give what was found in a row."""
        place = int(self.asked[row])
        if place >= 0:
            return list(self.examinations[place].findings)
        return carried_findings(self.carried(row) or (), self.codes[row])


def carried_findings(items: Sequence[Mapping[str, Any]], code: str) -> list[Finding]:
    """Give the findings that a row carries, which were checked when it was read."""
    num_lines = num_lines_of(code)
    found = [finding_of(item, num_lines) for item in items]
    assert not any(isinstance(finding, str) for finding in found), "findings of rows are checked as they are read"
    return [finding for finding in found if isinstance(finding, Finding)]


def annotated_texts(
    codes: Sequence[str], carried: Carried, cache_key: str, name_of: Callable[[int], str]
) -> AnnotatedTexts:
    """Annotate each text with what its row carries, else with what the scanner says of it.

    `cache_key` differs when texts or what rows carry do; `name_of` names a row for a person.
    Raises: ConfigurationError where the scanner must be asked and is not installed; DatasetError when the disk refuses.
    """
    asked = np.full(len(codes), -1, dtype=np.int64)
    silent = np.array([row for row in range(len(codes)) if carried(row) is None], dtype=np.int64)
    asked[silent] = np.arange(len(silent))
    examinations: Sequence[Examination] = ()
    version = ""
    if len(silent):
        scanner = asked_scanner(f"{name_of(int(silent[0]))} carries no findings")
        version = scanner.version
        examinations = examined(scanner, IndexedTexts(codes, silent))
    python = platform.python_version() if version else ""  # by whose syntax code is read
    key = key_of("annotated", FORMAT, cache_key, SCANNER, version, python)

    def findings(row: int) -> tuple[list[Finding], bool]:
        if asked[row] < 0:
            return carried_findings(carried(row) or (), codes[row]), False
        examination = examinations[int(asked[row])]
        return list(examination.findings), bool(examination.unreadable)

    entry = cached("annotated", key, lambda staging: _keep(codes, findings, staging))
    facts = json.loads((entry / "facts.json").read_text(encoding="utf-8"))
    return AnnotatedTexts(TextColumn(entry), key, version, facts["unreadable"], asked, examinations, codes, carried)


def version_told(learnt_from: str | None, version: str) -> str:
    """Say that a scanner was asked in another version than in training; empty where it was not, or not there."""
    if not version or learnt_from in (None, version):
        return ""
    return f"the model learnt from findings of {SCANNER} {learnt_from}, and reads those of {version} here."


def asked_scanner(why: str) -> Scanner:
    """Give the scanner whose findings a model reads. Raises: ConfigurationError with `why` it must be asked."""
    if not is_installed(SCANNER):
        raise ConfigurationError(
            f"findings is {SCANNER} and {why}, but this Python has no {SCANNER}.",
            remedy="Run: pip install 'athanor[security]', or give each row its findings.",
        )
    return scanner_named(SCANNER)


def _keep(codes: Sequence[str], findings: Callable[[int], tuple[list[Finding], bool]], directory: Path) -> None:
    ends = array("q")
    end = unreadable = 0
    with phase("annotating", len(codes), "texts") as done, (directory / "texts.bin").open("wb") as file:
        for row in range(len(codes)):
            found, is_unreadable = findings(row)
            unreadable += is_unreadable
            end += file.write(annotated(codes[row], found).text.encode("utf-8"))
            ends.append(end)
            done.advance()
    np.save(directory / "ends.npy", np.frombuffer(ends, dtype=np.int64))
    (directory / "facts.json").write_text(strict_json({"unreadable": unreadable}), encoding="utf-8")
