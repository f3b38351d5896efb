"""Quotes around cells: whether a tabbed file has them, and when one was left open."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from shlex import quote

from domain.exceptions import DatasetError

KNOWN_SHARE = 0.8
UNLIKELY_LINES = 30  # of as many cells as the header has, when nothing else is known of them
UNLIKELY_TABBED_LINES = 4  # a tab hardly ever stands in a text
QUOTE_REMEDY = "Close that quote, double it within a quoted cell, or read quotes as letters with --set quoting=none."
_LINE_ENDS = re.compile(r"\r\n|\n|\r")
_DIGITS = re.compile(r"\d+")
_BETWEEN = r'"[^"]*(?:""[^"]*)*"'
_CELL = rf'(?:{_BETWEEN}|[^"\t\r\n]*)'
_RECORD = re.compile(rf"{_CELL}(?:\t{_CELL})*[\r\n]*")
_QUOTED = re.compile(r'(?:^|\t)"([^"]*(?:""[^"]*)*)"(?=[\t\r\n]|$)')
_OTHERS = re.compile("[,;|]")  # Excel quotes a cell with a comma even between tabs
_NEEDS_QUOTES = re.compile(r'[\t\r\n"]|^$')


def foreign_quotes(row: str, name: str, delimiter: str) -> tuple[str, str] | None:
    """Say how a row quotes otherwise than by doubled quotes, and a command that writes the file anew."""
    reads, end = ("gzip.open", ', "rt"') if name.lower().endswith(".gz") else ("open", "")
    if '\\"' in row or f"\\{delimiter}" in row:
        said, how = "a backslash stands before a quote or delimiter, but cells are quoted", "escapechar=chr(92)"
    elif _between("'", "'", delimiter).search(row):
        said, how = "cells stand between single quotes, but only double ones hold a cell together", "quotechar=chr(39)"
    elif _between("\u201c\u201d", "\u201c\u201d", delimiter).search(row):
        said = "cells stand between typographic quotes, but only straight ones hold a cell together"
        return said, f"Make them straight: sed 's/[\u201c\u201d]/\"/g' {quote(name)} > new.csv"
    else:
        return None
    opened = f'{reads}({_literal(name)}{end}, newline="", encoding="utf-8-sig")'
    cells = f"csv.reader({opened}, delimiter={_literal(delimiter)}, {how})"
    code = f'import csv, gzip; csv.writer(open("new.csv", "w", newline="", encoding="utf-8")).writerows({cells})'
    return said, f"Write the file anew: python3 -c {quote(code)}"


def _between(opening: str, closing: str, delimiter: str) -> re.Pattern[str]:
    """Match a cell between quotes that holds a delimiter."""
    split = re.escape(delimiter)
    return re.compile(f"(?:^|{split}) *[{opening}][^{closing}]*{split}[^{closing}]*[{closing}] *(?:{split}|$)", re.M)


def _literal(text: str) -> str:
    return json.dumps(text, allow_nan=False)


def looks_like_rows(cells: Sequence[str], delimiter: str, known: Sequence[set[str]]) -> bool:
    """Tell whether the lines of a row of several seem to be rows themselves: a quote was left open then.

    `known` are the shapes of each column's values that other rows repeat. Every line must have as many cells as the
    header; most must be of a known shape in some column, or there must be more lines than a cell is likely to have.
    """
    lines = list(_physical(cells, delimiter))
    if len(known) < 2 or any(len(line) != len(known) for line in lines):
        return False
    whole = lines[1:-1] or lines[:1]
    for number, shapes in enumerate(known):
        if sum(_shape(line[number].strip('"')) in shapes for line in whole) >= KNOWN_SHARE * len(whole):
            return True
    return len(lines) >= UNLIKELY_LINES and all(all(line) for line in whole)


def repeated_shapes(rows: Iterable[Sequence[str]], width: int) -> list[set[str]]:
    """Give the values of each column which occur in several of the rows, all numbers taken for one."""
    counts: list[Counter[str]] = [Counter() for _ in range(width)]
    for row in rows:
        if len(row) == width:
            for count, cell in zip(counts, row, strict=True):
                count[_shape(cell)] += 1
    return [{value for value, number in count.items() if number > 1 and value} for count in counts]


def _shape(cell: str) -> str:
    return _DIGITS.sub("0", cell)


def _physical(cells: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    """Split a row into the lines it stands on, and these into cells without regard to quotes."""
    line: list[str] = []
    for cell in cells:
        first, *others = _LINE_ENDS.split(cell)
        line += first.split(delimiter)
        for other in others:
            yield line
            line = other.split(delimiter)
    yield line


def tabs_are_quoted(lines: Iterable[str], name: str, most: int) -> bool:
    """Tell whether cells between tabs are quoted, as a writer does that quotes: whole cells, and those in need of it.

    A text between tabs is otherwise unquoted. `most` characters are the longest row.
    Raises: DatasetError when it can be read both ways, and the rows would differ.
    """
    seen = _Tabbed()
    first = size = 0
    row: list[str] = []
    is_open = False
    for number, line in enumerate(lines, 1):
        seen.take_line(line, is_whole=not row)
        if not row and '"' not in line:
            continue
        first = first if row else number
        row.append(line)
        size += len(line)
        is_open ^= line.count('"') % 2 == 1
        if not is_open:
            if not seen.take_quoted("".join(row), first, number):
                return False
            row, size = [], 0
        elif size > most:
            return False
    if row or not seen.is_quoted:
        return False
    if seen.width < 2 or seen.is_ragged or not seen.longest:
        return True
    first, last = seen.longest
    if last - first + 1 >= UNLIKELY_TABBED_LINES:
        return False
    raise DatasetError(
        f"{name}:{first}: the quotes of the lines {first} to {last} may stand around one cell, or be letters of"
        f" {last - first + 1} rows.",
        remedy="Say which with --set quoting=double or --set quoting=none.",
    )


class _Tabbed:
    """What the lines of a tabbed file tell of its quotes."""

    def __init__(self) -> None:
        self.width = 0
        self.is_ragged = False
        self.longest: tuple[int, int] | None = None
        self._plain_lines = 0
        self._plain_marks = False
        self._needed = self._needless = self._needless_without_mark = 0
        self._bare: set[int] = set()
        self._dressed: set[int] = set()

    def take_line(self, line: str, is_whole: bool) -> None:
        text = line.rstrip("\r\n")
        if not text:
            return
        width = text.count("\t") + 1
        self.width = self.width or width
        self.is_ragged = self.is_ragged or width != self.width
        if is_whole and '"' not in text:
            self._plain_lines += 1
            self._plain_marks = self._plain_marks or bool(_OTHERS.search(text))

    def take_quoted(self, row: str, first: int, last: int) -> bool:
        """Look at a row with quotes. Gives False when they are not around whole cells."""
        if not _RECORD.fullmatch(row):
            return False
        if last > first and (self.longest is None or last - first > self.longest[1] - self.longest[0]):
            self.longest = first, last
        for match in _QUOTED.finditer(row):
            if _NEEDS_QUOTES.search(match.group(1)):
                self._needed += 1
                continue
            self._needless += 1
            self._needless_without_mark += not _OTHERS.search(match.group(1))
        # Quoted cells hold no tab from here on, so that the others can be told by their column.
        for column, cell in enumerate(re.sub(_BETWEEN, '"', row).rstrip("\r\n").split("\t")):
            if cell:
                (self._dressed if cell == '"' else self._bare).add(column)
        return True

    @property
    def is_quoted(self) -> bool:
        """Tell whether a writer that quotes has written this: where it is needed, every text, or as Excel does."""
        if not self._needless:
            return self._needed > 0
        if self.width < 2 and not self._needless_without_mark:
            return True
        whole_columns = self._plain_lines <= 1 and not self._dressed & self._bare
        like_excel = not self._needless_without_mark and not self._plain_marks
        return whole_columns or like_excel
