"""Any table of text that a library writes by columns is read back cell by cell."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import polars
import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.data.sources.readers import Row, read_rows
from tests.support.texts import any_text

Columns = dict[str, list[str | None]]
NAMES = any_text("\0", min_size=1, max_size=8)
CELLS = st.none() | any_text(max_size=12)
# A workbook is XML, which knows neither control characters nor \r, and escapes as _x000D_ what it does not know.
PRINTABLE = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="_"), min_size=1, max_size=12
)


@st.composite
def tables(draw: st.DrawFn, names: st.SearchStrategy[str] = NAMES, cells: Any = CELLS) -> Columns:
    height = draw(st.integers(1, 12))
    column = st.lists(cells, min_size=height, max_size=height)
    return draw(st.dictionaries(names, column, min_size=1, max_size=4))


LARGE, VIEWS = pyarrow.large_string(), pyarrow.string_view()
CODED = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())


def arrow(columns: Columns, kind: pyarrow.DataType | None = None) -> pyarrow.Table:
    return pyarrow.table({name: pyarrow.array(cells, kind or pyarrow.string()) for name, cells in columns.items()})


def stream(columns: Columns, file: io.BytesIO) -> None:
    table = arrow(columns)
    with pyarrow.ipc.new_stream(file, table.schema, options=pyarrow.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table, max_chunksize=2)


def frame(columns: Columns) -> polars.DataFrame:
    return polars.DataFrame(columns, schema=dict.fromkeys(columns, polars.String))


WRITERS: dict[str, Callable[[Columns, io.BytesIO], object]] = {
    "pyarrow.parquet": lambda columns, file: pyarrow.parquet.write_table(arrow(columns), file, row_group_size=5),
    "views.parquet": lambda columns, file: pyarrow.parquet.write_table(arrow(columns, VIEWS), file),
    "coded.parquet": lambda columns, file: pyarrow.parquet.write_table(arrow(columns, CODED), file),
    "polars.parquet": lambda columns, file: frame(columns).write_parquet(file),
    "pyarrow.feather": lambda columns, file: pyarrow.feather.write_feather(arrow(columns, LARGE), file),
    "pyarrow.arrow": stream,
    "polars.ipc": lambda columns, file: frame(columns).write_ipc(file, compression="lz4"),
}  # fmt: skip


def read_back(name: str, content: bytes) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / name
        path.write_bytes(content)
        return [dict(row.values) for row in read_rows(path) if isinstance(row, Row)]


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=25)
@given(columns=tables())
def test_cells_are_read_back(name: str, columns: Columns) -> None:
    file = io.BytesIO()
    WRITERS[name](columns, file)
    expected = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    assert read_back(name, file.getvalue()) == expected


@settings(max_examples=25)
@given(columns=tables(PRINTABLE.filter(lambda name: name.strip() == name), PRINTABLE))
def test_texts_of_a_workbook_are_read_back(columns: Columns) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in ([*columns], *zip(*columns.values(), strict=True)):
        sheet.append(list(row))
    for line in sheet.iter_rows():
        for cell in line:
            cell.data_type = "s"  # a text, whatever it begins with
    file = io.BytesIO()
    book.save(file)
    expected = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    assert read_back("x.xlsx", file.getvalue()) == expected


def test_points_in_the_names_of_columns_are_letters() -> None:
    columns: Columns = {"a": ["1", "2"], "a.b": ["3", None], "a.b.c": [None, "5"], ".": ["6", "7"]}
    file = io.BytesIO()
    WRITERS["pyarrow.parquet"](columns, file)
    assert read_back("x.parquet", file.getvalue())[1] == {"a": "2", "a.b": None, "a.b.c": "5", ".": "7"}
