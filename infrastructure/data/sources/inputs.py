"""What a finished model is asked: texts of a file or of standard input, one at a time, with what their rows held."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.files.encodings import decoded
from infrastructure.data.files.opening import BoundedLines, is_unicode, mended, size_of, undecodable
from infrastructure.data.files.row import LastFault, Row, RowFault
from infrastructure.data.sources.checking import RowCheck, TextCheck, looked_at
from infrastructure.data.sources.fields import Say, Sought
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


class Asking(Protocol):
    """How the text that a model is asked is taken from a row, or from a line that is no object."""

    @property
    def nested(self) -> bool:
        """Tell whether cells may be lists and objects."""

    def check(self, name: str) -> RowCheck[tuple[int, str]]:
        """Make what takes line and text from the rows of the file `name`."""

    def of_line(self, line: str, number: int) -> str | RowFault:
        """Give the text of a line that was typed."""


@dataclass(frozen=True)
class AskingTexts:
    """Takes texts as they stand."""

    text: Sought
    nested: bool = False

    def check(self, name: str) -> TextCheck:
        """Take them from a column."""
        return TextCheck(name, self.text)

    def of_line(self, line: str, number: int) -> str:
        """Take all of a line."""
        return line


def read_inputs(
    source: Source, asking: "Sought | Asking", reading: Reading = AS_FOUND, say: Say = lambda sentence: None
) -> Iterator[Input]:
    """Read the texts of rows. A bad row gives its fault.

    Raises: DatasetError for a file that cannot be read to its end, or has no such column.
    """
    asking = AskingTexts(asking) if isinstance(asking, Sought) else asking
    if source.is_standard_input:
        return _lines_of_standard_input(source.lines or standard_input(), asking, reading, say)
    return _texts(source, asking, reading, say)


def _texts(source: Source, asking: Asking, reading: Reading, say: Say) -> Iterator[Input]:
    path = Path(source.path)
    if not path.is_dir():
        size_of(path)
    check = asking.check(path.name)
    is_empty = True
    for row in looked_at(read_rows(path, reading, say, source.kept, asking.nested), check, say):
        found = check(row) if isinstance(row, Row) else [row]
        is_empty = False
        if isinstance(row, LastFault):
            raise _bad(path.name, row, row.cells).error()
        yield _bad(path.name, found[0], row.cells) if isinstance(found, list) else Asked(mended(found[1]), row.cells)
    if is_empty:
        raise DatasetError(f"{path} has no rows.", remedy="Give a file with rows.")
    for word in check.words():
        say(word)


def _bad(name: str, fault: RowFault, cells: Mapping[str, Any]) -> BadInput:
    return BadInput(f"{name}:{fault.line}", fault.problem, fault.remedy, cells)


def _lines_of_standard_input(stream: Arriving, asking: Asking, reading: Reading, say: Say) -> Iterator[Input]:
    try:
        lines = BoundedLines(decoded(cast(BinaryIO, stream), TYPED, reading, say), TYPED, reading)
        broken = 0
        for number, line in enumerate(lines, 1):
            lines.row_begins(number + 1)
            if line.strip():
                found = _text_of_line(line.rstrip("\r\n"), number, asking, say)
                as_it_stands = isinstance(found, Asked) and found.text == mended(line.rstrip("\r\n"))
                broken += line.startswith(_JSON) and as_it_stands
                yield found
        if broken:
            count = "1 line" if broken == 1 else f"{broken:,} lines"
            say(f"{TYPED}: {count} of JSON that is no object a line, read as text.")
    except UnicodeDecodeError as error:
        raise undecodable(TYPED, error) from error


def _text_of_line(line: str, number: int, asking: Asking, say: Say) -> Input:
    if not is_unicode(line):
        return _undecoded(line, number)
    values = cells_of_line(line)
    if values is None:
        cells = {"text": mended(line)}
        text = asking.of_line(line, number)
        return _bad(TYPED, text, cells) if isinstance(text, RowFault) else Asked(mended(text), cells)
    # Each line may be typed by another hand: none of them decides for the next.
    check = asking.check(TYPED)
    try:
        check.look(list(values), say)
    except DatasetError as error:
        problem = error.problem.removeprefix(f"{TYPED} ").rstrip(".")
        return BadInput(f"{TYPED}:{number}", problem, error.remedy, values)
    found = check(Row(number, values))
    return _bad(TYPED, found[0], values) if isinstance(found, list) else Asked(mended(found[1]), values)


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
