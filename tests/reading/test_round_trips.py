"""A table of texts that Python's csv, pyarrow or polars wrote is read back cell by cell, or refused."""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exceptions import DatasetError
from infrastructure.data.files.table_faults import TableFaults
from infrastructure.data.sources.readers import RowFault, read_rows
from infrastructure.data.table.csv_source import CsvSource
from infrastructure.data.table.numbers import MISSING
from tests.support.texts import any_text

Table = list[list[str]]
DELIMITERS = (",", ";", "\t", "|")
USUAL = ["", "a", "pos", "neg", "a,b", "a;b", "a\tb", 'say "hi"', '"', '""', "two\nlines", "a\r\nb", "é", " ", "\r"]
CELLS = st.one_of(
    st.sampled_from(USUAL),
    any_text("\0", max_size=8),
    st.text("ab,;\t|\"\n\r '", max_size=6),
)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Draw a header and rows of texts."""
    width = draw(st.integers(1, 4))
    rows = st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=6)
    return [["text", "label", "id", "other note"][:width], *draw(rows)]


def by_csv(table: Table, delimiter: str, quoting: int, line_end: str) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=line_end).writerows(table)  # type: ignore[arg-type]
    return file.getvalue().encode()


def by_pyarrow(table: Table, delimiter: str, quoting: str) -> bytes:
    columns = zip(*table[1:], strict=True)
    made = pyarrow.table({name: pyarrow.array(cells) for name, cells in zip(table[0], columns, strict=True)})
    file = io.BytesIO()
    pyarrow.csv.write_csv(made, file, pyarrow.csv.WriteOptions(delimiter=delimiter, quoting_style=quoting))
    return file.getvalue()


def by_polars(table: Table, delimiter: str, quoting: Any) -> bytes:
    polars = pytest.importorskip("polars")
    columns = zip(*table[1:], strict=True)
    made = polars.DataFrame({name: list(cells) for name, cells in zip(table[0], columns, strict=True)})
    file = io.BytesIO()
    made.write_csv(file, separator=delimiter, quote_style=quoting)
    return file.getvalue()


WRITERS: dict[str, tuple[Callable[..., bytes], Sequence[tuple[Any, ...]]]] = {
    "csv": (
        by_csv,
        [
            (quoting, line_end)
            for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)
            for line_end in ("\n", "\r\n", "\r")
        ],
    ),
    "pyarrow": (by_pyarrow, [("needed",), ("all_valid",)]),
    "polars": (by_polars, [("necessary",), ("always",), ("non_numeric",)]),
}


def is_blank(row: Sequence[str | None]) -> bool:
    return not any(cell and cell.strip() for cell in row)


def rows_of(path: Path) -> Table:
    """Read as rows. Raises: DatasetError."""
    rows = []
    for row in read_rows(path):
        if isinstance(row, RowFault):
            raise DatasetError(row.problem)
        rows.append([str(cell) for cell in row.values.values()])
    return rows


def cells_of(path: Path) -> list[list[str | None]]:
    """Read as a table. Raises: DatasetError."""
    source = CsvSource(path, path.name)
    blocks = list(source.blocks(source.header().written))
    faults = TableFaults()
    source.add_ragged(faults)
    faults.raise_any(path.name, source.lines_of)
    return [list(row) for block in blocks for row in zip(*(cells.to_pylist() for cells in block), strict=True)]


def known(cell: str | None) -> str | None:
    """Take a cell as a table does, and a carriage return at its end as a part of the end of the line."""
    cell = (cell or "").rstrip("\r")
    return None if cell.lower() in MISSING else cell


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("round_trips")


@pytest.mark.parametrize("delimiter", DELIMITERS, ids=["commas", "semicolons", "tabs", "bars"])
@pytest.mark.parametrize("writer", WRITERS)
@settings(max_examples=25, deadline=None, database=None)
@given(table=tables(), data=st.data())
def test_what_was_written_is_read_or_refused(
    scratch: Path, writer: str, delimiter: str, table: Table, data: st.DataObject
) -> None:
    write, options = WRITERS[writer]
    suffix = data.draw(st.sampled_from([".csv", ".tsv"]))
    path = scratch / f"t{suffix}"
    path.write_bytes(write(table, delimiter, *data.draw(st.sampled_from(options))))
    try:
        rows = rows_of(path)
    except DatasetError:
        pass
    else:
        expected = [row for row in table[1:] if not is_blank(row)]
        assert [[*row[:-1], row[-1].rstrip("\r")] for row in rows] == [
            [*row[:-1], row[-1].rstrip("\r")] for row in expected
        ]
    try:
        cells = cells_of(path)
    except DatasetError:
        return
    wanted = [[known(cell) for cell in row] for row in table[1:]]
    found = [[known(cell) for cell in row] for row in cells]
    if len(table[0]) > 1:
        wanted, found = ([row for row in rows if not is_blank(row)] for rows in (wanted, found))
    else:
        wanted, found = _without_tail(wanted), _without_tail(found)
    assert found == wanted


def _without_tail(rows: list[list[str | None]]) -> list[list[str | None]]:
    while rows and rows[-1] == [None]:
        rows.pop()
    return rows


@pytest.mark.parametrize("delimiter", DELIMITERS, ids=["commas", "semicolons", "tabs", "bars"])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_usual_table_is_read_and_not_refused(scratch: Path, writer: str, delimiter: str) -> None:
    """The property above would hold of a reader that refuses everything."""
    table = [["text", "label"], ["one, two; three", "pos"], ['a\t"b"|c', "neg"], ["d\ne", "pos"], ["x", "neg"]]
    write, options = WRITERS[writer]
    for option in options:
        if option[-1] == "\r":
            continue
        path = scratch / "usual.csv"
        path.write_bytes(write(table, delimiter, *option))
        assert rows_of(path) == cells_of(path) == table[1:]
