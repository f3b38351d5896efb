"""Data of the hub become rows like any others, named by their commit; what cannot be had is told in a sentence."""

import importlib.util
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets  # type: ignore[import-untyped]  # it has no stubs
import huggingface_hub
import pytest
from huggingface_hub.errors import RepositoryNotFoundError

from application.training_request import TrainModelRequest
from application.use_cases.audit_dataset import AuditDatasetRequest
from application.use_cases.evaluate_model import EvaluateModelRequest
from domain.exceptions import DatasetError
from domain.hub_names import HubData
from infrastructure.container import Container
from infrastructure.data.hub import snapshot as snapshots
from infrastructure.data.hub.parts import on_this_disk, settled_part
from infrastructure.runs.run_file import read_request
from tests.support import tiny
from tests.support.hub_caches import snapshot

COMMIT = "ab" * 20
README = b"""---
configs:
- config_name: small
  data_files:
  - split: train
    path: small/*.jsonl
- config_name: whole
  default: true
  data_files:
  - split: train
    path: whole/train.jsonl
  - split: validation
    path: whole/rest.jsonl
---
# Rows
"""
Put = Callable[..., Path]


def lines(count: int, start: int = 0) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in tiny.rows(count + start)[start:]).encode()


def parquet(count: int) -> bytes:
    features = datasets.Features(text=datasets.Value("string"), label=datasets.ClassLabel(names=list(tiny.LABELS)))
    numbers = [{**row, "label": tiny.LABELS.index(row["label"])} for row in tiny.rows(count)]
    file = io.BytesIO()
    datasets.Dataset.from_list(numbers, features=features).to_parquet(file)
    return file.getvalue()


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Put data sets into a hub's cache, and all that is made of them into a cache of this test."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "none"))

    def put(files: dict[str, bytes], name: str = "o/moods") -> Path:
        return snapshot(tmp_path / "hub", name, files, COMMIT, kind="datasets")

    return put


def asked(tmp_path: Path, dataset: str, **changes: Any) -> TrainModelRequest:
    return tiny.request(tmp_path, "run").changed(dataset_path=dataset, max_steps=2, quick=True, **changes)


def said(path: str) -> str:
    with pytest.raises(DatasetError) as caught:
        on_this_disk(path)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_training_learns_from_its_rows_and_says_which_they_were(put: Put, tmp_path: Path) -> None:
    put({"data/train-0.parquet": parquet(64), "data/validation-0.parquet": parquet(8), "data/test-0.parquet": b"no"})
    response = Container().train_model().execute(asked(tmp_path, "hub:o/moods"))
    assert response.success, response.errors
    assert response.num_train_rows == 64 - 8  # those that are also scored are left out
    assert response.num_eval_rows == 8
    kept = read_request(tmp_path / "run" / "run.yaml")
    assert kept.dataset_path == f"hub:o/moods@{COMMIT}:default/train"
    assert kept.eval_dataset == f"hub:o/moods@{COMMIT}:default/validation"
    card = json.loads((tmp_path / "run/model/athanor.json").read_text())
    assert card["labels"] == list(tiny.LABELS)  # and no numbers
    assert "datasets:\n- o/moods\n" in (tmp_path / "run/model/README.md").read_text()


def test_the_run_file_repeats_it_when_only_the_kept_rows_are_left(put: Put, tmp_path: Path) -> None:
    directory = put({"train.jsonl": lines(64), "test.jsonl": lines(8)})
    first = Container().train_model().execute(asked(tmp_path, "hub:o/moods"))
    assert first.success, first.errors
    for file in directory.iterdir():
        file.unlink()
    again = read_request(tmp_path / "run" / "run.yaml").changed(output_dir=str(tmp_path / "again"))
    second = Container().train_model().execute(again)
    assert second.success, second.errors
    weights = "model/model.safetensors"
    assert (tmp_path / "run" / weights).read_bytes() == (tmp_path / "again" / weights).read_bytes()


def test_a_share_that_is_asked_for_is_split_off_though_there_is_a_part(put: Put, tmp_path: Path) -> None:
    put({"train.jsonl": lines(64), "validation.jsonl": lines(8)})
    response = Container().train_model().execute(asked(tmp_path, "hub:o/moods", validation_split=0.25))
    assert response.success, response.errors
    assert read_request(tmp_path / "run" / "run.yaml").eval_dataset is None


def test_a_model_is_scored_on_a_part_that_is_named(put: Put, tmp_path: Path) -> None:
    put({"train.jsonl": lines(64), "test.jsonl": lines(10, start=64)})
    response = Container().train_model().execute(asked(tmp_path, "hub:o/moods:default/train"))
    assert response.success, response.errors

    def rows_of(path: str) -> int:
        request = EvaluateModelRequest(run=str(tmp_path / "run"), dataset_path=path, device="cpu")
        return Container().evaluate_model().execute(request).num_rows

    assert rows_of("hub:o/moods:default/test") == 10
    with pytest.raises(DatasetError, match=r"several parts: train, test\. Name one, such as hub:o/moods:default/train"):
        rows_of("hub:o/moods")


def test_an_audit_reads_them_too(put: Put) -> None:
    put({"train.jsonl": lines(64)})
    audit = Container().audit_dataset().execute(AuditDatasetRequest(dataset_path="hub:o/moods"))
    assert audit.num_train + audit.num_eval == 64


