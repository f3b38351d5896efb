"""A dry run says what a training will take, refuses what it would refuse, and leaves nothing behind."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from application.training_request import TrainModelRequest
from application.use_cases.plan_training import PlanTrainingResponse
from domain.config import TrainingConfig
from domain.events import EvaluationCompleted, PhaseStarted, RunStarted
from domain.step_size import StepSize
from infrastructure.container import Container
from infrastructure.data.feed import Feed
from infrastructure.data.kept.cache import aside, cache_root, cached_aside
from infrastructure.tasks.plain_module import PlainModule
from infrastructure.training.measuring import measured
from infrastructure.training.session import open_session
from tests.fakes.ports import FakeMonitor
from tests.support import tiny, tiny_series
from tests.support.command_line import athanor
from tests.support.finished_models import finished_once
from tests.support.small_requests import request_for

_KILLED = """
import os, signal
from infrastructure.data.kept.cache import cached_aside
with cached_aside() as place:
    (place / "tokens").write_text("many")
    os.kill(os.getpid(), signal.SIGKILL)
"""

# Simple rivals that are scored before a training, by task.
RIVALS = {
    "text_classification": {"majority", "bow"},
    "security_classification": {"majority", "bow"},
    "masked_language_modeling": set(),
    "language_modeling": set(),
    "code_generation": set(),
    "instruction_tuning": set(),
    "sequence_to_sequence": set(),
    "quantile_forecasting": {"repeat_last"},
    "market_direction": {"majority", "random_walk", "persistence"},
}


def planned(request: TrainModelRequest, monitor: FakeMonitor | None = None) -> PlanTrainingResponse:
    return Container().plan_training().execute(request, monitor)


def state_of(*places: Path) -> dict[str, tuple[int, str]]:
    """Give every file and directory below some places, with the time of its last change and its content."""
    found = {}
    for place in places:
        for path in [place, *place.rglob("*")] if place.exists() else []:
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            found[str(path)] = (path.stat().st_mtime_ns, content)
    return found


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, ...]:
    """Give a working directory, a cache that has something in it, and a place for temporary files."""
    work, cache, scratch = (tmp_path / name for name in ("work", "cache", "scratch"))
    for place in (work, cache / "rows-1", scratch):
        place.mkdir(parents=True)
    (cache / "rows-1" / "rows.json").write_text("{}")
    monkeypatch.chdir(work)
    monkeypatch.setenv("ATHANOR_CACHE", str(cache))
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    return work, cache, scratch


@pytest.mark.parametrize("task", RIVALS)
def test_every_task_is_planned_and_nothing_is_left(task: str, tmp_path: Path, places: tuple[Path, ...]) -> None:
    request = request_for(task, tmp_path / "data")
    kept = (*places[:2], tmp_path / "data")
    before = state_of(*kept)
    found = planned(request)
    assert found.success, found.errors
    assert state_of(*kept) == before
    assert not list(places[2].iterdir())
    assert (found.steps["total"], found.steps["rows_at_once"]) == (6, 8)
    assert found.seconds["total"] > 6 * found.seconds["step"] > 0
    assert all(found.disk[name] > 0 for name in ("run_bytes", "checkpoint_bytes", "model_bytes", "free_bytes"))
    assert (found.memory["peak_bytes"] or 0) > 0
    assert {name.rpartition("_accuracy")[0] for name in found.baselines if name.endswith("_accuracy")} == (
        RIVALS[task] - {"repeat_last"}
    )
    assert ("repeat_last_mae" in found.baselines) == (task == "quantile_forecasting")
    assert bool(found.lengths) == (task not in tiny_series.SERIES_TASKS)


@pytest.mark.parametrize("task", ["text_classification", "market_direction", "quantile_forecasting"])
def test_what_is_planned_comes_true(task: str, tmp_path: Path) -> None:
    request = request_for(task, tmp_path / "data", eval_steps=4, early_stopping_patience=0)
    found, monitor = planned(request), FakeMonitor()
    response = Container().train_model().execute(request, monitor)
    assert response.success, response.errors
    (started,) = [event for event in monitor.events if isinstance(event, RunStarted)]
    assert (found.steps["total"], found.num_parameters) == (started.total_steps, started.num_parameters)
    assert found.num_trainable == started.num_trainable == response.num_trainable
    begins_linear = task == "text_classification"  # and keeps the embeddings that it begins with
    assert (found.num_trainable != found.num_parameters) == begins_linear
    assert (found.num_train_rows, found.num_eval_rows) == (response.num_train_rows, response.num_eval_rows)
    scored = [event for event in monitor.events if isinstance(event, EvaluationCompleted)]
    assert found.steps["evaluations"] == len(scored) == (3 if scored[0].step == 0 else 2)
    assert found.baselines == pytest.approx(response.baselines)
    assert found.disk["run_bytes"] > sum(file.stat().st_size for file in (tmp_path / "data/run/model").iterdir()) / 2


def test_the_share_that_is_cut_is_told(tmp_path: Path) -> None:
    found = planned(request_for("text_classification", tmp_path / "data", max_length=8))
    assert 0 < found.lengths["share_cut"] < 1
    assert found.lengths["longest"] == 8
    assert [warning for warning in found.warnings if "were cut" in warning]


def test_a_local_model_directory_is_planned_too(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    models: Callable[[str], Path] = finished_once(tmp_path_factory.mktemp)
    found = planned(
        request_for("text_classification", tmp_path / "data", model_name=str(models("text_classification")))
    )
    assert found.success, found.errors
    assert found.baselines


@pytest.mark.parametrize(
    "bad",
    [
        {"dataset_path": "missing.json"},
        {"model_name": "encoder-huge"},
        {"metric_name": "eval_beauty"},
        {"warmup_steps": 100},
        {"class_weights": {"nobody": 2.0}},
        {"device": "cuda:7"},
    ],
    ids=lambda bad: min(bad),
)
def test_what_a_training_refuses_is_refused_in_the_same_words(
    bad: dict[str, Any], tmp_path: Path, places: tuple[Path, ...]
) -> None:
    request = request_for("text_classification", tmp_path / "data", **bad)
    found = planned(request)
    refused = Container().train_model().execute(request)
    assert (found.success, found.exit_code) == (False, 2)
    assert (found.errors, found.exit_code) == (refused.errors, refused.exit_code)
    assert not list(places[2].iterdir())


def test_an_output_that_holds_a_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data" / "run").mkdir(parents=True)
    (tmp_path / "data" / "run" / "run.yaml").write_text("")
    found = planned(request_for("text_classification", tmp_path / "data"))
    assert (found.success, found.exit_code, "holds a run already" in found.errors[0]) == (False, 2, True)


def test_phases_are_told_in_order(tmp_path: Path) -> None:
    monitor = FakeMonitor()
    assert planned(request_for("text_classification", tmp_path / "data"), monitor).success
    assert [event.phase for event in monitor.events if isinstance(event, PhaseStarted)][:8] == [
        "reading rows.json",
        "checking and splitting",
        "learning the tokenizer",
        "building the model encoder-tiny",
        "learning what tokens say of labels",
        "tokenising",
        "training a bag of words to compare with",
        "measuring three micro-batches",
    ]


def test_what_a_killed_dry_run_left_goes_with_the_next_and_what_another_one_needs_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    killed = subprocess.run([sys.executable, "-c", _KILLED], check=False, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    with cached_aside() as first, cached_aside() as second:
        assert sorted(tmp_path.iterdir()) == sorted([first, second])
        assert first.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []


def test_the_random_numbers_of_the_caller_are_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    assert planned(request_for("text_classification", tmp_path / "data")).success
    assert torch.equal(torch.rand(3), expected)


class TestTheCommand:
    def words(self, tmp_path: Path, *more: object) -> tuple[object, ...]:
        rows = tiny.file_of_rows(tmp_path / "rows.json", 80)
        model = ("--model", "encoder-tiny", "--set", "vocab_size=400", "--set", "max_steps=4")
        return ("train", "--dry-run", "--task", "text_classification", "--dataset", rows, *model, *more)

    def test_tells_a_screen(self, tmp_path: Path, places: tuple[Path, ...]) -> None:
        answer = athanor(*self.words(tmp_path))
        assert answer.exit_code == 0, answer.stderr
        for said in ("rows to learn", "lengths", "steps", "time", "memory", "disk", "bag of words", "majority"):
            assert said in answer.stdout
        assert "nothing is written" in answer.stdout
        assert list(places[0].iterdir()) == []

    def test_gives_one_json_object(self, tmp_path: Path) -> None:
        answer = athanor(*self.words(tmp_path, "--json"))
        assert json.loads(answer.stdout)["steps"]["total"] == 4

    def test_refuses_as_a_training_does(self, tmp_path: Path) -> None:
        answer = athanor("train", "--dry-run", "--json", "--dataset", tmp_path / "missing.json")
        assert answer.exit_code == 2
        assert json.loads(answer.stdout)["errors"]
        assert "missing.json does not exist" in answer.stderr


class TestWorkAside:
    def test_is_kept_in_a_place_that_is_gone_behind_the_block(self) -> None:
        usual = cache_root()
        with cached_aside() as place:
            assert aside() == place
            assert place in cache_root().parents
            (place / "something").write_text("x")
        assert not place.exists()
        assert (cache_root(), aside()) == (usual, None)


def test_memory_that_has_no_room_for_the_longest_rows_is_met_with_smaller_parts() -> None:
    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(2, 1)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            if len(rows) > 3 and torch.is_grad_enabled():
                raise MemoryError
            result: torch.Tensor = self.inner(rows)
            return result

    rows = [(torch.ones(2), torch.zeros(1)) for _ in range(32)]
    session = open_session(Small(), PlainModule(nn.functional.mse_loss), TrainingConfig(device="cpu", precision="fp32"))
    lengths = torch.ones(32).numpy()
    found = measured(session, Feed(lengths, 8, seed=1), rows, rows, StepSize(8), total_steps=4)
    assert found.at_once == 2
    assert found.step_seconds > 0
