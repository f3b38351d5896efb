"""A file read, cut into pieces and shown to a scanner: what a process apart does with each, and how it is told."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from domain.exceptions import DatasetError
from domain.findings import CONFIDENCES, FINDING_SEVERITIES, Finding
from domain.scan import WHOLE, Piece, SourceFile
from infrastructure.plain_files import open_to_read
from infrastructure.scan.cutting import cut, text_of
from infrastructure.scan.source_text import source_text
from infrastructure.scan.tree import LARGEST_FILE
from infrastructure.scanners.scanner import Scanner

NOT_PARSED = "this Python does not parse it, and it was taken whole"


@dataclass(frozen=True)
class ReadFile:
    """The pieces of a file, each with the SHA-256 of its code, and what a scanner found.

    `fault` says why a file was not looked at at all, `unreadable` why a part of the work was not done.
    """

    pieces: tuple[tuple[Piece, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    unreadable: str = ""
    fault: str = ""

    def as_json(self) -> Mapping[str, Any]:
        """Give what `from_json` reads."""
        return {
            "pieces": [[piece.name, piece.lines, digest] for piece, digest in self.pieces],
            "findings": [astuple(finding) for finding in self.findings],
            "unreadable": self.unreadable,
            "fault": self.fault,
        }

    @classmethod
    def from_json(cls, told: Any) -> "ReadFile":
        """Read it again. Raises: ValueError, TypeError, LookupError for what was not written here."""
        pieces = tuple((_piece(name, lines), _text(digest)) for name, lines, digest in told["pieces"])
        findings = tuple(_finding(fields) for fields in told["findings"])
        return cls(pieces, findings, _text(told["unreadable"]), _text(told["fault"]))


def read_file(file: SourceFile, scanner: Scanner | None) -> ReadFile:
    """Read a file, cut it and show it to a scanner; nothing of it is run or imported."""
    try:
        text = text_of_file(file)
    except DatasetError as error:
        return ReadFile(fault=str(error.problem))
    lines = text.split("\n")
    pieces = tuple((piece, digest_of(text_of(piece, lines))) for piece in cut(text))
    unreadable = NOT_PARSED if [piece.name for piece, _ in pieces] == [WHOLE] else ""
    if scanner is None:
        return ReadFile(pieces, (), unreadable)
    examined = scanner.examine(text)
    return ReadFile(pieces, examined.findings, examined.unreadable or unreadable)


def text_of_file(file: SourceFile) -> str:
    """Read the text that was gathered. Raises: DatasetError where it has changed since, or is in no known encoding."""
    try:
        with open_to_read(Path(file.place)) as opened:
            data = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        raise DatasetError(f"it cannot be read any more: {error.strerror or error}.") from error
    if hashlib.sha256(data).hexdigest() != file.digest:
        raise DatasetError("it was changed while it was looked at.")
    return source_text(data, file.path)


def texts_of_pieces(file: SourceFile, pieces: Sequence[Piece]) -> list[str]:
    """Give the code of some pieces of a file. Raises: DatasetError."""
    lines = text_of_file(file).split("\n")
    return [text_of(piece, lines) for piece in pieces]


def digest_of(text: str) -> str:
    """Name a piece of code by its content."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _piece(name: Any, lines: Any) -> Piece:
    runs = tuple((_number(first), _number(last)) for first, last in lines)
    if not runs:
        raise ValueError("a piece without lines")
    return Piece(_text(name), runs)


def _finding(fields: Any) -> Finding:
    first, last, tool, rule, title, severity, confidence, cwe, message = fields
    if severity not in FINDING_SEVERITIES or confidence not in CONFIDENCES:
        raise ValueError("an unknown severity or confidence")
    return Finding(
        first_line=_number(first),
        last_line=_number(last),
        tool=_text(tool),
        rule=_text(rule),
        title=_text(title),
        severity=severity,
        confidence=confidence,
        cwe=None if cwe is None else _number(cwe),
        message=_text(message),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _number(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise TypeError("no number of a line or a kind")
    return value
