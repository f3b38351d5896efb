"""Columns of CSV and Parquet files in blocks, so that memory does not grow with the file."""

import csv
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.opening import BoundedLines, not_utf8, open_bytes, open_text
from infrastructure.data.parquet_rows import BoundedParquet
from infrastructure.data.readers import refuse_many_fields
from infrastructure.data.rows import MAX_FAULTS_SHOWN
from infrastructure.data.table_faults import TableFaults

BLOCK_BYTES = 1 << 22
BLOCK_ROWS = 1 << 16
DELIMITERS = {".csv": ",", ".tsv": "\t"}
MISSING = ("", "nan", "na", "n/a", "null", "none")
# The spellings that the parser itself takes for missing; the others are found when a block is read with more care.
_USUAL_MISSING = [word for name in MISSING for word in {name, name.upper(), name.title()}] + ["NaN"]
_NUMBER = r"^[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf|infinity))$"
_RAGGED_REMEDY = "Give every row as many cells as the header; quote cells that hold a separator, close every quote."
UNKNOWN_REMEDY = "Correct the cell, or leave it empty if the value is unknown."
_UNREADABLE = (pyarrow.ArrowException, OSError, EOFError, zlib.error)


@dataclass(frozen=True)
class Header:
    """Names of the columns as they are used and as they are written, and the texts of the first row.

    `clock_types` are the columns which the file itself declares to be dates or times.
    """

    names: tuple[str, ...]
    written: tuple[str, ...]
    first_row: tuple[str | None, ...]
    clock_types: tuple[str, ...] = ()


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
                    f"{self.name}:{line}: has one column, {_cut(names[0])}, that seems split by {other!r}, but must "
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
        except _UNREADABLE as error:
            raise _damaged(self.name, error) from error

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
        except _UNREADABLE as error:
            raise _damaged(self.name, error) from error


class ParquetSource:
    """A Parquet file; what is a line elsewhere is the number of the row here, counted from 1."""

    def __init__(self, path: Path, name: str, reading: Reading = AS_FOUND) -> None:
        self.path, self.name = path, name
        self._file = BoundedParquet(path, name, reading)

    def header(self) -> Header:
        """Read the names and the first row. Raises: DatasetError when there is none."""
        names = tuple(self._file.schema.names)
        if not len(self._file):
            raise DatasetError(f"{self.name} has no rows.", remedy="Give a file with rows.")
        try:
            batch = next(self._file.batches(None, 1))
        except _UNREADABLE as error:
            raise _damaged(self.name, error) from error
        texts = (column[0].as_py() if pyarrow.types.is_string(column.type) else None for column in batch.columns)
        clock = (field.name for field in batch.schema if pyarrow.types.is_temporal(field.type))
        return Header(names, names, tuple(texts), tuple(clock))

    def blocks(self, written: Sequence[str]) -> Iterator[list[pyarrow.Array]]:
        """Read some columns. Raises: DatasetError."""
        try:
            for batch in self._file.batches(list(written), BLOCK_ROWS):
                yield [batch.column(name) for name in written]
        except _UNREADABLE as error:
            raise _damaged(self.name, error) from error

    def add_ragged(self, faults: TableFaults) -> None:
        """Say nothing: columns of Parquet are as long as each other."""

    def lines_of(self, rows: list[int]) -> dict[int, int]:
        """Give the numbers of rows, counted from 1."""
        return {row: row + 1 for row in rows}


def source_of(path: Path, name: str, reading: Reading = AS_FOUND) -> CsvSource | ParquetSource:
    """Find out how a file is read. Raises: DatasetError for a directory or an ending that no table has."""
    if path.is_dir():
        raise DatasetError(f"{path} is a directory.", remedy="Give a CSV or Parquet file.")
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    kind = suffixes[-1] if suffixes else ""
    if kind == ".parquet":
        return ParquetSource(path, name, reading)
    if kind not in DELIMITERS:
        raise DatasetError(
            f"{name} has the ending {kind!r}, but a table has one of .csv, .tsv (or that and .gz), .parquet.",
            remedy="Convert or rename the file.",
        )
    return CsvSource(path, name, DELIMITERS[kind], reading)


def _damaged(name: str, error: BaseException) -> DatasetError:
    return DatasetError(f"{name} is damaged or cut off: {error}.", remedy="Copy or download the file again.")


def is_number(text: str) -> bool:
    """Tell whether a cell holds a number in the form that is read."""
    return re.match(_NUMBER, text.strip()) is not None


def read_numbers(column: pyarrow.Array) -> tuple[np.ndarray, np.ndarray]:
    """Read a block as float64 [n], NaN where a value is missing, and tell which cells hold no number [n]."""
    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        return read_numbers(column.dictionary_decode())
    if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
        try:
            return _floats(column), np.zeros(len(column), dtype=bool)
        except pyarrow.ArrowInvalid:
            return _careful_numbers(column)
    if pyarrow.types.is_null(kind) or pyarrow.types.is_floating(kind) or pyarrow.types.is_decimal(kind):
        return _floats(column), np.zeros(len(column), dtype=bool)
    if pyarrow.types.is_integer(kind):
        return _floats(column), np.zeros(len(column), dtype=bool)
    return np.full(len(column), np.nan), column.is_valid().to_numpy(zero_copy_only=False)


def _floats(column: pyarrow.Array) -> np.ndarray:
    numbers = column.cast(pyarrow.float64(), safe=False).fill_null(np.nan)
    return numbers.to_numpy(zero_copy_only=False)


def _careful_numbers(column: pyarrow.Array) -> tuple[np.ndarray, np.ndarray]:
    """Read a block in which some cell is no number, or has blanks around it."""
    texts = pyarrow.compute.utf8_trim_whitespace(column)
    good = pyarrow.compute.match_substring_regex(texts, _NUMBER)
    missing = pyarrow.compute.is_in(pyarrow.compute.utf8_lower(texts), value_set=pyarrow.array(MISSING, texts.type))
    numbers = _floats(pyarrow.compute.if_else(good, texts, None))
    bad = pyarrow.compute.invert(pyarrow.compute.or_(good, missing)).fill_null(False)
    return numbers, bad.to_numpy(zero_copy_only=False)


def number_fault(name: str, value: Any) -> tuple[str, str]:
    """Say what is wrong with a cell that holds no number, and what to do."""
    problem = f"{name} is {_cut(value)}, but must be a number"
    text = str(value).strip()
    if isinstance(value, bool) or text.lower() in ("true", "false"):
        return problem, "Write 1 and 0 for true and false."
    if re.fullmatch(r"[+-]?\d*,\d+", text):
        return problem, f"Write a decimal point, {text.replace(',', '.')}."
    if re.fullmatch(r"[+-]?\d{1,3}([,_' ]\d{3})+(\.\d*)?", text):
        return problem, f"Write it without marks between thousands, {re.sub(r'[^0-9.+-]', '', text)}."
    if "\n" in text:
        return problem, "Close the quote that begins there."
    return problem, UNKNOWN_REMEDY


def _cut(value: Any) -> str:
    shown = repr(value) if isinstance(value, str) else str(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."
