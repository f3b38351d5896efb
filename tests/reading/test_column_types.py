"""Columns of every type that Parquet knows are read, left alone, or refused by the name of their type."""

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from domain.exceptions import DatasetError
from domain.reading import MIB, Reading
from infrastructure.data.labels.rows import RowSchema, load_rows
from infrastructure.data.sources.fields import sought
from infrastructure.data.sources.readers import Row, read_rows
from infrastructure.data.table.table import TableSchema, open_table

TEXT_TYPES = (
    pyarrow.string(),
    pyarrow.large_string(),
    pyarrow.string_view(),
    pyarrow.binary(),
    pyarrow.large_binary(),
    pyarrow.binary_view(),
    pyarrow.binary(3),
    pyarrow.dictionary(pyarrow.int8(), pyarrow.string()),
    pyarrow.dictionary(pyarrow.uint32(), pyarrow.large_string()),
    pyarrow.dictionary(pyarrow.int64(), pyarrow.binary()),
)
NESTED: tuple[tuple[Any, str], ...] = (
    (pyarrow.array([["a"], ["b"]]), "list<"),
    (pyarrow.array([{"a": 1}, {"a": 2}]), "struct<a: int64>"),
    (pyarrow.array([[("k", 1)], []], pyarrow.map_(pyarrow.string(), pyarrow.int64())), "map<string, int64>"),
    (pyarrow.array([1, 2], pyarrow.duration("ns")), "duration[ns]"),
)
STRANGE = (
    *(array for array, _ in NESTED),
    pyarrow.array([1, 2], pyarrow.timestamp("ns")),
    pyarrow.array([1, 2], pyarrow.time64("ns")),
    pyarrow.array([b"\xff", b"\x00"]),
    pyarrow.array([Decimal("1.5"), None], pyarrow.decimal256(50, 3)),
    pyarrow.nulls(2),
)

TEXT = sought("text", ("text",))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def parquet(path: Path, **columns: Any) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def values_of(path: Path, name: str) -> list[Any]:
    return [row.values[name] for row in read_rows(path) if isinstance(row, Row)]


def texts_as(kind: pyarrow.DataType, texts: list[Any]) -> pyarrow.Array:
    if pyarrow.types.is_dictionary(kind):
        return pyarrow.array(texts, kind)
    return pyarrow.array([None if text is None else text.encode() for text in texts], pyarrow.binary()).cast(kind)


@pytest.mark.parametrize("kind", TEXT_TYPES, ids=str)
def test_texts_and_labels_of_any_type_are_the_same_rows(tmp_path: Path, kind: pyarrow.DataType) -> None:
    texts, labels = ["abc", "def", "abc"], ["pos", "neg", "pos"]
    path = parquet(tmp_path / "x.parquet", text=texts_as(kind, texts), label=texts_as(kind, labels))
    rows = load_rows(path, RowSchema(TEXT))
    assert (list(rows.texts), rows.label_names, rows.labels.tolist()) == (texts, ("neg", "pos"), [1, 0, 1])


@pytest.mark.parametrize("kind", TEXT_TYPES, ids=str)
def test_a_missing_text_of_any_type_is_missing(tmp_path: Path, kind: pyarrow.DataType) -> None:
    path = parquet(tmp_path / "x.parquet", text=texts_as(kind, [None, "abc", None]))
    assert values_of(path, "text") == [None, "abc", None]


@pytest.mark.parametrize("kind", [kind for kind in TEXT_TYPES if not pyarrow.types.is_fixed_size_binary(kind)], ids=str)
def test_a_text_of_any_type_beyond_the_limit_is_refused_by_its_row(tmp_path: Path, kind: pyarrow.DataType) -> None:
    path = parquet(tmp_path / "x.parquet", text=texts_as(kind, ["abc", "x" * (MIB + 1)]))
    with pytest.raises(DatasetError, match=r"x\.parquet:[12]: the row"):
        load_rows(path, RowSchema(TEXT, label=None, reading=Reading(max_row_mib=1)))


@pytest.mark.parametrize("kind", TEXT_TYPES[:3] + TEXT_TYPES[7:9], ids=str)
def test_a_clock_and_numbers_of_any_text_type_are_read(tmp_path: Path, kind: pyarrow.DataType) -> None:
    days, load = ["2024-01-01", "2024-01-02", "2024-01-03"], ["1.5", "", "-2"]
    table = open_table(
        parquet(tmp_path / "t.parquet", when=texts_as(kind, days), y=texts_as(kind, load)), TableSchema()
    )
    assert (table.time_column, table.time_of(2)) == ("when", "2024-01-03")
    np.testing.assert_array_equal(table.values[:, 0], [1.5, np.nan, -2])


@pytest.mark.parametrize("strange", STRANGE, ids=lambda array: str(array.type))
def test_a_column_that_nobody_reads_does_no_harm(tmp_path: Path, strange: pyarrow.Array) -> None:
    path = parquet(tmp_path / "x.parquet", strange=strange, text=["a", "b"], label=["c", "d"], y=[1.0, 2.0])
    assert list(load_rows(path, RowSchema(TEXT)).texts) == ["a", "b"]
    assert open_table(path, TableSchema("none", columns=("y",))).values[:, 0].tolist() == [1, 2]


