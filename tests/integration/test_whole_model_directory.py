"""After a stop and a resume model/ has the bytes of an undisturbed run, whatever stood at the beginning."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from application.training_request import TrainModelRequest
from infrastructure.container import Container
from tests.fakes.ports import StopsAt
from tests.support import tiny, tiny_text
from tests.support.finished_models import finished
from tests.support.resuming import files_of, stopped_and_resumed

STEPS: dict[str, Any] = {
    "batch_size": 8,
    "max_steps": 4,
    "save_steps": 2,
    "eval_steps": 2,
    "early_stopping_patience": 0,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory for data that all runs share: its path stands in the card."""
    return tmp_path_factory.mktemp("data")


def test_a_run_that_began_from_a_model_directory_leaves_the_same_one(data: Path, tmp_path: Path) -> None:
    def wanted(name: str) -> TrainModelRequest:
        rows = str(tiny.file_of_rows(data / "rows.json", 96))
        return TrainModelRequest(
            task="text_classification", dataset_path=rows, output_dir=str(tmp_path / name),
            model_name=str(start), precision="fp32", **STEPS,
        )  # fmt: skip

    start = finished("text_classification", tmp_path / "start")
    whole = Container().train_model().execute(wanted("whole"))
    assert whole.success, whole.errors
    stopped_and_resumed(wanted("stopped"), 2)
    assert files_of(tmp_path / "stopped") == files_of(tmp_path / "whole")


def test_a_damaged_kept_tokenizer_stops_a_resume_with_a_remedy_that_works(data: Path, tmp_path: Path) -> None:
    def wanted(run: Path) -> TrainModelRequest:
        return tiny_text.request("code_generation", data, output_dir=str(run), **STEPS)

    whole = Container().train_model().execute(wanted(tmp_path / "whole"))
    assert whole.success, whole.errors
    run = tmp_path / "stopped"
    assert not Container().train_model().execute(wanted(run), StopsAt(2)).success
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
