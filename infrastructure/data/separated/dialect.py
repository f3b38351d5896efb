"""How a file of separated cells is written: found once, and then the same for rows and for tables."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from domain.exceptions import DatasetError
from domain.reading import DELIMITERS, Reading
from infrastructure.data.files.encodings import Say, Survey, survey
from infrastructure.data.files.opening import open_text, told_of
from infrastructure.data.separated.quoting import (
    QUOTE_REMEDY,
    foreign_quotes,
    looks_like_rows,
    repeated_shapes,
    tabs_are_quoted,
)

SAMPLE_CHARACTERS = 1 << 18
CHUNK_CHARACTERS = 1 << 20
_LEAST_SHARE = 0.5  # of the rows that have as many cells as the header
_LEAST_LEAD = 0.1
_LEAST_ROWS = 3  # that are as wide as each other, and wider than the first line: it is no header
_MOST = 0.8
_SHOWN = {"\t": "tabs"}
_PADDED = re.compile(' +"')


@dataclass(frozen=True)
class Dialect:
    """What stands between cells, whether a cell may stand between quotes, and how the text is decoded.

    `newline` is what `open` takes for a line end; `skipped` counts lines before the header.
    """

    delimiter: str
    is_quoted: bool
    encoding: str
    newline: str
    skipped: int = 0

    def cells(self, lines: Iterable[str], strict: bool = True, skips_blanks: bool = False) -> Any:
        """Split lines into cells: a reader of the csv module. Blanks may stand before a quote when `skips_blanks`."""
        csv.field_size_limit(1 << 30)  # the limit of a row comes first
        if self.is_quoted:
            return csv.reader(lines, delimiter=self.delimiter, strict=strict, skipinitialspace=skips_blanks)
        return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE, strict=strict)


class SeparatedFile:
    """A plain or gzipped file of cells; `name` is what messages call it.

    Raises: DatasetError when it is no text, or can be read in more than one way.
    """

    def __init__(self, path: Path, name: str, reading: Reading, say: Say) -> None:
        self.path, self.name, self.reading, self.say = path, name, reading, say

    @cached_property
    def survey(self) -> Survey:
        """Look at all of the file."""
        return survey(self.path, self.name, self.reading, self.say)

    @cached_property
    def dialect(self) -> Dialect:
        """Find out how the cells are written; what is set wins."""
        found = self.survey
        if found.line_feeds and found.ends_in_return:
            raise self.mixed_ends()
        first = self._sample[0].rstrip("\r\n") if self._sample else ""
        hint = first[4:] if first.lower().startswith("sep=") and first[4:] in DELIMITERS else None  # as Excel has it
        delimiter = self.reading.delimiter or hint or self._delimiter()
        skipped = int(hint is not None)
        if self.reading.quoting is not None:
            is_quoted = self.reading.quoting == "double"
        elif delimiter == "\t" and found.marks:
            with self.open() as file:
                is_quoted = tabs_are_quoted(file, self.name, self.reading.row_characters)
        else:
            is_quoted = True
        if delimiter != self._usual:
            self.say(f"{self.name}: cells are split by {_SHOWN.get(delimiter, repr(delimiter))}.")
        return Dialect(delimiter, is_quoted, found.encoding, found.newline, skipped)

    @contextmanager
    def open(self) -> Iterator[TextIO]:
        """Open the text. Raises: DatasetError in our words for what stops the reading within the block."""
        found = self.survey
        with told_of(self.path, self.name), open_text(self.path, self.reading, found.encoding, found.newline) as file:
            yield file

    @property
    def num_lines(self) -> int:
        """Count the lines, as far as they end alike."""
        sign, count, last = "\n" if self.survey.line_feeds else "\r", 0, ""
        with self.open() as file:
            while text := file.read(CHUNK_CHARACTERS):
                count, last = count + text.count(sign), text[-1]
        return count + (last != sign)

    def mixed_ends(self) -> DatasetError:
        """Say that carriage returns may be line ends beside line feeds, or letters."""
        return DatasetError(
            f"{self.name}: some lines end in line feeds and some may end in carriage returns alone.",
            remedy=f"Write all line ends alike, for example: tr '\\r' '\\n' < {self.name} > new",
        )

    def line_fault(self, first: int, last: int, cells: Sequence[str]) -> tuple[str, str] | None:
        """Say what is wrong with a row that takes several lines, and what to do; None when nothing seems to be."""
        if not looks_like_rows(cells, self.dialect.delimiter, self._known):
            return None
        return f"a quoted cell takes the lines {first} to {last}, each of which looks like a row", QUOTE_REMEDY

    @cached_property
    def has_blanks_before_quotes(self) -> bool:
        """Tell whether cells are written as in `"a", "b"`, in most rows."""
        if not self.dialect.is_quoted or self.dialect.delimiter == "\t":
            return False
        padded = sum(any(_PADDED.match(cell) for cell in row[1:]) for row in self.sample_rows)
        return padded > len(self.sample_rows) / 2

    def text_of(self, first: int, last: int) -> str:
        """Give some lines as they stand in the file."""
        with self.open() as file:
            return "".join(islice(file, first - 1, last))

    def foreign_quotes(self, row: str) -> tuple[str, str] | None:
        """Say how a row that cannot be split is quoted otherwise than by doubled quotes, and what to do."""
        return foreign_quotes(row, self.name, self.dialect.delimiter)

    def require_header_first(self) -> None:
        """Refuse a file whose header stands below a title or remarks. Raises: DatasetError naming its line."""
        own = self.dialect
        line = _header_below(own, self._sample)
        if not line and self.reading.delimiter is None and len(self.sample_rows) > 1:
            # A title of no or other delimiters hides those of the rows.
            widths = [len(row) for row in self.sample_rows]
            if widths[0] == 1 or widths.count(widths[0]) < _LEAST_SHARE * len(widths):
                others = (replace(own, delimiter=delimiter) for delimiter in DELIMITERS if delimiter != own.delimiter)
                line = next((found for other in others if (found := _header_below(other, self._sample))), 0)
        if line:
            remedy = f"Remove the lines above it, for example: tail -n +{line} {self.name} > new"
            if self.reading.delimiter is not None:
                remedy = f"Leave delimiter out, so that it is found. Or: {remedy}"
            raise DatasetError(
                f"{self.name}:{line}: the header seems to stand here, below lines that are no rows.", remedy=remedy
            )

    @cached_property
    def sample_rows(self) -> list[list[str]]:
        """Give the cells of the first rows, the header among them."""
        return list(_rows(self.dialect, self._sample[self.dialect.skipped :]))

    @cached_property
    def _known(self) -> list[set[str]]:
        return repeated_shapes(self.sample_rows[1:], len(self.sample_rows[0]) if self.sample_rows else 0)

    @cached_property
    def _sample(self) -> list[str]:
        with self.open() as file:
            lines = io.StringIO(file.read(SAMPLE_CHARACTERS), newline=self.survey.newline).readlines()
            if len(lines) > 1 and file.read(1):
                lines.pop()
        return lines

    @property
    def _usual(self) -> str:
        return "\t" if self.path.name.lower().removesuffix(".gz").endswith(".tsv") else ","

    def _delimiter(self) -> str:
        """Find what stands between cells: the header has it, and most rows as often. Raises: DatasetError."""
        header = next((line for line in self._sample if line.strip("\r\n")), "")
        if '"' not in header:
            there = [delimiter for delimiter in DELIMITERS if delimiter in header]
            if len(there) < 2:
                return (there or [self._usual])[0]
        shares = {delimiter: self._share(delimiter) for delimiter in DELIMITERS}
        likely = sorted((name for name in DELIMITERS if shares[name] >= _LEAST_SHARE), key=shares.__getitem__)[::-1]
        if not likely:
            return self._usual
        if len(likely) == 1 or shares[likely[0]] == 1 > shares[likely[1]]:
            return likely[0]
        if shares[likely[0]] - shares[likely[1]] >= _LEAST_LEAD:
            return likely[0]
        settings = " or ".join(f"--set delimiter={_typed(name)}" for name in likely)
        raise DatasetError(
            f"{self.name}: cells may be split by {' or '.join(map(repr, likely))}.", remedy=f"Say which: {settings}."
        )

    def _share(self, delimiter: str) -> float:
        """Give the share of rows that have as many cells as the header, 0 where that has one."""
        shares = [0.0]
        for is_quoted in (True, False) if delimiter == "\t" else (True,):
            dialect = Dialect(delimiter, is_quoted, "", "")
            widths = [len(row) for row in _rows(dialect, self._sample)]
            rows = widths[1:-1] if len(widths) > 20 else widths[1:]  # the last may be cut
            if widths and widths[0] > 1:
                shares.append(sum(width == widths[0] for width in rows) / len(rows) if rows else 1.0)
        return max(shares)


def _header_below(dialect: Dialect, lines: Iterable[str]) -> int:
    """Give the line of a header that is wider than the first line and as wide as what follows it, else 0."""
    reader = dialect.cells(lines, strict=False)
    rows: list[tuple[int, list[str]]] = []
    with suppress(csv.Error):
        for cells in reader:
            if cells:
                rows.append((reader.line_num, cells))
    usual, count = Counter(len(cells) for _, cells in rows).most_common(1)[0] if rows else (0, 0)
    if count < _LEAST_ROWS or len(rows[0][1]) >= usual:
        return 0
    at = next(number for number, (_, cells) in enumerate(rows) if len(cells) == usual)
    (line, header), below = rows[at], [cells for _, cells in rows[at + 1 :] if len(cells) == usual]
    values = [set(column) for column in zip(*below, strict=True)]
    is_header = not any(name in column for name, column in zip(header, values, strict=True))
    return line if is_header and count >= _MOST * (len(rows) - at) else 0


def _rows(dialect: Dialect, lines: Iterable[str]) -> Iterator[list[str]]:
    """Give the rows up to the first that cannot be split, blank lines left out."""
    with suppress(csv.Error):
        for row in dialect.cells(lines, strict=False):
            if row:
                yield row


def _typed(delimiter: str) -> str:
    return """'"\\t"'""" if delimiter == "\t" else f"'{delimiter}'"
