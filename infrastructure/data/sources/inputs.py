"""What a finished model is asked: texts of a file or of standard input, one at a time."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.files.encodings import decoded
from infrastructure.data.files.opening import BoundedLines, mended, size_of, undecodable
from infrastructure.data.files.row import LastFault, Row, RowFault
from infrastructure.data.sources.checking import TextCells, TextCheck, looked_at
from infrastructure.data.sources.fields import Say, Sought, columns_of
from infrastructure.data.sources.readers import read_rows

STANDARD_INPUT = "-"
TYPED = "standard input"
_JSON = ('{"', '[{"')


@dataclass(frozen=True)
class BadInput:
    """A row that cannot be asked."""

    where: str
    problem: str
    remedy: str

    @property
    def reason(self) -> str:
        """What its answer says."""
        return f"{self.where}: {self.problem}"

    def error(self) -> DatasetError:
        """Give what stops a strict caller."""
        return DatasetError(f"{self.reason}.", remedy=self.remedy)


Input = str | BadInput


def read_inputs(
    path: str, text: Sought, reading: Reading = AS_FOUND, say: Say = lambda sentence: None
) -> Iterator[Input]:
    """Read the texts of rows; `-` reads standard input, a text or JSON object a line. A bad row gives its fault.

    Raises: DatasetError for a file that cannot be read to its end, or has no such column.
    """
    return _lines_of_standard_input(text, reading, say) if path == STANDARD_INPUT else _texts(path, text, reading, say)


def _texts(name: str, text: Sought, reading: Reading, say: Say) -> Iterator[Input]:
    path = Path(name)
    if not path.is_dir():
        size_of(path)
    check = TextCheck(path.name, text)
    is_empty = True
    for row in looked_at(read_rows(path, reading, say), check, say):
        found = check(row) if isinstance(row, Row) else [row]
        is_empty = False
        if isinstance(row, LastFault):
            raise _bad(path.name, row).error()
        yield _bad(path.name, found[0]) if isinstance(found, list) else mended(found[1])
    if is_empty:
        raise DatasetError(f"{path} has no rows.", remedy="Give a file with rows.")
    if check.columns:
        for word in check.words():
            say(word)


def _bad(name: str, fault: RowFault) -> BadInput:
    return BadInput(f"{name}:{fault.line}", fault.problem, fault.remedy)


def _lines_of_standard_input(text: Sought, reading: Reading, say: Say) -> Iterator[Input]:
    if sys.stdin is None:  # as a service may be started
        raise DatasetError("standard input is closed.", remedy="Give a file, or pipe rows into it.")
    try:
        lines = BoundedLines(decoded(sys.stdin.buffer, TYPED, reading, say), TYPED, reading)
        broken = 0
        for number, line in enumerate(lines, 1):
            lines.row_begins(number + 1)
            if line.strip():
                found = _text_of_line(line.rstrip("\r\n"), number, text, say)
                broken += line.startswith(_JSON) and found == mended(line.rstrip("\r\n"))
                yield found
        if broken:
            count = "1 line" if broken == 1 else f"{broken:,} lines"
            say(f"{TYPED}: {count} of JSON that is no object a line, read as text.")
    except UnicodeDecodeError as error:
        raise undecodable(TYPED, error) from error


def _text_of_line(line: str, number: int, text: Sought, say: Say) -> Input:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return mended(line)
    if not isinstance(values, dict):
        return mended(line)
    # Each line may be typed by another hand: none of them decides for the next.
    try:
        (columns,) = columns_of(TYPED, list(values), [text], say)
    except DatasetError as error:
        return BadInput(f"{TYPED}:{number}", error.problem.removeprefix(f"{TYPED} ").rstrip("."), error.remedy)
    found = TextCells(columns).of(Row(number, values))
    return mended(found) if isinstance(found, str) else _bad(TYPED, found)
