"""One table gives the same rows, labels, values and fingerprint from every format that people have it in."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest

from infrastructure.data.labels.rows import LabelledRows, RowSchema, load_rows
from infrastructure.data.pairs.rows import load_pairs
from infrastructure.data.sources.fields import sought
from infrastructure.data.table.table import TableSchema, open_table
from tests.support.formats import FORMATS, Columns, Write, arrow, json_lines, parquet, separated, workbook

TEXTS = [
    "a plain text",
    'she said "yes", twice',
    "un café; naïve",
    "5 € | 10 %",
    "it's",
    "a\\b",
    "# no comment",
    "=1+1",
]
LABELS: dict[str, list[Any]] = {
    "texts": ["pos", "neg", "été", "neg", "pos", "été", "neg", "pos"],
    "integers": [0, 1, -7, 1, 0, -7, 1, 0],
    "booleans": [True, False, True, True, False, False, True, False],
    "whole floats": [0.0, 1.0, 2.0, 1.0, 0.0, 2.0, 1.0, 0.0],
}
FAMILIES = ["a", "a", "b", "b", "c", "c", "d", "d"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelledRows]:
    path = tmp_path_factory.mktemp("reference")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATHANOR_CACHE", str(path / "cache"))
        json_lines(path / "x.jsonl", {"text": TEXTS, "label": LABELS["texts"], "family": FAMILIES})
        yield load_rows(path / "x.jsonl", RowSchema(sought("text", ("text",))))


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("name", FORMATS)
def test_labelled_rows_are_the_same(tmp_path: Path, reference: LabelledRows, name: str, kind: str) -> None:
    names = {
        "texts": ("neg", "pos", "été"),
        "integers": ("-7", "0", "1"),
        "booleans": ("False", "True"),
        "whole floats": ("0", "1", "2"),
    }[kind]
    file, write = FORMATS[name]
    columns: Columns = {"id": list(range(8)), "text": TEXTS, "label": LABELS[kind], "family": FAMILIES}
    write(tmp_path / file, columns)
    rows = load_rows(tmp_path / file, RowSchema(sought("text", ("text",))))
    assert list(rows.texts) == TEXTS
    assert rows.label_names == names
    called = [str(label) if kind != "whole floats" else str(int(label)) for label in LABELS[kind]]
    assert [rows.label_names[number] for number in rows.labels] == called
    assert rows.content == reference.content
    for column in ("keys", "groups"):
        np.testing.assert_array_equal(getattr(rows, column), getattr(reference, column))


@pytest.mark.parametrize("name", FORMATS)
def test_pairs_are_the_same(tmp_path: Path, name: str) -> None:
    file, write = FORMATS[name]
    write(tmp_path / file, {"source": TEXTS, "target": TEXTS[::-1]})
    pairs = load_pairs(tmp_path / file, sought("source", ("source",)), sought("target", ("target",)))
    assert (list(pairs.sources), list(pairs.targets)) == (TEXTS, TEXTS[::-1])


START = datetime.datetime(2024, 2, 28, 18)
TIMES = [START + datetime.timedelta(hours=number) for number in range(48)]
SERIES: Columns = {
    "when": TIMES,
    "load": [None if number == 7 else number * 1.25 - 30 for number in range(48)],
    "price": [0.5 + number for number in range(48)],
}
WRITTEN = SERIES | {"when": [f"{time:%Y-%m-%d %H:%M:%S}" for time in TIMES]}
UNITS = [pyarrow.timestamp(unit) for unit in ("s", "ms", "us", "ns")]
NUMBERS = [pyarrow.float32(), pyarrow.float16(), pyarrow.decimal128(12, 4), pyarrow.decimal256(50, 6)]
TABLES: dict[str, tuple[str, Write, Columns]] = {
    **{name: (*FORMATS[name], WRITTEN) for name in FORMATS if "JSON" not in name},
    "CSV ; decimal comma": ("x.csv", separated(delimiter=";", decimal=","), WRITTEN),
    **{f"Parquet {kind}": ("x.parquet", parquet(times=kind), SERIES) for kind in UNITS},
    **{f"Parquet {kind}": ("x.parquet", parquet(numbers=kind), SERIES) for kind in NUMBERS},
    "Arrow times": ("x.arrow", arrow(pyarrow.ipc.new_file, "lz4"), SERIES),
    "Excel times": ("x.xlsx", workbook, SERIES),
    "Excel days": (
        "x.xlsx",
        workbook,
        {"Date": [45350.75 + n / 24 for n in range(48)]} | {name: SERIES[name] for name in ("load", "price")},
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_the_same(tmp_path: Path, name: str) -> None:
    file, write, columns = TABLES[name]
    write(tmp_path / file, columns)
    table = open_table(tmp_path / file, TableSchema())
    assert table.time_column == next(iter(columns))
    assert table.names == ("load", "price")
    assert table.stamps is not None
    np.testing.assert_array_equal(np.asarray(table.stamps).astype("datetime64[us]"), np.array(TIMES, "datetime64[us]"))
    expected = np.array([SERIES["load"], SERIES["price"]], dtype=float).T
    np.testing.assert_array_equal(table.values, expected)
    assert (table.zone, table.step, table.as_read) == ("", 3_600_000_000, True)
