"""Arrow files, streams and Feather are read like Parquet, and refused before they cost more than they may."""

import gzip
import io
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pyarrow
import pyarrow.feather
import pyarrow.ipc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exceptions import DatasetError
from domain.reading import MIB, Reading
from infrastructure.data.labels.rows import RowSchema, load_rows
from infrastructure.data.sources.fields import sought
from infrastructure.data.sources.readers import Row, read_rows
from infrastructure.data.table.table import TableSchema, open_table

ROWS = pyarrow.table(
    {
        "text": ["a", "b", "c", "d"],
        "label": pyarrow.array(["x", "y", "x", "y"]).dictionary_encode(),
        "load": pyarrow.array([1.5, None, 3, 4], pyarrow.float32()),
        "when": pyarrow.array([0, 1, 2, 3], pyarrow.timestamp("s")),
    }
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def packed(table: pyarrow.Table, kind: str = "file", compression: str | None = None, rows: int = 3) -> bytes:
    file = io.BytesIO()
    make = pyarrow.ipc.new_file if kind == "file" else pyarrow.ipc.new_stream
    with make(file, table.schema, options=pyarrow.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table, max_chunksize=rows)
    return file.getvalue()


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


def of_polars(write: Callable[[polars.DataFrame, io.BytesIO], None]) -> bytes:
    file = io.BytesIO()
    write(polars.DataFrame(ROWS.to_pydict()), file)
    return file.getvalue()


def feather(**how: Any) -> bytes:
    file = io.BytesIO()
    pyarrow.feather.write_feather(ROWS, file, **how)
    return file.getvalue()


@pytest.mark.parametrize("name", ["x.arrow", "x.feather", "x.ipc", "x.ARROW", "x.arrow.gz"])
@pytest.mark.parametrize(
    "content",
    [
        *(packed(ROWS, kind, how) for kind in ("file", "stream") for how in (None, "lz4", "zstd")),
        feather(compression="lz4"),
        of_polars(lambda frame, file: frame.write_ipc(file, compression="zstd")),
        of_polars(lambda frame, file: frame.write_ipc_stream(file, compression="uncompressed")),
    ],
    ids=["file", "file lz4", "file zstd", "stream", "stream lz4", "stream zstd", "feather", "polars", "polars stream"],
)
def test_every_form_gives_the_same_rows_and_table(tmp_path: Path, name: str, content: bytes) -> None:
    path = written(tmp_path / name, content)
    rows = load_rows(path, RowSchema(sought("text", ("text",))))
    assert (list(rows.texts), rows.label_names, rows.labels.tolist()) == (list("abcd"), ("x", "y"), [0, 1, 0, 1])
    assert rows.lines.tolist() == [1, 2, 3, 4]
    table = open_table(path, TableSchema(columns=("load",)))
    np.testing.assert_array_equal(table.values[:, 0], [1.5, np.nan, 3, 4])
    assert (table.time_column, table.time_of(3)) == ("when", "1970-01-01T00:00:03")


@pytest.mark.parametrize("kind", ["file", "stream"])
@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_what_unpacks_to_more_than_it_may_is_refused_before_it_is_unpacked(
    tmp_path: Path, kind: str, compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "x.arrow", packed(pyarrow.table({"text": ["a" * 3 * MIB]}), kind, compression))
    assert path.stat().st_size < MIB
    monkeypatch.setattr(pyarrow.ipc, f"open_{kind}", None)
    for read in (lambda: list(read_rows(path, SMALL)), lambda: open_table(path, TableSchema(), SMALL)):
        with pytest.raises(DatasetError, match=r"x\.arrow unpacks to more than 2 MiB"):
            read()


SMALL = Reading(max_row_mib=1, max_unpacked_mib=2)
AMPLIFIED = {
    "repeated text": pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 3000, pyarrow.int8()), ["ab " * 1000]),
    "one long run": pyarrow.RunEndEncodedArray.from_arrays(pyarrow.array([2**30], pyarrow.int32()), ["ab " * 1000]),
    "rows of nothing": pyarrow.Array.from_buffers(pyarrow.null(), 2**31 - 1, [None]),
}


