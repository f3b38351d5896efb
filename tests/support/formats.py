"""The same columns written in every format that people have them in."""

import csv
import datetime
import gzip
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import openpyxl
import polars
import pyarrow
import pyarrow.feather
import pyarrow.parquet

Columns = dict[str, list[Any]]
Write = Callable[[Path, Columns], None]


def rows_in(columns: Columns) -> Iterable[tuple[Any, ...]]:
    return zip(*columns.values(), strict=True)


def separated(encoding: str = "utf-8", decimal: str = ".", **dialect: Any) -> Write:
    def write(path: Path, columns: Columns) -> None:
        file = io.StringIO()
        writer = csv.writer(file, **dialect)
        writer.writerow(columns)
        for row in rows_in(columns):
            writer.writerow([str(cell).replace(".", decimal) if isinstance(cell, float) else cell for cell in row])
        path.write_bytes(file.getvalue().encode(encoding))

    return write


def unquoted(path: Path, columns: Columns) -> None:
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows_in(columns)]
    lines = ["\t".join(row) for row in ([*columns], *cells)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def as_objects(columns: Columns) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in rows_in(columns)]


def json_lines(path: Path, columns: Columns) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in as_objects(columns)), encoding="utf-8")


def json_array(path: Path, columns: Columns) -> None:
    path.write_text(json.dumps(as_objects(columns), ensure_ascii=False, indent=1), encoding="utf-8")


def arrays(columns: Columns, **kinds: pyarrow.DataType) -> pyarrow.Table:
    """Make a table; `texts`, `numbers` and `times` are the types of columns that hold such."""
    made = {}
    for name, cells in columns.items():
        first = next(cell for cell in cells if cell is not None)
        role = {str: "texts", float: "numbers", datetime.datetime: "times"}.get(type(first), "")
        array = pyarrow.array(cells)
        kind = kinds.get(role)
        if kind is not None:
            is_coded = pyarrow.types.is_dictionary(kind)
            array = array.cast(kind.value_type).dictionary_encode().cast(kind) if is_coded else array.cast(kind)
        made[name] = array
    return pyarrow.table(made)


def parquet(**kinds: pyarrow.DataType) -> Write:
    return lambda path, columns: pyarrow.parquet.write_table(arrays(columns, **kinds), path, row_group_size=3)


def arrow(make: Callable[..., Any], compression: str | None = None, **kinds: pyarrow.DataType) -> Write:
    def write(path: Path, columns: Columns) -> None:
        table = arrays(columns, **kinds)
        with make(str(path), table.schema, options=pyarrow.ipc.IpcWriteOptions(compression=compression)) as writer:
            writer.write_table(table, max_chunksize=3)

    return write


def feather(path: Path, columns: Columns) -> None:
    pyarrow.feather.write_feather(arrays(columns), str(path))


def saved_dataset(path: Path, columns: Columns) -> None:
    table = arrays(columns)
    (path / "train").mkdir(parents=True)
    names = []
    for start in range(0, table.num_rows, 3):
        names.append(f"data-{start:05d}.arrow")
        with pyarrow.ipc.new_stream(str(path / "train" / names[-1]), table.schema) as writer:
            writer.write_table(table.slice(start, 3))
    state = {"_data_files": [{"filename": name} for name in names]}
    (path / "train" / "state.json").write_text(json.dumps(state))
    (path / "train" / "dataset_info.json").write_text(json.dumps({"features": None}))
    (path / "dataset_dict.json").write_text(json.dumps({"splits": ["train"]}))


def workbook(path: Path, columns: Columns) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in ([*columns], *rows_in(columns)):
        sheet.append(list(row))
    for line in sheet.iter_rows():
        for cell in line:
            cell.data_type = "s" if isinstance(cell.value, str) else cell.data_type  # =1+1 is a text here
    book.save(path)


def of_polars(write: Callable[[polars.DataFrame, Path], None]) -> Write:
    return lambda path, columns: write(polars.DataFrame(columns), path)


def packed(write: Write) -> Write:
    def write_packed(path: Path, columns: Columns) -> None:
        plain = path.with_suffix("")
        write(plain, columns)
        path.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))

    return write_packed


STRINGS = (
    pyarrow.string(),
    pyarrow.large_string(),
    pyarrow.string_view(),
    pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
    pyarrow.dictionary(pyarrow.int8(), pyarrow.large_string()),
)
FORMATS: dict[str, tuple[str, Write]] = {
    "JSON": ("x.json", json_array),
    "JSON Lines": ("x.jsonl", json_lines),
    "CSV": ("x.csv", separated()),
    "CSV ;": ("x.csv", separated(delimiter=";")),
    "CSV |": ("x.csv", separated(delimiter="|")),
    "CSV tab": ("x.csv", separated(delimiter="\t")),
    "CSV all quoted": ("x.csv", separated(quoting=csv.QUOTE_ALL, lineterminator="\n")),
    "CSV with mark": ("x.csv", separated(encoding="utf-8-sig")),
    "CSV UTF-16": ("x.csv", separated(encoding="utf-16")),
    "CSV Windows-1252": ("x.csv", separated(encoding="cp1252", delimiter=";")),
    "CSV of polars": ("x.csv", of_polars(lambda frame, path: frame.write_csv(path))),
    "TSV": ("x.tsv", unquoted),
    **{f"Parquet {kind}": ("x.parquet", parquet(texts=kind)) for kind in STRINGS},
    "Parquet of polars": ("x.parquet", of_polars(lambda frame, path: frame.write_parquet(path))),
    "Arrow file": ("x.arrow", arrow(pyarrow.ipc.new_file)),
    "Arrow file zstd": ("x.arrow", arrow(pyarrow.ipc.new_file, "zstd", texts=pyarrow.string_view())),
    "Arrow stream": ("x.arrow", arrow(pyarrow.ipc.new_stream)),
    "Arrow stream lz4": ("x.ipc", arrow(pyarrow.ipc.new_stream, "lz4", texts=pyarrow.large_string())),
    "Feather": ("x.feather", feather),
    "Arrow of polars": ("x.arrow", of_polars(lambda frame, path: frame.write_ipc(path))),
    "saved data set": ("x", saved_dataset),
    "Excel": ("x.xlsx", workbook),
}
FORMATS |= {
    f"{name} gz": (f"{FORMATS[name][0]}.gz", packed(FORMATS[name][1]))
    for name in ("JSON", "JSON Lines", "CSV", "CSV ;", "TSV", "Parquet string", "Arrow file", "Feather", "Excel")
}
