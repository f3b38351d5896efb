"""The same table is the same rows, labels and fingerprint whatever it is written as."""

import csv
import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest

from domain.task import task_named
from infrastructure.data.document_parts import whole_documents
from infrastructure.data.documents import load_documents
from infrastructure.data.fields import sought
from infrastructure.data.labelled_data import labelled_dataset, schema_of
from infrastructure.data.pair_datasets import SourceTargetPairs
from infrastructure.data.pairs import load_pairs
from infrastructure.data.rows import load_rows
from tests.integration import tiny

TASK = task_named("text_classification")
Rows = Sequence[Mapping[str, Any]]
STRINGS = {
    "string": pyarrow.string(),
    "large_string": pyarrow.large_string(),
    "string_view": pyarrow.string_view(),
    "dictionary": pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
}
TEXTS = ("plain words", 'she said "no", and left', "one; two | three\tfour", "naïve 日本 😀", "two\nlines", " ends ")


def rows_of(labels: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {"text": TEXTS[n % 6] + f" {n}", "label": labels[n % len(labels)], "family": f"f{n // 2}"} for n in range(12)
    ]


def separated(path: Path, rows: Rows, delimiter: str) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerow(rows[0])
        writer.writerows(row.values() for row in rows)


def arrow_table(rows: Rows, kind: pyarrow.DataType) -> pyarrow.Table:
    columns = {}
    for name in rows[0]:
        cells = [row[name] for row in rows]
        columns[name] = pyarrow.array(cells, pyarrow.string()).cast(kind) if isinstance(cells[0], str) else cells
    return pyarrow.table(columns)


def columnar(path: Path, rows: Rows, kind: pyarrow.DataType) -> None:
    if kind == STRINGS["string_view"]:
        texts = {name: [row[name] for row in rows] for name in rows[0]}
        table = pyarrow.table(
            {name: pyarrow.array(cells, kind) if isinstance(cells[0], str) else cells for name, cells in texts.items()}
        )
    else:
        table = arrow_table(rows, kind)
    pyarrow.parquet.write_table(table, path)


def workbook(path: Path, rows: Rows) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(list(rows[0]))
    for row in rows:
        book.active.append(list(row.values()))
    book.save(path)


Write = Callable[[Path, Rows], object]
FORMATS: dict[str, Write] = {
    "json": lambda path, rows: path.write_text(json.dumps(rows), encoding="utf-8"),
    "jsonl": lambda path, rows: path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8"),
    **{
        f"{name}.csv": lambda path, rows, sign=sign: separated(path, rows, sign)  # type: ignore[misc]
        for name, sign in (("comma", ","), ("semicolon", ";"), ("tab", "\t"), ("bar", "|"))
    },
    **{
        f"{name}.parquet": lambda path, rows, kind=kind: columnar(path, rows, kind)  # type: ignore[misc]
        for name, kind in STRINGS.items()
    },
    "feather": lambda path, rows: pyarrow.feather.write_feather(arrow_table(rows, pyarrow.string()), path),
    "xlsx": workbook,
}
LABELS: dict[str, Sequence[Any]] = {"names": ("pos", "neg"), "numbers": (1, 0, -2), "truths": (True, False)}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def tokens() -> Any:
    return tiny.tokenizer()


def written(directory: Path, name: str, rows: Rows, packed: bool) -> Path:
    path = directory / f"x.{name}"
    FORMATS[name](path, rows)
    if not packed:
        return path
    (directory / f"x.{name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    return directory / f"x.{name}.gz"


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", [name for name in FORMATS if name != "jsonl"])
def test_labelled_rows(name: str, labels: str, packed: bool, tmp_path: Path, tokens: Any) -> None:
    rows = rows_of(LABELS[labels])
    schema = schema_of(TASK, None, None, None)
    base = load_rows(written(tmp_path, "jsonl", rows, False), schema)
    found = load_rows(written(tmp_path, name, rows, packed), schema)
    assert list(found.texts) == list(base.texts) == [row["text"] for row in rows]
    assert found.label_names == base.label_names
    for column in ("labels", "keys", "groups"):
        np.testing.assert_array_equal(getattr(found, column), getattr(base, column))
    prints = {labelled_dataset(made, np.arange(12), tokens, 16, made.label_names).fingerprint for made in (base, found)}
    assert len(prints) == 1


@pytest.mark.parametrize("name", ["json", "semicolon.csv", "string.parquet", "xlsx"])
def test_pairs_and_documents(name: str, tmp_path: Path, tokens: Any) -> None:
    rows = [{"source": f"{text} s", "target": f"{text} t", "text": text} for text in TEXTS]
    paths = [written(tmp_path, kind, rows, False) for kind in ("jsonl", name)]
    source, target = sought("source", ("source",)), sought("target", ("target",))
    pairs = [load_pairs(path, source, target) for path in paths]
    assert len({SourceTargetPairs(made, np.arange(6), tokens, 16).fingerprint for made in pairs}) == 1
    assert len({whole_documents(load_documents(path)).sha256 for path in paths}) == 1


def test_another_text_or_label_is_another_fingerprint(tmp_path: Path, tokens: Any) -> None:
    rows = rows_of(("pos", "neg"))
    changed = [[{**row, name: row[name] + end} if n == 3 else row for n, row in enumerate(rows)] for name, end in
               (("text", "\u00a0"), ("label", "x"), ("text", " zz"))]  # fmt: skip
    prints = set()
    for content in (rows, *changed):
        made = load_rows(written(tmp_path, "jsonl", content, False), schema_of(TASK, None, None, None))
        prints.add(labelled_dataset(made, np.arange(12), tokens, 16, made.label_names).fingerprint)
    assert len(prints) == 4
