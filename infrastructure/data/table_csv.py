"""Columns of separated texts in blocks, so that memory does not grow with the file."""

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.opening import BoundedLines, not_utf8, open_bytes, open_text
from infrastructure.data.readers import refuse_many_fields
from infrastructure.data.rows import MAX_FAULTS_SHOWN
from infrastructure.data.table_columns import UNREADABLE, Header, damaged
from infrastructure.data.table_faults import TableFaults
from infrastructure.data.table_numbers import MISSING, cut

BLOCK_BYTES = 1 << 22
# The spellings that the parser itself takes for missing; the others are found when a block is read with more care.
_USUAL_MISSING = [word for name in MISSING for word in {name, name.upper(), name.title()}] + ["NaN"]
_RAGGED_REMEDY = "Give every row as many cells as the header; quote cells that hold a separator, close every quote."


class CsvSource:
    """A separated text file, plain or gzipped."""

    def __init__(self, path: Path, name: str, delimiter: str, reading: Reading = AS_FOUND) -> None:
        self.path, self.name, self._delimiter, self._reading = path, name, delimiter, reading
        self._ragged = 0

    def header(self) -> Header:
        """Read the header and the first row. Raises: DatasetError when there is none or the file cannot be read."""
        rows = list(islice(self._lines(), 2))
        if not rows:
            raise DatasetError(f"{self.name} is empty.", remedy="Give a file with a header and rows.")
        line, names = rows[0]
        refuse_many_fields(self.name, line, len(names))
        for other in {",", ";", "\t", "|"} - {self._delimiter}:
            if len(names) == 1 and other in names[0]:
                raise DatasetError(
                    f"{self.name}:{line}: has one column, {cut(names[0])}, that seems split by {other!r}, but must "
                    f"be split by {self._delimiter!r}.",
                    remedy="Write it with commas between cells and points in numbers, or name a tabbed file .tsv.",
                )
        if "\0" in "".join(names):
            raise DatasetError(f"{self.name} is binary, not text.", remedy="Give a CSV or Parquet file.")
        if len(rows) < 2:
            raise DatasetError(f"{self.name} has a header and no rows.", remedy="Give a file with rows.")
        return Header(tuple(name.strip() for name in names), tuple(names), tuple(rows[1][1]))

    def blocks(self, written: Sequence[str]) -> Iterator[list[pyarrow.Array]]:
        """Read the cells of some columns as texts, None where one is missing. Raises: DatasetError."""
        self._ragged = 0
        try:
            with open_bytes(self.path, self._reading) as file:
                yield from self._stream(file, written)
        except pyarrow.ArrowInvalid as error:
            # Reading slowly says which byte is not UTF-8; what else stops the parser is a cell longer than a block.
            line, _ = max(self._lines(), key=lambda row: sum(map(len, row[1])))
            raise DatasetError(
                f"{self.name}:{line}: cannot be read ({error}).", remedy="Close the quote that begins there."
            ) from error
        except UNREADABLE as error:
            raise damaged(self.name, error) from error

    def _stream(self, file: Any, written: Sequence[str]) -> Iterator[list[pyarrow.Array]]:
        reader = pyarrow.csv.open_csv(
            file,
            read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=self._skip
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(written, pyarrow.string()),
                include_columns=list(written),
                null_values=_USUAL_MISSING,
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
        for batch in reader:
            yield batch.columns

    def _skip(self, row: object) -> str:
        self._ragged += 1
        return "skip"

    def add_ragged(self, faults: TableFaults) -> None:
        """Tell of the rows that the last reading had to leave out."""
        if self._ragged:
            width = len(next(self._lines())[1])
            ragged = ((line, cells) for line, cells in self._lines() if len(cells) != width)
            for line, cells in islice(ragged, MAX_FAULTS_SHOWN):
                problem = f"has {len(cells)} {'cell' if len(cells) == 1 else 'cells'}, but the header has {width}"
                faults.add_lines([line], 1, problem, _RAGGED_REMEDY)
            faults.count += max(0, self._ragged - MAX_FAULTS_SHOWN)

    def lines_of(self, rows: list[int]) -> dict[int, int]:
        """Give the lines of rows, counted from 1, as an editor counts them."""
        lines = self._lines()
        width = len(next(lines)[1])
        wanted, found, number = set(rows), {}, 0
        for line, cells in lines:
            if len(cells) == width:
                if number in wanted:
                    found[number] = line
                number += 1
            if len(found) == len(wanted):
                break
        return found | {row: row + 2 for row in wanted - found.keys()}

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        """Read rows slowly, each with the line it begins on; empty lines count and are no rows."""
        csv.field_size_limit(1 << 30)
        line = 1
        try:
            with open_text(self.path, self._reading) as file:
                rows = BoundedLines(file, self.name, self._reading)
                reader = csv.reader(iter(rows), delimiter=self._delimiter)
                for cells in reader:
                    if cells:
                        yield line, cells
                    line = reader.line_num + 1
                    rows.row_begins(line)
        except UnicodeDecodeError as error:
            raise not_utf8(Path(self.name), error) from error
        except csv.Error as error:
            raise DatasetError(f"{self.name}:{line}: cannot be read ({error}).", remedy="Check its quotes.") from error
        except UNREADABLE as error:
            raise damaged(self.name, error) from error
