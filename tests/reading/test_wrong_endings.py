"""A file that is not what its ending says is refused with the name it should have."""

import bz2
import gzip
import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest

from domain.exceptions import DatasetError
from infrastructure.data.labels.rows import RowSchema, load_rows
from infrastructure.data.sources.fields import sought
from infrastructure.data.table.table import TableSchema, open_table

CSV = b"text,label,y\ngood,pos,1\nbad,neg,2\n"
TABLE = pyarrow.table({"text": ["good", "bad"], "label": ["pos", "neg"], "y": [1, 2]})


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def parquet() -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(TABLE, file)
    return file.getvalue()


def arrow() -> bytes:
    file = io.BytesIO()
    pyarrow.feather.write_feather(TABLE, file)
    return file.getvalue()


def stream() -> bytes:
    file = io.BytesIO()
    with pyarrow.ipc.new_stream(file, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return file.getvalue()


def workbook() -> bytes:
    file = io.BytesIO()
    book = openpyxl.Workbook()
    for row in ([*TABLE.column_names], ["good", "pos", 1], ["bad", "neg", 2]):
        book.worksheets[0].append(row)
    book.save(file)
    return file.getvalue()


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("r.csv", CSV)
    return file.getvalue()


def text() -> bytes:
    return CSV


def lines() -> bytes:
    return b'{"text": "good", "label": "pos"}\n{"text": "bad", "label": "neg"}\n'


def tabbed() -> bytes:
    return CSV.replace(b",", b"\t")


def read(path: Path) -> None:
    load_rows(path, RowSchema(sought("text", ("text",))))


def read_table(path: Path) -> None:
    open_table(path, TableSchema("none", columns=("y",)))


RENAMED: list[tuple[str, Callable[[], bytes], str]] = [
    *(("r.csv", make, name) for make, name in
      ((workbook, "r.xlsx"), (parquet, "r.parquet"), (arrow, "r.arrow"), (stream, "r.arrow"))),
    ("r.parquet", text, "r.csv"),
    ("r.parquet", tabbed, "r.tsv"),
    ("r.parquet", lines, "r.jsonl"),
    ("r.parquet", arrow, "r.arrow"),
    ("r.parquet", workbook, "r.xlsx"),
    ("r.arrow", parquet, "r.parquet"),
    ("r.feather", text, "r.csv"),
    ("r.xlsx", text, "r.csv"),
    ("r.xls", tabbed, "r.tsv"),
    ("r.xlsx", parquet, "r.parquet"),
    ("r.jsonl", parquet, "r.parquet"),
    ("r.json", workbook, "r.xlsx"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "make", "right"), RENAMED)
def test_a_renamed_file_is_read_under_the_name_that_the_remedy_gives(
    tmp_path: Path, name: str, make: Callable[[], bytes], right: str
) -> None:
    path = tmp_path / name
    path.write_bytes(make())
    for reading in (read, read_table)[: 2 if path.suffix not in (".json", ".jsonl") else 1]:
        with pytest.raises(DatasetError, match="which its ending does not say") as caught:
            reading(path)
        assert caught.value.remedy == f"Rename it to {right}."
    read(Path(shutil.copy(path, tmp_path / right)))


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl", "r.tsv"])
def test_gzip_without_its_ending_is_told_by_its_content(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(CSV, mtime=0))
    with pytest.raises(DatasetError, match="is gzip, which its ending does not say") as caught:
        read(tmp_path / name)
    assert caught.value.remedy == f"Rename it to {name}.gz."


@pytest.mark.parametrize("name", ["r.csv", "r.json", "r.parquet", "r.arrow"])
def test_a_zip_archive_has_to_be_unpacked(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(zipped())
    with pytest.raises(DatasetError, match="is a zip archive") as caught:
        read(tmp_path / name)
    assert caught.value.remedy.startswith("Unpack it")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (bz2.compress(CSV), "is a bzip2 archive"),
        (b"%PDF-1.7\n\0", "is a PDF"),
        (b"SQLite format 3\0" + bytes(99), "is an SQLite database"),
    ],
)
def test_what_no_reader_takes_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    for name in ("r.csv", "r.parquet", "r.xlsx"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DatasetError, match=said):
            read(tmp_path / name)


def test_a_page_that_calls_itself_a_workbook_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.xls").write_bytes(b"<html><table><tr><td>text</td></tr></table></html>")
    with pytest.raises(DatasetError, match=r"r\.xls is HTML or XML") as caught:
        read(tmp_path / "r.xls")
    assert "save it as .xlsx" in caught.value.remedy


def test_content_under_a_packed_name_keeps_its_packing(tmp_path: Path) -> None:
    (tmp_path / "r.csv.gz").write_bytes(gzip.compress(parquet(), mtime=0))
    with pytest.raises(DatasetError) as caught:
        read(tmp_path / "r.csv.gz")
    assert caught.value.remedy == "Rename it to r.parquet.gz."
    read(Path(shutil.copy(tmp_path / "r.csv.gz", tmp_path / "r.parquet.gz")))
