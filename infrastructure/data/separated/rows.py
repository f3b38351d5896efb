"""Rows of a file of separated cells."""

import csv
from collections.abc import Iterator, Sequence

from domain.exceptions import DatasetError
from domain.reading import MAX_FIELDS
from infrastructure.data.files.opening import BoundedLines
from infrastructure.data.files.row import LastFault, Row, RowFault
from infrastructure.data.separated.dialect import Dialect, SeparatedFile
from infrastructure.data.separated.quoting import QUOTE_REMEDY

RAGGED_REMEDY = "Give every row as many cells as the header; quote cells that hold a separator, close every quote."


def separated_rows(source: SeparatedFile) -> Iterator[Row | RowFault]:
    """Read the rows of a file; those that are blank in every cell are left out with a word. Raises: DatasetError."""
    dialect = source.dialect
    blank = blank_line = waiting = repeats = 0
    names: list[str] = []
    apart: list[str] = []  # the same where several have none, which would stand for one another
    width = repeat_line = told_by = 0
    name: str | None = None  # by which a header that comes again is told, in a row of several cells
    with source.open() as file:
        lines = BoundedLines(file, source.name, source.reading)
        reader = dialect.cells(iter(lines), skips_blanks=source.has_blanks_before_quotes)
        line = 1
        try:
            for cells in reader:
                last = reader.line_num
                if not names:
                    if cells and line > dialect.skipped:
                        names = header_names(cells)
                        width = len(names)
                        apart = _told_apart(names) if names.count("") > 1 else []
                        if width > 1:
                            told_by, name = 1, cells[1]  # the first one may begin with a mark of byte order
                        refuse_header(source.name, line, names)
                        source.require_header_first()
                elif not cells or (len(cells) == 1 < width and not cells[0].strip()):
                    waiting += 1  # at the end of the file a blank line is none
                elif len(cells) != width:
                    if len(cells) > width or "".join(cells).strip():
                        yield RowFault(line, *_ragged(source, line, last, cells, width), _as_far(names, cells, dialect))
                    else:
                        blank_line = blank_line or line - waiting
                        blank, waiting = blank + waiting + 1, 0
                elif cells[told_by] == name and header_names(cells) == names:
                    repeats += 1
                    repeat_line = repeat_line or line
                elif last != line and (fault := source.line_fault(line, last, cells)):
                    yield RowFault(line, *fault, _as_far(names, cells, dialect))
                elif not cells[0].strip() and not "".join(cells).strip():
                    blank_line = blank_line or line - waiting
                    blank, waiting = blank + waiting + 1, 0
                else:
                    if waiting:
                        blank_line = blank_line or line - waiting
                        blank, waiting = blank + waiting, 0
                    kept = dict(zip(apart, cells)) if apart else None  # noqa: B905  # as many cells as names
                    yield Row(line, dict(zip(names, cells)), kept)  # noqa: B905
                line = last + 1  # a quoted cell may have taken several lines
                lines.row_begins(line)
        except csv.Error as error:
            fault = source.foreign_quotes(source.text_of(line, reader.line_num))
            yield LastFault(line, *fault) if fault else unreadable(line, reader.line_num, error)
    if source.has_blanks_before_quotes:
        source.say(f"{source.name}: blanks before quotes are no part of the cells.")
    if repeats:
        are = "row repeats the header and is" if repeats == 1 else "rows repeat the header and are"
        source.say(f"{source.name}: {repeats:,} {are} left out, the first at line {repeat_line}.")
    if blank:
        source.say(
            f"{source.name}: {blank:,} {'row is' if blank == 1 else 'rows are'} blank in every cell and left out,"
            f" the first at line {blank_line}."
        )


def faults_of_lines(source: SeparatedFile) -> Iterator[RowFault]:
    """Find rows of several lines that seem to be several rows, and what is no row at all."""
    with source.open() as file:
        lines = BoundedLines(file, source.name, source.reading)
        reader = source.dialect.cells(iter(lines))
        line = 1
        try:
            for cells in reader:
                if reader.line_num > line and (fault := source.line_fault(line, reader.line_num, cells)):
                    yield RowFault(line, *fault)
                line = reader.line_num + 1
                lines.row_begins(line)
        except csv.Error as error:
            yield unreadable(line, reader.line_num, error)


def header_names(cells: Sequence[str]) -> list[str]:
    """Give the names of columns without the blanks, and the marks of byte order, around them."""
    return [cell.strip(" \t\r\n\ufeff") for cell in cells]


def refuse_header(name: str, line: int, names: Sequence[str]) -> None:
    """Refuse a header with very many names, or twice the same. Raises: DatasetError."""
    if len(names) > MAX_FIELDS:
        raise DatasetError(
            f"{name}:{line}: has {len(names):,} columns, but at most {MAX_FIELDS:,} are read.", remedy="Remove columns."
        )
    twice = repeated_names(names)
    if twice:
        raise DatasetError(f"{name}:{line}: {'; '.join(twice)}.", remedy="Rename one of them.")


def repeated_names(names: Sequence[str]) -> list[str]:
    """Say which columns have one name; columns without any have none to share."""
    first: dict[str, int] = {}
    told = []
    for number, name in enumerate(names, 1):
        earlier = first.setdefault(name, number)
        if name and earlier < number:
            told.append(f"two columns are named {name!r} ({earlier} and {number})")
    return told[:20]


def _told_apart(names: Sequence[str]) -> list[str]:
    """Name columns without a name by their place; the others keep theirs."""
    return [name or f"column {place}" for place, name in enumerate(names, 1)]


def _as_far(names: Sequence[str], cells: Sequence[str], dialect: Dialect) -> dict[str, str]:
    """Give the cells of a row that has not as many as the header; the last column holds all that is left."""
    own = _told_apart(names) if list(names).count("") > 1 else names
    width = len(own)
    rest = [dialect.delimiter.join(cells[width - 1 :])] if len(cells) > width else cells[width - 1 :]
    return dict(zip(own, (*cells[: width - 1], *rest), strict=False))


def ragged(line: int, last: int, count: int, width: int) -> RowFault:
    """Say that a row has not as many cells as the header."""
    said = f"has {count} {'cell' if count == 1 else 'cells'}, but the header has {width}"
    if last > line:
        said += f"; a quote joins the lines {line} to {last}"
    return RowFault(line, said, RAGGED_REMEDY)


def _ragged(source: SeparatedFile, line: int, last: int, cells: Sequence[str], width: int) -> tuple[str, str]:
    fault = ragged(line, last, len(cells), width)
    quoting = source.foreign_quotes(source.dialect.delimiter.join(cells)) if len(cells) > width else None
    return (f"{fault.problem}; {quoting[0]}", quoting[1]) if quoting else (fault.problem, fault.remedy)


def unreadable(line: int, last: int, error: csv.Error) -> LastFault:
    """Say why a row cannot be split into cells."""
    said = str(error)
    if "unexpected end" in said:
        said = "the quote that opens here is never closed"
    elif "new-line" in said:
        said = "a carriage return stands within it, but the lines of this file end in line feeds"
        return LastFault(line, f"cannot be read ({said})", "Quote that cell, or remove the carriage return.")
    if last > line:
        said += f"; lines {line} to {last}"
    return LastFault(line, f"cannot be read ({said})", QUOTE_REMEDY)