@pytest.mark.parametrize("task", ["language_modeling", "sequence_to_sequence", "code_generation", "instruction_tuning"])
def test_tasks_that_write_learn_from_them(task: str, put: Put, tmp_path: Path) -> None:
    names = {"code_generation": ("description", "code"), "instruction_tuning": ("instruction", "output")}
    source, target = names.get(task, ("source", "target"))
    made = [
        {source: f"say {row['text']}", target: row["label"], "text": f"{row['text']} {sorted(row['text'])}"}
        for row in tiny.rows(300)
    ]
    put({"train.jsonl": "".join(json.dumps(row) + "\n" for row in made).encode()})
    preset = "seq2seq-tiny" if task == "sequence_to_sequence" else "decoder-tiny"
    request = TrainModelRequest(
        task=task, dataset_path="hub:o/moods", model_name=preset, max_length=32, vocab_size=300, quick=True,
        max_steps=1, output_dir=str(tmp_path / "run"),
    )  # fmt: skip
    response = Container().train_model().execute(request)
    assert response.success, response.errors


def test_so_does_a_forecaster(put: Put, tmp_path: Path) -> None:
    put({"train.csv": b"value\n" + b"".join(b"%d\n" % (number % 24) for number in range(400))})
    request = TrainModelRequest(
        task="quantile_forecasting", dataset_path="hub:o/moods", model_name="forecaster-tiny", quick=True,
        output_dir=str(tmp_path / "run"), context_length=24, horizons=(1, 2), target_columns=("value",),
    )  # fmt: skip
    response = Container().train_model().execute(request)
    assert response.success, response.errors


def test_configs_and_their_parts_are_those_of_the_readme(put: Put) -> None:
    put({"README.md": README, "small/a.jsonl": lines(3), "whole/train.jsonl": lines(9), "whole/rest.jsonl": lines(2)})
    assert str(settled_part(HubData.of("hub:o/moods:small"))) == f"hub:o/moods@{COMMIT}:small/train"
    assert len(Path(on_this_disk("hub:o/moods:small")).name) < 60
    assert "several configs: small, whole. Name one, such as hub:o/moods:" in said("hub:o/moods")
    assert "no config 'smal', but small, whole. Did you mean small?" in said("hub:o/moods:smal")
    assert "no part 'tran', but train, validation. Did you mean train?" in said("hub:o/moods:whole/tran")


@pytest.mark.parametrize("place", ["/etc/*", "../../../../secret.jsonl", "http://elsewhere.example/rows.jsonl"])
def test_a_readme_that_names_files_elsewhere_reads_none_of_them(place: str, put: Put, tmp_path: Path) -> None:
    (tmp_path / "secret.jsonl").write_bytes(lines(3))
    put({"README.md": README.replace(b"small/*.jsonl", place.encode()), "small/a.jsonl": lines(3)})
    message = said("hub:o/moods:small")
    assert "outside of itself" in message or "cannot be read" in message


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"README.md": b"# nothing else"}, "cannot be read"),
        ({"README.md": b"---\nconfigs: 7\n---\n", "train.jsonl": b"{}"}, "cannot be read"),
        ({"moods.py": b"raise SystemExit('it ran')"}, "cannot be read"),
        ({"train.jsonl": b"{broken"}, "cannot be read"),
        ({"train.jsonl": b""}, "cannot be read"),
        ({"train.parquet": b"no parquet"}, "cannot be read"),
    ],
)
def test_what_is_no_data_set_is_refused(files: dict[str, bytes], why: str, put: Put) -> None:
    put(files)
    assert why in said("hub:o/moods")


@pytest.mark.parametrize(
    "name",
    ["hub:", "hub:a/b/c", "hub:../x", "hub:o/moods@", "hub:o/moods:", "hub:o/moods:a/b/c", "hub:o moods", "hub:ö/x",
     "hub:o/moods:default/", "hub:o/moods@x y", "hub:o/moods\n", "hub:-x", "hub://o/moods"],
)  # fmt: skip
def test_names_that_the_hub_cannot_have_are_refused_before_anything_is_asked(name: str) -> None:
    assert "names no data set of the hub. Write hub:owner/name" in said(name)


def test_without_a_network_and_without_a_copy_a_sentence_says_what_to_do(put: Put, tmp_path: Path) -> None:
    response = Container().train_model().execute(asked(tmp_path, "hub:nobody/nothing@v1"))
    assert response.exit_code == 2
    assert not (tmp_path / "run").exists()
    (message,) = response.errors
    assert "'hub:nobody/nothing@v1' cannot be fetched from the hub (the hub does not answer)" in message
    assert "hf download nobody/nothing --repo-type dataset --revision v1" in message


def test_without_the_library_the_extra_is_named(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "pip install 'athanor[hub]'" in said("hub:o/moods")


def test_where_the_hub_answers_rows_alone_are_fetched_and_its_failures_told(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, Any]] = []

    def download(name: str, **how: Any) -> str:
        calls.append({"name": name, **how})
        if how["local_files_only"]:
            raise huggingface_hub.errors.LocalEntryNotFoundError("not here")
        if name == "o/none":
            raise RepositoryNotFoundError.__new__(RepositoryNotFoundError)
        return str(put({"train.jsonl": lines(4)}, name))

    monkeypatch.setattr(snapshots, "hub_answers", lambda: True)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert str(settled_part(HubData.of("hub:o/new@v2"))) == f"hub:o/new@{COMMIT}:default/train"
    assert (calls[0]["revision"], calls[0]["repo_type"]) == ("v2", "dataset")
    assert not any(pattern.endswith((".py", ".pkl", ".zip", ".tar")) for pattern in calls[0]["allow_patterns"])
    assert "the hub shows no such data set without another HF_TOKEN" in said("hub:o/none")
