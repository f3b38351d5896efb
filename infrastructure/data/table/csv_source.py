"""Columns of separated texts in blocks, so that memory does not grow with the file."""

import csv
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.csv

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, MAX_FIELDS, Reading
from infrastructure.data.files.opening import BoundedLines, open_unpacked, undecodable
from infrastructure.data.files.row import MAX_FAULTS_SHOWN
from infrastructure.data.files.table_faults import TableFaults
from infrastructure.data.separated.decimal_marks import DecimalMarks
from infrastructure.data.separated.dialect import SeparatedFile
from infrastructure.data.separated.rows import faults_of_lines, header_names, ragged, unreadable
from infrastructure.data.table.columns import UNREADABLE, Header, damaged
from infrastructure.data.table.numbers import MISSING

BLOCK_BYTES = 1 << 22
# The spellings that the parser itself takes for missing; the others are found when a block is read with more care.
_USUAL_MISSING = [word for name in MISSING for word in {name, name.upper(), name.title()}] + ["NaN"]


class CsvSource:
    """A separated text file, plain or gzipped; `notes` tell what was found unusual about it."""

    def __init__(self, path: Path, name: str, reading: Reading = AS_FOUND) -> None:
        self.path, self.name, self._reading = path, name, reading
        self.notes: list[str] = []
        self._file = SeparatedFile(path, name, reading, lambda word: self.notes.append(word.removeprefix(f"{name}: ")))
        self._ragged = self._blank_lines = 0
        self._blank: set[int] | None = None

    def header(self) -> Header:
        """Read the header and the first row. Raises: DatasetError when there is none or the file cannot be read."""
        rows = list(islice(self._lines(), 2))
        if not rows:
            raise DatasetError(f"{self.name} is empty.", remedy="Give a file with a header and rows.")
        line, written = rows[0]
        if len(written) > MAX_FIELDS:
            said = f"{self.name}:{line}: has {len(written):,} columns, but at most {MAX_FIELDS:,} are read."
            raise DatasetError(said, remedy="Remove columns.")
        self._file.require_header_first()
        if len(rows) < 2:
            raise DatasetError(f"{self.name} has a header and no rows.", remedy="Give a file with rows.")
        used = self._used_columns(written)
        return Header(tuple(header_names(written[:used])), tuple(written[:used]), tuple(rows[1][1][:used]))

    def _used_columns(self, written: Sequence[str]) -> int:
        """Count the columns but for those at the end without name and cells, where each line ends in a separator."""
        width = used = len(written)
        while used > 1 and not written[used - 1].strip():
            used -= 1
        if used == width:
            return width
        for rows in (iter(self._file.sample_rows), (cells for _, cells in self._lines())):  # the sample tells mostly
            for cells in rows:
                if len(cells) == width and "".join(cells[used:]).strip():
                    return width
        return used

    def blocks(self, written: Sequence[str]) -> Iterator[list[pyarrow.Array]]:
        """Read the cells of some columns as texts, None where one is missing. Raises: DatasetError."""
        self._ragged = self._blank_lines = 0
        read = blank = 0
        try:
            with open_unpacked(self.path, self._reading) as file:
                for block in self._without_blank_tail(self._stream(file, written)):
                    kept = self._without_blank(block, read)
                    read += len(block[0])
                    blank += len(block[0]) - len(kept[0])
                    yield [self._pointed(name, cells) for name, cells in zip(written, kept, strict=True)]
        except UnicodeDecodeError as error:
            raise undecodable(self.name, error) from error
        except pyarrow.ArrowInvalid as error:
            # What stops the parser is a cell longer than a block.
            line, _ = max(self._lines(), key=lambda row: sum(map(len, row[1])))
            raise DatasetError(
                f"{self.name}:{line}: cannot be read ({error}).", remedy="Close the quote that begins there."
            ) from error
        except UNREADABLE as error:
            raise damaged(self.name, error) from error
        if blank := blank + self._blank_lines:
            self.notes.append(f"{blank:,} {'row is' if blank == 1 else 'rows are'} blank in every cell and left out.")
        self._verify(read)

    def _stream(self, file: Any, written: Sequence[str]) -> Iterator[list[pyarrow.Array]]:
        dialect = self._file.dialect
        reader = pyarrow.csv.open_csv(
            file,
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False,
                block_size=BLOCK_BYTES,
                skip_rows=dialect.skipped,
                encoding="utf8" if dialect.encoding == "utf-8-sig" else dialect.encoding,
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char='"' if dialect.is_quoted else False,
                newlines_in_values=dialect.is_quoted,
                ignore_empty_lines=not self._is_one_column,
                invalid_row_handler=self._skip,
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

    def _without_blank_tail(self, blocks: Iterator[list[pyarrow.Array]]) -> Iterator[list[pyarrow.Array]]:
        """Leave out the blank lines at the end of a table of one column, where others are missing values."""
        tail = self._file.survey.blank_tail if self._is_one_column else 0
        held = None
        for block in blocks:
            if not tail:
                yield block
                continue
            cells = block[0] if held is None else pyarrow.concat_arrays([held, block[0]])
            held = cells[max(0, len(cells) - tail) :]
            if len(cells) > len(held):
                yield [cells[: len(cells) - len(held)]]

    def _without_blank(self, block: list[pyarrow.Array], read: int) -> list[pyarrow.Array]:
        """Leave out rows that are blank in every cell, those of a single column aside."""
        if self._is_one_column or not all(cells.null_count for cells in block):
            return block
        empty = np.logical_and.reduce([cells.is_null().to_numpy(zero_copy_only=False) for cells in block])
        if not empty.any():
            return block
        if self._blank is None:
            width = len(self._file.sample_rows[0])
            rows = (cells for _, cells in islice(self._lines(skips_blank=False), 1, None) if len(cells) == width)
            self._blank = {number for number, cells in enumerate(rows) if not "".join(cells).strip()}
        kept = [number for number in range(len(empty)) if not (empty[number] and read + number in self._blank)]
        return [cells.take(pyarrow.array(kept, pyarrow.int64())) for cells in block]

    @cached_property
    def _marks(self) -> DecimalMarks:
        rows = self._file.sample_rows if self._file.dialect.delimiter != "," else []
        marks = DecimalMarks.found(rows, self._reading.decimal)
        if marks.mark == "," and not marks.is_set:
            self.notes.append("numbers are read with a decimal comma.")
        return marks

    def _pointed(self, name: str, cells: pyarrow.Array) -> pyarrow.Array:
        try:
            return self._marks.written_with_points(name, cells)
        except DatasetError as error:
            raise DatasetError(f"{self.name}: {error}") from error

    @cached_property
    def _is_one_column(self) -> bool:
        return len(next(self._lines())[1]) == 1

    def _skip(self, row: pyarrow.csv.InvalidRow) -> str:
        if row.text.strip():
            self._ragged += 1
        else:
            self._blank_lines += 1
        return "skip"

    def _verify(self, read: int) -> None:
        """Read slowly once more what may hold a quote that was left open. Raises: DatasetError."""
        survey, dialect = self._file.survey, self._file.dialect
        rows = read + self._ragged + self._blank_lines + 1 + dialect.skipped
        mixed = bool(survey.line_feeds and survey.lone_returns)
        if not mixed and (not survey.marks or not dialect.is_quoted or rows == self._file.num_lines):
            return
        if mixed and self._is_one_column:
            raise self._file.mixed_ends()
        for fault in faults_of_lines(self._file):
            raise DatasetError(f"{self.name}:{fault.line}: {fault.problem}.", remedy=fault.remedy)

    def add_ragged(self, faults: TableFaults) -> None:
        """Tell of the rows that the last reading had to leave out."""
        if self._ragged:
            rows = self._lines()
            width = len(next(rows)[1])
            told = (ragged(line, line, len(cells), width) for line, cells in rows if len(cells) != width)
            for fault in islice(told, MAX_FAULTS_SHOWN):
                faults.add_lines([fault.line], 1, fault.problem, fault.remedy)
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

    def _lines(self, skips_blank: bool = True) -> Iterator[tuple[int, list[str]]]:
        """Read rows slowly, each with the line it begins on.

        An empty line counts and is no row, unless it stands within a single column. Rows that are blank in every cell
        are none either when `skips_blank`.
        """
        line = 1
        width = waiting = 0
        with self._file.open() as file:
            rows = BoundedLines(file, self.name, self._reading)
            reader = self._file.dialect.cells(iter(rows), strict=False)
            try:
                for cells in reader:
                    if line <= self._file.dialect.skipped:
                        pass
                    elif not cells:
                        waiting += width == 1
                    elif width > 1 and (skips_blank or len(cells) == 1) and not "".join(cells).strip():
                        pass
                    else:
                        yield from ((line - number, [""]) for number in range(waiting, 0, -1))
                        waiting = 0
                        width = width or len(cells)
                        yield line, cells
                    line = reader.line_num + 1
                    rows.row_begins(line)
            except csv.Error as error:
                fault = unreadable(line, reader.line_num, error)
                raise DatasetError(f"{self.name}:{line}: {fault.problem}.", remedy=fault.remedy) from error
