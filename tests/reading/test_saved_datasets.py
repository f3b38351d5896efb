"""Directories written by `save_to_disk` are read like files, their labels by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.ipc
import pytest

from domain.exceptions import DatasetError
from infrastructure.data.labels.rows import RowSchema, load_rows
from infrastructure.data.pairs.rows import load_pairs
from infrastructure.data.sources.fields import sought
from infrastructure.data.sources.readers import Row, read_rows
from infrastructure.data.table.table import TableSchema, open_table
from infrastructure.data.text.documents import load_documents
from tests.support.asked import asked_texts

LABELLED = RowSchema(sought("text", ("text",)))
FEATURES: dict[str, Any] = {
    "text": {"dtype": "string", "_type": "Value"},
    "label": {"names": ["neg", "pos"], "_type": "ClassLabel"},
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def saved(path: Path, *parts: dict[str, Any], features: Any = FEATURES, **state: Any) -> Path:
    """Write what `Dataset.save_to_disk` writes: a stream for each part, and two files that describe them."""
    path.mkdir(parents=True)
    names = [f"data-{number:05d}-of-{len(parts):05d}.arrow" for number in range(len(parts))]
    for name, part in zip(names, parts, strict=True):
        table = pyarrow.table(part)
        with pyarrow.ipc.new_stream(str(path / name), table.schema) as writer:
            writer.write_table(table)
    files = {"_data_files": [{"filename": name} for name in names], "_fingerprint": "f", "_split": None}
    (path / "state.json").write_text(json.dumps(files | state), encoding="utf-8")
    (path / "dataset_info.json").write_text(json.dumps({"features": features}), encoding="utf-8")
    return path


def saved_parts(path: Path, **parts: dict[str, Any]) -> Path:
    for name, part in parts.items():
        saved(path / name, part)
    (path / "dataset_dict.json").write_text(json.dumps({"splits": list(parts)}), encoding="utf-8")
    return path


def test_its_parts_follow_one_another_and_numbers_of_labels_become_names(tmp_path: Path) -> None:
    path = saved(tmp_path / "d", {"text": ["a", "b"], "label": [1, 0]}, {"text": ["c"], "label": [1]})
    rows = load_rows(path, LABELLED)
    assert (list(rows.texts), rows.label_names, rows.labels.tolist()) == (["a", "b", "c"], ("neg", "pos"), [1, 0, 1])
    assert rows.lines.tolist() == [1, 2, 3]


def test_a_number_without_a_name_is_no_label(tmp_path: Path) -> None:
    path = saved(tmp_path / "d", {"text": ["a", "b", "c"], "label": [1, -1, None]})
    assert [row.values["label"] for row in read_rows(path) if isinstance(row, Row)] == ["pos", None, None]
    with pytest.raises(DatasetError, match=r"^e: label holds 2, but its features name 2 labels"):
        load_rows(saved(tmp_path / "e", {"text": ["a"], "label": [2]}), LABELLED)


def test_a_file_that_knows_the_names_itself_is_read_the_same_way(tmp_path: Path) -> None:
    table = pyarrow.table({"text": ["a", "b"], "label": [1, 0]})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": FEATURES}})})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    assert load_rows(tmp_path / "x.parquet", LABELLED).label_names == ("neg", "pos")


@pytest.mark.parametrize("features", [None, [], {"label": 3}, {"label": {"_type": "ClassLabel"}}, {"label": None}])
def test_features_of_another_form_name_nothing(tmp_path: Path, features: Any) -> None:
    path = saved(tmp_path / "d", {"text": ["a", "b"], "label": [1, 0]}, features=features)
    assert [row.values["label"] for row in read_rows(path) if isinstance(row, Row)] == [1, 0]


def test_of_several_parts_train_is_read_and_another_may_be_named(tmp_path: Path) -> None:
    rows = {"text": ["a", "b"], "label": [0, 1]}
    path = saved_parts(tmp_path / "d", test={"text": ["t"], "label": [0]}, train=rows)
    assert list(load_rows(path, LABELLED).texts) == ["a", "b"]
    assert list(load_rows(path / "test", LABELLED).texts) == ["t"]
    assert list(load_rows(saved_parts(tmp_path / "e", all=rows), LABELLED).texts) == ["a", "b"]


def test_without_a_part_named_train_the_remedy_names_one_that_is_read(tmp_path: Path) -> None:
    path = saved_parts(tmp_path / "d", test={"text": ["t"], "label": [0]}, dev={"text": ["u"], "label": [0]})
    with pytest.raises(DatasetError, match=r"d holds the parts 'test', 'dev', but none is named 'train'") as caught:
        load_rows(path, LABELLED)
    named = caught.value.remedy.removeprefix("Name one of them: ").removesuffix(".")
    assert list(load_rows(Path(named), LABELLED).texts) == ["t"]


def test_every_task_reads_it(tmp_path: Path) -> None:
    path = saved(tmp_path / "d", {"text": ["a", "b"], "source": ["q", "r"], "target": ["s", "t"]})
    assert asked_texts(str(path), sought("text", ("text",))) == ["a", "b"]
    assert list(load_pairs(path, sought("source", ("source",)), sought("target", ("target",))).targets) == ["s", "t"]
    assert len(load_documents(path)) == 2
    days = pyarrow.array(["2024-01-01", "2024-01-02"])
    table = open_table(saved(tmp_path / "t", {"date": days, "y": [1.0, 2.0]}), TableSchema())
    np.testing.assert_array_equal(table.values[:, 0], [1, 2])
    assert table.time_column == "date"


def test_what_is_read_decides_the_fingerprint(tmp_path: Path) -> None:
    path = saved(tmp_path / "d", {"text": ["a"], "label": [0]})
    before = load_rows(path, LABELLED).sha256
    assert load_rows(saved(tmp_path / "other" / "d", {"text": ["a"], "label": [0]}), LABELLED).sha256 == before
    info = path / "dataset_info.json"
    info.write_text(info.read_text().replace("neg", "bad"))
    assert load_rows(path, LABELLED).label_names == ("bad",)


@pytest.mark.parametrize(
    ("state", "said", "remedy"),
    [
        ({"_indices_data_files": [{"filename": "indices.arrow"}]}, "keeps the order of its rows", "flatten_indices()"),
        ({"_indices_files": [{"filename": "indices.arrow"}]}, "keeps the order of its rows", "flatten_indices()"),
        ({"_data_files": []}, "names no data files", "save_to_disk"),
        ({"_data_files": 7}, "names no data files", "save_to_disk"),
        ({"_data_files": [{"filename": "../x.arrow"}]}, "no plain name", "again"),
        ({"_data_files": [{"filename": "/etc/passwd"}]}, "no plain name", "again"),
        ({"_data_files": [{"filename": None}]}, "no plain name", "again"),
        ({"_data_files": [{"filename": "gone.arrow"}]}, "gone.arrow does not exist", "Check"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(
    tmp_path: Path, state: dict[str, Any], said: str, remedy: str
) -> None:
    path = saved(tmp_path / "d", {"text": ["a"], "label": [0]}, **state)
    for read in (lambda: load_rows(path, LABELLED), lambda: open_table(path, TableSchema())):
        with pytest.raises(DatasetError) as caught:
            read()
        assert said in caught.value.problem
        assert remedy in caught.value.remedy


@pytest.mark.parametrize("content", ["", "{", "[]", '{"splits": ["../.."]}', '{"splits": []}', '{"splits": [NaN]}'])
def test_damaged_descriptions_are_refused(tmp_path: Path, content: str) -> None:
    path = saved_parts(tmp_path / "d", train={"text": ["a"], "label": [0]})
    (path / "dataset_dict.json").write_text(content)
    with pytest.raises(DatasetError):
        load_rows(path, LABELLED)


def test_a_directory_with_a_state_of_its_own_is_still_one_of_texts(tmp_path: Path) -> None:
    (tmp_path / "d" / "a").mkdir(parents=True)
    (tmp_path / "d" / "a" / "x.txt").write_text("text")
    (tmp_path / "d" / "state.json").write_text("{}")
    (row,) = read_rows(tmp_path / "d")
    assert isinstance(row, Row)
    assert row.values == {"text": "text", "label": "a"}
