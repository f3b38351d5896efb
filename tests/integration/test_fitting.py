"""What is measured before a training changes nothing of it: rows at once, and the steps of a time budget."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn

from application.training_request import TrainModelRequest
from application.use_cases.train_model import TrainModelResponse
from domain.config import TrainingConfig
from domain.exceptions import ConfigurationError, TrainingError
from domain.plan import TrainingPlan
from domain.task import TASKS
from infrastructure.container import Container
from infrastructure.tasks.plain_module import PlainModule
from infrastructure.tasks.registry import kind_of
from infrastructure.training import AdvancedTrainer, fitting
from infrastructure.training.fitting import Parts, with_fastest_parts, with_steps_within
from tests.fakes.ports import StopsAt
from tests.support import tiny
from tests.support.resuming import bytes_of, metrics_of
from tests.support.small_requests import request_for

CONFIG = TrainingConfig(batch_size=8, gradient_accumulation_steps=3, device="cpu", precision="fp32", max_steps=4)
ROWS = [(torch.full((2,), float(row)), torch.zeros(1)) for row in range(40)]


def parts_of(rows: Any = ROWS) -> Parts:
    return Parts(PlainModule(nn.functional.mse_loss), rows, rows)


def state_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in (*model.named_parameters(), *model.named_buffers())}


@pytest.mark.parametrize("task", TASKS)
def test_no_weight_no_gradient_and_no_random_number_changes(task: str, tmp_path: Path) -> None:
    request = request_for(task, tmp_path / "data", batch_size=4).resolved()
    kind = kind_of(task)
    data: Any = kind.load(request)
    bundle = kind.build(request, data, tmp_path / "none kept")
    prepared = kind.prepare(request, bundle, data)
    parts = Parts(prepared.adapter, prepared.train, prepared.evaluation)
    before, told, random = state_of(bundle.model), bundle.warnings, torch.get_rng_state()
    config = replace(request.training_config(), precision="fp32", device="cpu")
    found = with_fastest_parts(config, bundle.model, parts)
    planned = with_steps_within(replace(found, max_steps=None, time_budget=3600.0), bundle.model, parts, lambda: 60.0)
    after = state_of(bundle.model)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.grad is None for parameter in bundle.model.parameters())
    assert torch.equal(torch.get_rng_state(), random)
    assert bundle.warnings == told
    assert found.step_size.per_step == 4
    assert (
        1 <= (planned.max_steps or 0) <= TrainingPlan.of(replace(found, max_steps=None), len(parts.train)).total_steps
    )


class Demanding(nn.Module):
    """Asks for seconds and memory by the number of rows."""

    calls: Tensor

    def __init__(self, of_call: float = 0.0, of_rows: float = 0.0, most: int = 10**9) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 1)
        self.register_buffer("calls", torch.zeros(1))
        self.of_call, self.of_rows, self.most = of_call, of_rows, most
        self.seen: list[int] = []

    def forward(self, rows: Tensor) -> Tensor:
        self.seen.append(len(rows))
        self.calls.add_(1)
        if len(rows) > self.most:
            raise MemoryError
        time.sleep(self.of_call + self.of_rows * len(rows) ** 2)
        result: Tensor = self.inner(rows)
        return result


class TestTheRowsAtOnce:
    def test_are_all_of_a_step_where_each_call_costs_the_same(self) -> None:
        found = with_fastest_parts(CONFIG, Demanding(of_call=0.004), parts_of())
        assert (found.batch_size, found.gradient_accumulation_steps) == (24, 1)

    def test_are_few_where_more_are_slower(self) -> None:
        model = Demanding(of_rows=0.0005)
        found = with_fastest_parts(CONFIG, model, parts_of())
        assert found.step_size.at_once <= 2
        assert found.step_size.per_step == 24
        assert max(model.seen) < 24, "it went on though nothing was gained"

    def test_are_as_many_as_memory_has_room_for(self) -> None:
        found = with_fastest_parts(CONFIG, Demanding(of_call=0.004, most=5), parts_of())
        assert (found.batch_size, found.gradient_accumulation_steps) == (4, 6)

    def test_are_never_tried_where_memory_would_not_hold_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        model = Demanding(of_call=0.004)
        monkeypatch.setattr(fitting, "memory_bytes", lambda device: 1000)
        monkeypatch.setattr(fitting, "recent_peak_bytes", lambda device: 1000 + 100 * max(model.seen))
        monkeypatch.setattr(fitting, "free_memory_bytes", lambda device: 1000)
        assert with_fastest_parts(CONFIG, model, parts_of()).batch_size == 8
        assert max(model.seen) == 8

    def test_of_memory_without_room_for_one_are_told_in_a_sentence_and_the_model_is_as_it_was(self) -> None:
        model = Demanding(most=0)
        before = state_of(model)
        with pytest.raises(TrainingError, match="memory ran out when the training was measured"):
            with_fastest_parts(CONFIG, model, parts_of())
        assert all(torch.equal(before[name], tensor) for name, tensor in state_of(model).items())

    def test_divide_the_rows_of_a_step(self) -> None:
        assert fitting.even_parts(1) == [1]
        assert fitting.even_parts(17) == [1, 17]
        assert fitting.even_parts(24) == [1, 2, 4, 8, 24]
        assert fitting.even_parts(32) == [1, 2, 4, 8, 16, 32]
        for rows in range(1, 200):
            assert all(rows % part == 0 for part in fitting.even_parts(rows))


class TestTheSteps:
    def test_are_fewer_the_less_time_there_is_and_none_is_told_with_what_to_do(self) -> None:
        config = replace(CONFIG, max_steps=None, num_epochs=500, time_budget=60.0)
        model = Demanding(of_call=0.004)
        few = with_steps_within(config, model, parts_of(), lambda: 8.0).max_steps or 0
        more = with_steps_within(config, model, parts_of(), lambda: 20.0).max_steps or 0
        assert 0 < few < more <= 1000
        with pytest.raises(ConfigurationError) as caught:
            with_steps_within(config, model, parts_of(), lambda: 2.0)
        assert "time_budget is 1m, of which reading and measuring took 58s; a single step" in str(caught.value)
        assert "Give at least" in caught.value.remedy

    def test_with_their_warm_up_are_held_to_its_rule(self) -> None:
        config = replace(CONFIG, max_steps=None, num_epochs=500, time_budget=60.0, warmup_steps=1000)
        with pytest.raises(ConfigurationError, match="warmup_steps is 1000"):
            with_steps_within(config, Demanding(), parts_of(), lambda: 60.0)


def trained(request: TrainModelRequest, monitor: Any = None) -> TrainModelResponse:
    return Container().train_model().execute(request, monitor)


def recorded(run: Path) -> dict[str, Any]:
    settings: dict[str, Any] = yaml.safe_load((run / "run.yaml").read_text())
    return settings


@pytest.fixture
def rows(tmp_path: Path) -> dict[str, Any]:
    return {
        "task": "text_classification",
        "dataset_path": str(tiny.file_of_rows(tmp_path / "rows.json", 80)),
        "model_name": "encoder-tiny",
        "vocab_size": 400,
        "max_length": 24,
        "precision": "fp32",
        "epochs": 2,
    }


class TestARun:
    def test_with_measured_numbers_is_that_with_the_same_numbers_by_hand(
        self, tmp_path: Path, rows: dict[str, Any]
    ) -> None:
        measured = TrainModelRequest(
            **rows, batch_size="auto", time_budget="10m", output_dir=str(tmp_path / "measured")
        )
        assert trained(measured).success
        found = recorded(tmp_path / "measured")
        numbers = {name: found[name] for name in ("batch_size", "gradient_accumulation_steps", "max_steps")}
        assert numbers["batch_size"] * numbers["gradient_accumulation_steps"] == 32
        assert numbers["max_steps"] == 6
        assert found["time_budget"] == 600.0
        by_hand = TrainModelRequest(**rows, **numbers, output_dir=str(tmp_path / "by hand"))
        assert trained(by_hand).success
        assert bytes_of(tmp_path / "measured") == bytes_of(tmp_path / "by hand")
        assert metrics_of(tmp_path / "measured") == metrics_of(tmp_path / "by hand")

    def test_that_was_stopped_goes_on_with_what_was_measured(self, tmp_path: Path, rows: dict[str, Any]) -> None:
        asked = TrainModelRequest(**rows, batch_size="auto", time_budget="10m", output_dir=str(tmp_path / "stopped"))
        assert trained(asked, StopsAt(3)).stop_reason == "cancelled"
        found = recorded(tmp_path / "stopped")
        assert Container().resume_training().execute(str(tmp_path / "stopped")).success
        assert recorded(tmp_path / "stopped") == found
        undisturbed = TrainModelRequest(**{**found, "output_dir": str(tmp_path / "undisturbed")})
        assert trained(undisturbed).success
        assert bytes_of(tmp_path / "stopped") == bytes_of(tmp_path / "undisturbed")

    def test_whose_time_is_spent_ends_with_its_best_state_and_says_so(
        self, tmp_path: Path, rows: dict[str, Any]
    ) -> None:
        # With steps that were said nothing is planned: the clock alone ends the run, behind its first step.
        asked = TrainModelRequest(
            **rows, linear_start=False, max_steps=100_000, time_budget=0.1, output_dir=str(tmp_path / "run")
        )
        response = trained(asked)
        assert (response.success, response.exit_code, response.stop_reason) == (True, 0, "time_budget")
        assert response.final_metrics["accuracy"] >= 0
        assert response.best_step == 1
        assert any("time budget was spent before step 100000" in warning for warning in response.warnings)
        assert "its time budget was spent" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
        assert (tmp_path / "run" / "model" / "config.json").is_file()

    @pytest.mark.parametrize("changes", [{"adapter": "lora", "adapter_rank": 2}, {"freeze": "all_but_head"}], ids=str)
    def test_that_trains_a_part_of_a_model_is_measured_as_such(
        self, tmp_path: Path, rows: dict[str, Any], changes: dict[str, Any]
    ) -> None:
        tokens = tiny.tokenizer()
        tiny.model(tokens).save_pretrained(tmp_path / "start")
        tokens.save_pretrained(tmp_path / "start")
        part = {**rows, "model_name": str(tmp_path / "start"), **changes}
        asked = TrainModelRequest(**part, batch_size="auto", time_budget="10m", output_dir=str(tmp_path / "measured"))
        response = trained(asked)
        assert response.success, response.errors
        found = recorded(tmp_path / "measured")
        numbers = {name: found[name] for name in ("batch_size", "gradient_accumulation_steps", "max_steps")}
        assert numbers["batch_size"] * numbers["gradient_accumulation_steps"] == 16
        assert trained(TrainModelRequest(**part, **numbers, output_dir=str(tmp_path / "by hand"))).success
        assert bytes_of(tmp_path / "measured") == bytes_of(tmp_path / "by hand")

    def test_of_the_library_ends_when_its_time_is_spent(self, tmp_path: Path) -> None:
        trainer = AdvancedTrainer(
            Demanding(of_call=0.01), ROWS, ROWS[:4], tmp_path, loss_function=nn.functional.mse_loss,
            max_steps=10_000, time_budget=4.5, device="cpu", precision="fp32", early_stopping_patience=0,
        )  # fmt: skip
        result = trainer.train()
        assert result["stop_reason"] == "time_budget"
        assert 0 < result["steps"] < 1000
        assert result["best_step"] is not None

    def test_without_time_for_a_step_is_refused_before_anything_is_written(
        self, tmp_path: Path, rows: dict[str, Any]
    ) -> None:
        response = trained(TrainModelRequest(**rows, time_budget="2s", output_dir=str(tmp_path / "run")))
        assert (response.success, response.exit_code) == (False, 2)
        assert response.errors[0].startswith("time_budget is 2s, of which reading and measuring took")
        assert not (tmp_path / "run").exists()

    def test_of_a_task_that_says_how_many_steps_it_wants_is_planned_all_the_same(
        self, tmp_path: Path, rows: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task = TASKS["text_classification"]
        monkeypatch.setitem(TASKS, task.name, replace(task, settings={**task.settings, "max_steps": 1_000_000}))
        asked = TrainModelRequest(**rows, time_budget="40s", output_dir=str(tmp_path / "run"))
        found = Container().plan_training().execute(asked)
        assert found.success, found.errors
        assert 0 < found.steps["total"] < 1_000_000

    def test_that_is_only_planned_shows_the_same_numbers(self, tmp_path: Path, rows: dict[str, Any]) -> None:
        asked = TrainModelRequest(
            **{**rows, "epochs": 5000}, batch_size="auto", time_budget="30s", output_dir=str(tmp_path / "run")
        )
        found = Container().plan_training().execute(asked)
        assert found.success, found.errors
        assert 0 < found.steps["total"] < 5000 * found.steps["per_epoch"]
        assert (found.steps["rows"], found.seconds["budget"]) == (32, 30.0)
        assert 32 % found.steps["rows_at_once"] == 0
