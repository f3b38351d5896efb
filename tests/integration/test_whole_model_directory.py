"""After a stop and a resume every file of model/ has the bytes that an undisturbed run gives it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from application.training_request import TrainModelRequest
from infrastructure.container import Container
from tests.fakes.ports import StopsAt
from tests.support import tiny, tiny_series, tiny_text
from tests.support.resuming import stopped_and_resumed

STEPS: dict[str, Any] = {
    "batch_size": 8,
    "max_steps": 4,
    "save_steps": 2,
    "eval_steps": 2,
    "early_stopping_patience": 0,
}


def wanted(task: str, data: Path, run: Path, **changes: Any) -> TrainModelRequest:
    """Ask for a few steps on data that both runs share: its path stands in the card."""
    if task in tiny_series.SERIES_TASKS:
        return tiny_series.request(task, data, output_dir=str(run), **STEPS, **changes)
    if task in (tiny_text.MASKED, *tiny_text.TEXT_TASKS):
        return tiny_text.request(task, data, output_dir=str(run), **STEPS, **changes)
    rows = str(tiny.file_of_rows(data / "rows.json", 96))
    settings = {"model_name": "encoder-tiny", "vocab_size": 400, "precision": "fp32", **STEPS, **changes}
    return TrainModelRequest(task=task, dataset_path=rows, output_dir=str(run), **settings)


def files_of(run: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((run / "model").iterdir())}


@pytest.mark.parametrize(
    "task",
    [
        "text_classification",
        tiny_text.MASKED,
        "language_modeling",
        "code_generation",
        "instruction_tuning",
        "sequence_to_sequence",
        "quantile_forecasting",
    ],
)
def test_a_stopped_and_resumed_run_leaves_the_same_model_directory(task: str, tmp_path: Path) -> None:
    whole = Container().train_model().execute(wanted(task, tmp_path, tmp_path / "whole"))
    assert whole.success, whole.errors
    stopped_and_resumed(wanted(task, tmp_path, tmp_path / "stopped"), 2)
    undisturbed, resumed = files_of(tmp_path / "whole"), files_of(tmp_path / "stopped")
    assert undisturbed.keys() == resumed.keys()
    assert [name for name in undisturbed if undisturbed[name] != resumed[name]] == []


def test_so_does_a_run_that_began_from_a_model_directory(tmp_path: Path) -> None:
    first = Container().train_model().execute(wanted("text_classification", tmp_path, tmp_path / "first"))
    start = {"model_name": str(first.model_path), "vocab_size": None}
    whole = Container().train_model().execute(wanted("text_classification", tmp_path, tmp_path / "whole", **start))
    assert whole.success, whole.errors
    stopped_and_resumed(wanted("text_classification", tmp_path, tmp_path / "stopped", **start), 2)
    assert files_of(tmp_path / "stopped") == files_of(tmp_path / "whole")


def test_a_damaged_kept_tokenizer_stops_a_resume_with_a_remedy_that_works(tmp_path: Path) -> None:
    whole = Container().train_model().execute(wanted("code_generation", tmp_path, tmp_path / "whole"))
    assert whole.success, whole.errors
    run = tmp_path / "stopped"
    assert not Container().train_model().execute(wanted("code_generation", tmp_path, run), StopsAt(2)).success
    kept = run / "tokenizer" / "tokenizer.json"
    kept.write_bytes(kept.read_bytes()[:-9])
    response = Container().resume_training().execute(str(run))
    assert (response.success, response.exit_code) == (False, 2)
    [sentence] = response.errors
    assert str(kept) in sentence
    assert f"Restore {kept.parent}, or remove it" in sentence
    shutil.rmtree(kept.parent)
    assert Container().resume_training().execute(str(run)).success
    assert files_of(run) == files_of(tmp_path / "whole")