@pytest.mark.parametrize("name", AMPLIFIED)
def test_few_bytes_that_stand_for_many_rows_are_refused(tmp_path: Path, name: str) -> None:
    column = AMPLIFIED[name]
    file = io.BytesIO()
    batch = pyarrow.record_batch([column], ["text"])
    with pyarrow.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)
    path = written(tmp_path / "x.arrow", file.getvalue())
    with pytest.raises(DatasetError, match="unpacks to more than 2 MiB"):
        load_rows(path, RowSchema(sought("text", ("text",)), label=None, reading=SMALL))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"FEA1....", "Feather file of version 1"),
        (b"text,label\na,b\n", "is text"),
        (packed(ROWS)[:-30], "no readable Arrow file"),
        (packed(ROWS, "stream")[:300], "no readable Arrow file"),
        (b"ARROW1\0\0", "no readable Arrow file"),
        (b"ARROW1\0\0" + struct.pack("<i", 2**31 - 1) + b"ARROW1", "no readable Arrow file"),
    ],
)
def test_what_is_no_arrow_file_is_refused_in_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    path = written(tmp_path / "x.arrow", content)
    for read in (lambda: list(read_rows(path)), lambda: open_table(path, TableSchema())):
        with pytest.raises(DatasetError, match=said) as caught:
            read()
        assert caught.value.problem.startswith("x.arrow ")
        assert caught.value.remedy


@settings(max_examples=40)
@given(st.sampled_from(["file", "stream"]), st.sampled_from([None, "zstd"]), st.data())
def test_a_damaged_file_is_read_or_refused_and_never_ends_the_program(
    kind: str, compression: str | None, data: st.DataObject
) -> None:
    content = bytearray(packed(ROWS, kind, compression))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = Path(os.environ["ATHANOR_CACHE"]).parent / "x.arrow"
    path.write_bytes(content)
    try:
        for row in read_rows(path, Reading(max_row_mib=1, max_unpacked_mib=8)):
            assert isinstance(row, Row)
            dict(row.values)
    except DatasetError as error:
        assert error.remedy  # noqa: PT017


def test_only_the_columns_that_are_asked_for_are_read(tmp_path: Path) -> None:
    strange = pyarrow.array([[1], [2]])
    bad = pyarrow.Array.from_buffers(
        pyarrow.string(), 2, [None, pyarrow.py_buffer(struct.pack("<3i", 0, 1, 1)), pyarrow.py_buffer(b"\xff")]
    )
    table = pyarrow.table({"strange": strange, "bad": bad, "text": ["a", "b"]})
    path = written(tmp_path / "x.arrow", packed(table))
    rows = [row for row in read_rows(path) if isinstance(row, Row)]
    assert [row.values["text"] for row in rows] == ["a", "b"]
    with pytest.raises(DatasetError, match="holds text that is not UTF-8"):
        rows[0].values["bad"]


VIEWS = pyarrow.array(["x", "y", "a text too long to be kept within a view"], pyarrow.string_view())
ONCE = {
    "views by number": pyarrow.DictionaryArray.from_arrays(pyarrow.array([0, 2, None, 1], pyarrow.uint32()), VIEWS),
    "runs of views": pyarrow.RunEndEncodedArray.from_arrays(pyarrow.array([1, 2, 4], pyarrow.int16()), VIEWS),
    "runs": pyarrow.RunEndEncodedArray.from_arrays(pyarrow.array([3, 4], pyarrow.int64()), ["x", None]),
    "numbers by number": pyarrow.array([7, None, 7, 9]).dictionary_encode(),
}


@pytest.mark.parametrize("name", ONCE)
def test_values_that_are_kept_once_are_written_out(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / "x.arrow", packed(pyarrow.table({"a": ONCE[name], "b": [1, 2, 3, 4]})))
    assert [row.values["a"] for row in read_rows(path) if isinstance(row, Row)] == ONCE[name].to_pylist()


def test_categories_of_polars_are_labels(tmp_path: Path) -> None:
    labels: dict[str, Any] = {"c": polars.Categorical, "e": polars.Enum(["x", "y"])}
    frame = polars.DataFrame({"text": ["a", "b"]} | {n: polars.Series(["y", "x"], dtype=k) for n, k in labels.items()})
    frame.write_ipc(tmp_path / "x.arrow", compat_level=polars.CompatLevel.newest())
    rows = [row for row in read_rows(tmp_path / "x.arrow") if isinstance(row, Row)]
    assert [[row.values[name] for name in labels] for row in rows] == [["y", "y"], ["x", "x"]]


def test_rows_of_nothing_in_a_parquet_file_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": pyarrow.nulls(100_000, pyarrow.string())}), path)
    assert path.stat().st_size < 10_000
    with pytest.raises(DatasetError, match=r"x\.parquet unpacks to more than 2 MiB"):
        next(iter(read_rows(path, SMALL)))
