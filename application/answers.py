"""What a finished model answers, and how its answers are written as text."""

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from domain.showing import json_text

# What a float64 holds for certain. How many of them mean something is known where an answer is made, and rounded there.
SIGNIFICANT_DIGITS = 15
# What makes a spreadsheet take a cell for a formula, which may start programs and send data away.
# Where Japanese or Chinese is typed the wide signs are the same to it.
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NEGATIVE = re.compile(r"-[0-9]+([.,][0-9]+)?")  # a number that a file of texts held, and no formula
# What the cells of a column are; WORDS are cells of several kinds, or nested ones, which are written as JSON.
TEXT, INTEGER, NUMBER, TRUTH, WORDS = "text", "integer", "number", "truth", "words"


@dataclass(frozen=True)
class Column:
    """One column of a table of answers.

    `kind` is one of the above, a type of whoever writes the table, or None where its cells tell. Where a column
    `knows_missing` cells, an empty text is something else and stands between quotes in CSV.
    """

    name: str
    kind: Any = None
    knows_missing: bool = False


@dataclass(frozen=True)
class Answers:
    """Answers in their order, as they come; `is_table` says that they are the rows of one table.

    Such rows have the same columns, the first of which is the time or the number of a row. Answers to rows have
    `columns` once they are a table, where those are known. `notes` are warnings to a reader of the answers and `facts`
    tell what is as usual, in sentences; both are complete once all rows have come. `num_rows` is None where nobody
    knows it before.
    """

    rows: Iterable[Mapping[str, Any]]
    is_table: bool = False
    notes: Sequence[str] = ()
    facts: Sequence[str] = ()
    columns: tuple[Column, ...] = ()
    num_rows: int | None = None

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.rows)

    def lines(self) -> Iterator[str]:
        """Write each answer as a line without its end: a table as CSV below a header, all else as JSON.

        JSON spells out what a terminal would obey; CSV is data and stays as it is.
        """
        return self.csv_lines() if self.is_table else self.json_lines()

    def csv_lines(self, delimiter: str = ",") -> Iterator[str]:
        """Write rows below a header; numbers of forecasts have 15 digits, and rounding keeps the order of quantiles.

        Cells that were kept have all their digits.
        """
        columns = self.columns
        if columns:
            yield _csv_line((column.name for column in columns), delimiter)
        for number, row in enumerate(self.rows):
            if not columns:
                flat = flat_cells(row)
                if number == 0:
                    yield _csv_line(flat, delimiter)
                yield _csv_line(map(_digits, flat.values()), delimiter)
            else:
                cells = (_csv_cell(row.get(column.name), delimiter, column.knows_missing) for column in columns)
                yield delimiter.join(cells)

    def json_lines(self) -> Iterator[str]:
        """Write each answer as a JSON object, numbers with all their digits: as a text those that no float holds."""
        return map(json_line, self.rows)

    def told(self, on_row: Callable[[int], None]) -> "Answers":
        """Tell `on_row` after each answer how many there are by now."""

        def rows() -> Iterator[Mapping[str, Any]]:
            for number, row in enumerate(self.rows, 1):
                yield row
                on_row(number)

        return replace(self, rows=rows())

    def say(self, note: str) -> None:
        """Add a note to a reader: whoever writes the answers may have had to change something."""
        if isinstance(self.notes, list):
            self.notes.append(note)

    def for_spreadsheets(self) -> "Answers":
        """Put an apostrophe before each text and name that a spreadsheet would run; numbers stay as they are."""
        guarded = ({_no_formula(name): _no_formula(cell) for name, cell in row.items()} for row in self.rows)
        columns = tuple(replace(column, name=_no_formula(column.name)) for column in self.columns)
        return replace(self, rows=guarded, columns=columns)


def flat_cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give what of an answer fits into a row of a table: not the scores of all labels."""
    return {name: cell for name, cell in row.items() if not isinstance(cell, Mapping)}


def json_line(answer: Mapping[str, Any]) -> str:
    """Write one answer as a JSON object on a line."""
    return json_text({name: _of_json(cell) for name, cell in answer.items()})


def cell_text(cell: Any) -> str | None:
    """Write a cell of any kind as text that tells all of it; None stays what it is."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, Mapping | list | tuple):
        return json_text(cell)
    return cell.isoformat(" ") if isinstance(cell, datetime.datetime) else str(cell)


def exact(number: Decimal) -> int | float | str:
    """Give a number as it is, and as a text with all its digits where no float holds them."""
    if number == number.to_integral_value():
        return int(number)
    near = float(number)
    return near if Decimal(repr(near)) == number else str(number)


def _of_json(cell: Any) -> Any:
    if isinstance(cell, Decimal):
        return exact(cell)
    return cell_text(cell) if isinstance(cell, datetime.date | datetime.time) else cell


def _no_formula(cell: Any) -> Any:
    if not isinstance(cell, str) or not cell.startswith(FORMULA_BEGINS) or _NEGATIVE.fullmatch(cell):
        return cell
    return f"'{cell}"


def _digits(cell: Any) -> Any:
    return f"{cell:.{SIGNIFICANT_DIGITS}g}" if isinstance(cell, float) else cell


def _csv_line(cells: Iterable[Any], delimiter: str) -> str:
    line = [_csv_cell(cell, delimiter) for cell in cells]
    return '""' if line == [""] else delimiter.join(line)  # a row of nothing would be no row


def _csv_cell(cell: Any, delimiter: str, knows_missing: bool = False) -> str:
    text = cell_text(cell)
    if not text:
        return '""' if text is not None and knows_missing else ""
    if '"' in text:
        return '"' + text.replace('"', '""') + '"'
    return f'"{text}"' if delimiter in text or "\n" in text or "\r" in text else text
