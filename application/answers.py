"""What a finished model answers, and how its answers are written as text."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.showing import json_text

# What a float64 holds for certain. How many of them mean something is known where an answer is made, and rounded there.
SIGNIFICANT_DIGITS = 15
# What makes a spreadsheet take a cell for a formula, which may start programs and send data away.
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Answers:
    """Answers in their order, as they come; `is_table` says that they are the rows of one table.

    Such rows have the same columns, the first of which is the time or the number of a row. `notes` are warnings to a
    reader of the answers and `facts` tell what is as usual, in sentences; both are complete once all rows have come.
    """

    rows: Iterable[Mapping[str, Any]]
    is_table: bool = False
    notes: Sequence[str] = ()
    facts: Sequence[str] = ()

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.rows)

    def lines(self) -> Iterator[str]:
        """Write each answer as a line without its end: a table as CSV below a header, all else as JSON.

        JSON spells out what a terminal would obey; CSV is data and stays as it is.
        """
        return self.csv_lines() if self.is_table else self.json_lines()

    def csv_lines(self) -> Iterator[str]:
        """Write the rows of a table, numbers with 15 significant digits; rounding keeps the order of quantiles."""
        for number, row in enumerate(self.rows):
            if number == 0:
                yield _csv_line(row)
            yield _csv_line(row.values())

    def json_lines(self) -> Iterator[str]:
        """Write each answer as a JSON object, numbers with all their digits."""
        return map(json_line, self.rows)

    def for_spreadsheets(self) -> "Answers":
        """Put an apostrophe before each text and name that a spreadsheet would run; numbers stay as they are."""
        guarded = ({_no_formula(name): _no_formula(cell) for name, cell in row.items()} for row in self.rows)
        return Answers(guarded, self.is_table, self.notes, self.facts)


def json_line(answer: Mapping[str, Any]) -> str:
    """Write one answer as a JSON object on a line."""
    return json_text(answer)


def _no_formula(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_BEGINS) else cell


def _csv_line(cells: Iterable[Any]) -> str:
    line = io.StringIO(newline="")
    end = "\r\n"  # taken off again, but the writer quotes a cell only for the line ends that it writes itself
    csv.writer(line, lineterminator=end).writerow(
        [f"{cell:.{SIGNIFICANT_DIGITS}g}" if isinstance(cell, float) else cell for cell in cells]
    )
    return line.getvalue().removesuffix(end)