@pytest.mark.parametrize(("column", "kind"), NESTED, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("role", ["text", "label", "family"])
def test_a_type_that_is_no_text_is_named_once_for_its_column(
    tmp_path: Path, column: pyarrow.Array, kind: str, role: str
) -> None:
    path = parquet(tmp_path / "x.parquet", **({"text": ["a", "b"], "label": ["c", "d"]} | {role: column}))
    with pytest.raises(DatasetError) as caught:
        load_rows(path, RowSchema(TEXT))
    assert "\n" not in str(caught.value)
    assert f"x.parquet: column '{role}' is of type {kind}" in caught.value.problem


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pyarrow.array([1, None], pyarrow.uint8()), [1, None]),
        (pyarrow.array([1.5, None], pyarrow.float16()), [1.5, None]),
        (pyarrow.array([True, None]), [True, None]),
        (pyarrow.array([Decimal("7"), None], pyarrow.decimal128(5, 0)), [7, None]),
        (pyarrow.array([Decimal("7.5"), None], pyarrow.decimal128(5, 1)), [7.5, None]),
        (pyarrow.array([datetime.date(2024, 1, 31), None]), ["2024-01-31", None]),
        (pyarrow.array([1, None], pyarrow.timestamp("ns")), ["1970-01-01 00:00:00.000000001", None]),
        (pyarrow.array([3, None]).dictionary_encode(), [3, None]),
        (pyarrow.nulls(2), [None, None]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pyarrow.Array) else "",
)
def test_cells_that_are_no_texts_have_the_value_they_would_have_in_json(
    tmp_path: Path, column: pyarrow.Array, values: list[Any]
) -> None:
    assert values_of(parquet(tmp_path / "x.parquet", a=column), "a") == values


@pytest.mark.parametrize(
    "column",
    [
        pyarrow.array([1.5, None, 3], pyarrow.float16()),
        pyarrow.array([1.5, None, 3]).dictionary_encode(),
        pyarrow.array([Decimal("1.5"), None, Decimal(3)], pyarrow.decimal256(50, 4)),
    ],
    ids=lambda column: str(column.type),
)
def test_numbers_of_a_table_may_have_any_type(tmp_path: Path, column: pyarrow.Array) -> None:
    table = open_table(parquet(tmp_path / "t.parquet", a=column), TableSchema("none"))
    np.testing.assert_array_equal(table.values[:, 0], [1.5, np.nan, 3])


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    array = pyarrow.array(["a"])
    pyarrow.parquet.write_table(
        pyarrow.Table.from_arrays([array] * 3, ["text", "label", "text"]), tmp_path / "x.parquet"
    )
    with pytest.raises(DatasetError, match=r"two columns are named 'text' \(1 and 3\)"):
        load_rows(tmp_path / "x.parquet", RowSchema(TEXT))


def test_a_column_that_is_asked_for_late_is_read_from_the_row_it_is_asked_in(tmp_path: Path) -> None:
    count = 10_000
    path = parquet(tmp_path / "x.parquet", a=list(range(count)), b=list(range(count)), c=list(range(count)))
    found = []
    for number, row in enumerate(read_rows(path)):
        assert isinstance(row, Row)
        found.append((row.line, row.values["a"], row.values["b"] if number >= 5_000 else number))
    assert found == [(number + 1, number, number) for number in range(count)]


def test_text_of_bytes_that_are_not_utf8_is_refused_when_it_is_asked_for(tmp_path: Path) -> None:
    path = parquet(tmp_path / "x.parquet", text=[b"\xff"])
    with pytest.raises(DatasetError, match=r"column 'text' holds text that is not UTF-8"):
        values_of(path, "text")


TIMES = tuple((pyarrow.array([1, 2], kind), str(kind)) for kind in (pyarrow.timestamp("ns"), pyarrow.time64("ns")))


@pytest.mark.parametrize(("strange", "kind"), NESTED + TIMES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_column_of_a_table_that_holds_no_numbers_is_named_by_its_type_and_can_be_left_out(
    tmp_path: Path, strange: pyarrow.Array, kind: str
) -> None:
    days = pyarrow.array([1, 2], pyarrow.date32())
    path = parquet(tmp_path / "t.parquet", when=days, strange=strange, y=[1.0, 2.0])
    with pytest.raises(DatasetError) as caught:
        open_table(path, TableSchema(time_column="when"))
    assert f"column 'strange' is of type {kind}" in str(caught.value)
    assert str(caught.value).endswith("which holds no numbers: Leave it out: --set columns=[y].")
    table = open_table(path, TableSchema(columns=("y",)))
    assert (table.time_column, table.values[:, 0].tolist()) == ("when", [1, 2])


def test_a_duration_is_no_clock(tmp_path: Path) -> None:
    path = parquet(tmp_path / "t.parquet", took=pyarrow.array([1, 2], pyarrow.duration("s")), y=[1.0, 2.0])
    assert open_table(path, TableSchema(columns=("y",))).time_column is None


def test_two_columns_of_one_name_are_refused_in_a_table_too(tmp_path: Path) -> None:
    array = pyarrow.array(["1"])
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays([array] * 3, ["a", "b", "a"]), tmp_path / "t.parquet")
    with pytest.raises(DatasetError, match=r"two columns are named 'a' \(1 and 3\)"):
        open_table(tmp_path / "t.parquet", TableSchema())


@pytest.mark.parametrize("strange", [array for array, _ in NESTED], ids=lambda array: str(array.type))
def test_series_in_long_format_are_told_apart_whatever_stands_beside_them(
    tmp_path: Path, strange: pyarrow.Array
) -> None:
    days = pyarrow.array(np.tile(np.arange(10), 2), pyarrow.int32()).cast(pyarrow.date32())
    columns = {"when": days, "shop": ["a"] * 10 + ["b"] * 10, "y": [1.0] * 20, "strange": strange.take([0] * 20)}
    path = parquet(tmp_path / "t.parquet", **columns)
    with pytest.raises(DatasetError, match="shop"):
        open_table(path, TableSchema(columns=("y",)))
