"""What a finished model is asked: texts of a file or of standard input, one at a time, with what their rows held."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.files.encodings import decoded
from infrastructure.data.files.opening import BoundedLines, is_unicode, mended, size_of, undecodable
from infrastructure.data.files.row import LastFault, Row, RowFault
from infrastructure.data.sources.checking import TextCells, TextCheck, looked_at
from infrastructure.data.sources.fields import Say, Sought, columns_of
from infrastructure.data.sources.readers import read_rows
from infrastructure.data.sources.typed_lines import TYPED, Arriving, standard_input

STANDARD_INPUT = "-"
_JSON = ('{"', '[{"')


@dataclass(frozen=True)
class Source:
    """Where rows come from: a file, or `-` for standard input, a text or JSON object a line.

    `kept` names columns whose cells are wanted with their types where the file has any. `lines` are standard input
    where it is open already.
    """

    path: str
    kept: tuple[str, ...] = ()
    lines: Arriving | None = None

    @property
    def is_standard_input(self) -> bool:
        """Tell whether rows are typed or piped."""
        return self.path == STANDARD_INPUT


@dataclass(frozen=True)
class Asked:
    """A row that can be asked: its text, and the cells that it held."""

    text: str
    cells: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class BadInput:
    """A row that cannot be asked, with the cells that it held all the same."""

    where: str
    problem: str
    remedy: str
    cells: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def reason(self) -> str:
        """What its answer says."""
        return f"{self.where}: {self.problem}"

    def error(self) -> DatasetError:
        """Give what stops a strict caller."""
        return DatasetError(f"{self.reason}.", remedy=self.remedy)


Input = Asked | BadInput


def read_inputs(
    source: Source, text: Sought, reading: Reading = AS_FOUND, say: Say = lambda sentence: None
) -> Iterator[Input]:
    """Read the texts of rows. A bad row gives its fault.

    Raises: DatasetError for a file that cannot be read to its end, or has no such column.
    """
    if source.is_standard_input:
        return _lines_of_standard_input(source.lines or standard_input(), text, reading, say)
    return _texts(source, text, reading, say)


def _texts(source: Source, text: Sought, reading: Reading, say: Say) -> Iterator[Input]:
    path = Path(source.path)
    if not path.is_dir():
        size_of(path)
    check = TextCheck(path.name, text)
    is_empty = True
    for row in looked_at(read_rows(path, reading, say, source.kept), check, say):
        found = check(row) if isinstance(row, Row) else [row]
        is_empty = False
        if isinstance(row, LastFault):
            raise _bad(path.name, row, row.cells).error()
        yield _bad(path.name, found[0], row.cells) if isinstance(found, list) else Asked(mended(found[1]), row.cells)
    if is_empty:
        raise DatasetError(f"{path} has no rows.", remedy="Give a file with rows.")
    if check.columns:
        for word in check.words():
            say(word)


def _bad(name: str, fault: RowFault, cells: Mapping[str, Any]) -> BadInput:
    return BadInput(f"{name}:{fault.line}", fault.problem, fault.remedy, cells)


def _lines_of_standard_input(stream: Arriving, text: Sought, reading: Reading, say: Say) -> Iterator[Input]:
    try:
        lines = BoundedLines(decoded(cast(BinaryIO, stream), TYPED, reading, say), TYPED, reading)
        broken = 0
        for number, line in enumerate(lines, 1):
            lines.row_begins(number + 1)
            if line.strip():
                found = _text_of_line(line.rstrip("\r\n"), number, text, say)
                as_it_stands = isinstance(found, Asked) and found.text == mended(line.rstrip("\r\n"))
                broken += line.startswith(_JSON) and as_it_stands
                yield found
        if broken:
            count = "1 line" if broken == 1 else f"{broken:,} lines"
            say(f"{TYPED}: {count} of JSON that is no object a line, read as text.")
    except UnicodeDecodeError as error:
        raise undecodable(TYPED, error) from error


def _text_of_line(line: str, number: int, text: Sought, say: Say) -> Input:
    if not is_unicode(line):
        return _undecoded(line, number)
    values = cells_of_line(line)
    if values is None:
        return Asked(mended(line), {"text": mended(line)})
    # Each line may be typed by another hand: none of them decides for the next.
    try:
        (columns,) = columns_of(TYPED, list(values), [text], say)
    except DatasetError as error:
        problem = error.problem.removeprefix(f"{TYPED} ").rstrip(".")
        return BadInput(f"{TYPED}:{number}", problem, error.remedy, values)
    found = TextCells(columns).of(Row(number, values))
    return Asked(mended(found), values) if isinstance(found, str) else _bad(TYPED, found, values)


def _undecoded(line: str, number: int) -> BadInput:
    byte = next(ord(letter) & 0xFF for letter in line if not is_unicode(letter))
    return BadInput(
        f"{TYPED}:{number}",
        f"holds byte 0x{byte:02x}, which cannot be decoded",
        "Write it as UTF-8, or name its encoding, for example --set encoding=windows-1252.",
        cells_of_line(mended(line)) or {"text": mended(line)},
    )


def cells_of_line(line: str) -> Mapping[str, Any] | None:
    """Give the cells of a line that is a JSON object; None for one that is a text as it stands."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None
