import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from application.training import LabelTraining
from application.training_request import TrainModelRequest
from application.use_cases.resume_training import ResumeTrainingUseCase
from application.use_cases.train_model import TrainModelUseCase
from domain.events import Event, RunClosed, Warned
from domain.exceptions import (
    AthanorError,
    CheckpointError,
    ConfigurationError,
    DatasetError,
    ModelError,
    RunError,
    TrainingError,
)
from tests.fakes.ports import REPORT, RESULT, FakeDataset, FakeModel, FakeMonitor, FakeWorld
from tests.support.trainings import asked_again, training

IN_ORDER = ["settle", "reserve", "load", "build", "fit", "tracker", "checkpoints", "trainer", "train", "write"]


def use_case(world: FakeWorld) -> TrainModelUseCase:
    return TrainModelUseCase(runs=world, datasets=world, models=world, workshop=world, reports=world)


def test_a_training_takes_its_nine_steps_in_order() -> None:
    world = FakeWorld()
    response = use_case(world).execute(TrainModelRequest())
    assert world.calls == IN_ORDER
    assert world.tracker_made.finished == 1
    assert response.success
    assert response.exit_code == 0
    assert response.errors == ()


@pytest.mark.parametrize(("failing", "is_open"), [("load", False), ("build", False), ("tracker", True)])
def test_a_run_opens_once_its_data_and_its_model_are_good(failing: str, is_open: bool) -> None:
    world = FakeWorld(failing={failing: RunError("no.", remedy="Wait.")})
    use_case(world).execute(TrainModelRequest())
    assert world.run.is_open == is_open


def test_the_response_holds_what_the_trainer_found_and_where_it_is() -> None:
    world = FakeWorld()
    response = use_case(world).execute(TrainModelRequest())
    assert (response.best_metric, response.best_epoch, response.training_time) == (0.8, 2, 12.5)
    assert response.model_path == "runs/fake-run/model"
    assert response.metrics_file == "runs/fake-run/metrics.json"
    assert response.baselines == {"majority_accuracy": 0.5}
    assert (response.num_train_rows, response.num_eval_rows, response.run_id) == (80, 20, "fake-run")
    assert world.run.summary == response.model_dump()
    assert world.run.is_closed


def test_scores_of_the_test_part_stand_beside_those_the_model_was_chosen_by() -> None:
    response = use_case(FakeWorld()).execute(TrainModelRequest())
    assert (response.final_metrics, response.test_metrics) == ({"macro_f1": 0.8}, {"macro_f1": 0.7})


def test_intervals_stand_where_the_rows_tell_one() -> None:
    response = use_case(FakeWorld()).execute(TrainModelRequest())
    assert response.intervals == {"macro_f1": (0.6, 0.8)}
    assert json.loads(response.model_dump_json())["intervals"] == {"macro_f1": [0.6, 0.8]}


def test_a_word_about_how_it_was_asked_is_told_and_kept() -> None:
    request, monitor = TrainModelRequest(data_parallel=True), FakeMonitor()
    (word,) = request.warnings
    assert word in use_case(FakeWorld()).execute(request, monitor).warnings
    assert Warned(word) in monitor.events


def test_what_the_report_warns_of_comes_behind_the_warnings_of_data_and_model(monkeypatch: pytest.MonkeyPatch) -> None:
    world = FakeWorld()
    monkeypatch.setattr(world, "load", lambda request: FakeDataset(warnings=("gaps",)))
    monkeypatch.setattr(world, "build", lambda request, dataset, run: FakeModel(warnings=("a new head",)))
    response = use_case(world).execute(TrainModelRequest())
    assert response.warnings == ("gaps", "a new head", "cannot be told from chance")


def test_the_trainer_gets_a_request_without_open_questions() -> None:
    world = FakeWorld()
    use_case(world).execute(TrainModelRequest(task="text_classification", epochs=9))
    seen = world.request_seen
    assert isinstance(seen, LabelTraining)
    assert (seen.epochs, seen.precision, seen.dataset_path) == (9, "fp32", "data/classification.json")
    assert None not in (seen.batch_size, seen.learning_rate, seen.model_name, seen.metric_name, seen.vocab_size)


@pytest.mark.parametrize("step", IN_ORDER)
@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (ConfigurationError("seed is odd.", remedy="Use 2."), 2),
        (DatasetError("no rows.", remedy="Add some."), 2),
        (ModelError("no model.", remedy="Name one."), 2),
        (RunError("taken.", remedy="Wait."), 2),
        (CheckpointError("damaged.", remedy="Delete it."), 2),
        (TrainingError("diverged.", remedy="Lower the rate."), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, AthanorError) else str(value),
)
def test_a_failure_of_any_step_becomes_a_response_and_ends_the_work(
    step: str, error: AthanorError, exit_code: int
) -> None:
    world = FakeWorld(failing={step: error})
    response = use_case(world).execute(TrainModelRequest())
    assert not response.success
    assert response.errors == (str(error),)
    assert response.exit_code == exit_code
    assert world.calls == IN_ORDER[: IN_ORDER.index(step) + 1]
    if "load" in world.calls:  # from here on there is a run to close
        assert world.run.is_closed
        assert world.run.failure == (response.model_dump(), exit_code != 2)
    assert world.run.summary is None


@pytest.mark.parametrize("step", IN_ORDER)
def test_a_programming_error_is_not_swallowed(step: str) -> None:
    world = FakeWorld(failing={step: ZeroDivisionError("ours")})
    with pytest.raises(ZeroDivisionError, match="ours"):
        use_case(world).execute(TrainModelRequest())
    assert world.run.is_closed == ("load" in world.calls)


@pytest.mark.parametrize(
    ("reason", "exit_code"),
    [("SIGHUP", 129), ("SIGINT", 130), ("SIGTERM", 143), ("cancelled", 1), ("diverged", 1), ("anything else", 1)],
)
def test_a_stopped_run_is_saved_and_says_how_to_go_on(reason: str, exit_code: int) -> None:
    world = FakeWorld(result=replace(RESULT, stop_reason=reason))
    response = use_case(world).execute(TrainModelRequest(), FakeMonitor(stop_reason=reason))
    assert (response.success, response.exit_code, response.stop_reason) == (False, exit_code, reason)
    assert "athanor resume runs/fake-run" in response.errors[0]
    assert world.run.summary == response.model_dump()
    assert response.best_metric == 0.8


def test_the_monitor_of_the_caller_reaches_the_trainer() -> None:
    world, monitor = FakeWorld(), FakeMonitor()
    use_case(world).execute(TrainModelRequest(), monitor)
    world.monitor_seen.notify(Warned("seen"))
    assert monitor.events[-1] == Warned("seen")


@pytest.mark.parametrize(
    ("reason", "status"), [("completed", "finished"), ("SIGINT", "stopped"), ("diverged", "failed")]
)
def test_nothing_is_told_behind_the_end_of_a_run_which_comes_when_its_summary_is_kept(reason: str, status: str) -> None:
    world = FakeWorld(result=replace(RESULT, stop_reason=reason))

    class Looking(FakeMonitor):
        def notify(self, event: Event) -> None:
            super().notify(event)
            assert world.run.summary is not None
            assert not world.run.is_closed

    monitor = Looking()
    assert use_case(world).execute(TrainModelRequest(), monitor).warnings == (*RESULT.warnings, *REPORT.warnings)
    assert monitor.events == [RunClosed("runs/fake-run", status)]


def test_a_run_that_fails_is_over_too_and_one_that_never_was_is_not_told_of() -> None:
    for failing, events in (("train", [RunClosed("runs/fake-run", "failed")]), ("reserve", [])):
        monitor = FakeMonitor()
        world = FakeWorld(failing={failing: RunError("no.", remedy="Wait.")})
        use_case(world).execute(TrainModelRequest(), monitor)
        assert monitor.events == events


def test_an_observer_that_fails_at_the_very_end_stands_in_the_response_and_in_the_summary() -> None:
    class Failing(FakeMonitor):
        def notify(self, event: Event) -> None:
            raise ZeroDivisionError("a bug")

    world = FakeWorld()
    response = use_case(world).execute(TrainModelRequest(), Failing())
    assert [warning for warning in response.warnings if "ZeroDivisionError: a bug" in warning]
    assert world.run.summary == response.model_dump()


def test_early_stopping_is_a_success() -> None:
    world = FakeWorld(result=replace(RESULT, stop_reason="early_stopping"))
    assert use_case(world).execute(TrainModelRequest()).success


def test_resuming_takes_the_request_of_the_run_and_reserves_no_new_one() -> None:
    world = FakeWorld()
    response = ResumeTrainingUseCase(world, use_case(world)).execute("runs/fake-run")
    assert world.calls == ["reopen", "settle", *IN_ORDER[2:]]
    assert world.request_seen is not None
    assert (world.request_seen.task, world.request_seen.seed) == ("text_classification", 7)
    assert response.success


def test_resuming_what_is_no_run_is_bad_input() -> None:
    world = FakeWorld(failing={"reopen": RunError("no run.", remedy="See runs list.")})
    response = ResumeTrainingUseCase(world, use_case(world)).execute("nowhere")
    assert (response.success, response.exit_code, response.errors) == (False, 2, ("no run. See runs list.",))


INVALID: list[tuple[dict[str, Any], str]] = [
    ({"task": "security_clasification"}, "Did you mean security_classification?"),
    ({"task": "painting"}, "Choose one of"),
    ({"epochs": 0}, "num_epochs is 0"),
    ({"batch_size": 0}, "batch_size is 0"),
    ({"batch_size": -4}, "batch_size is -4"),
    ({"learning_rate": 0.0}, "learning_rate is 0.0"),
    ({"learning_rate": float("nan")}, "learning_rate is nan"),
    ({"learning_rate": 1e9}, "at most 10"),
    ({"gradient_accumulation_steps": 0}, "gradient_accumulation_steps is 0"),
    ({"early_stopping_patience": -1}, "early_stopping_patience is -1"),
    ({"early_stopping_min_delta": -0.1}, "early_stopping_min_delta is -0.1"),
    ({"warmup_steps": -1}, "warmup_steps is -1"),
    ({"max_length": 2}, "max_length is 2"),
    ({"max_length": 10**9}, "max_length is 1000000000"),
    ({"vocab_size": 10}, "vocab_size is 10"),
    ({"validation_split": 0.0}, "validation_split is 0.0"),
    ({"validation_split": 1.5}, "validation_split is 1.5"),
    ({"optimizer": "adamv"}, "Choose one of adamw"),
    ({"scheduler": "cosin"}, "Choose one of constant"),
    ({"precision": "fp7"}, "Choose one of auto"),
    ({"compile": "fast"}, "Choose one of auto"),
    ({"device": "tpu"}, "device 'tpu'"),
    ({"device": "cuda:x"}, "device 'cuda:x'"),
    ({"max_grad_norm": 0.0}, "max_grad_norm is 0.0"),
    ({"weight_decay": -0.1}, "weight_decay is -0.1"),
    ({"label_smoothing": 1.0}, "label_smoothing is 1.0"),
    ({"word_dropout": -0.5}, "word_dropout is -0.5"),
    ({"max_steps": 0}, "max_steps is 0"),
    ({"eval_steps": 0}, "eval_steps is 0"),
    ({"save_steps": -3}, "save_steps is -3"),
    ({"max_checkpoints": 0}, "max_checkpoints is 0"),
    ({"seed": -1}, "seed is -1"),
    ({"num_labels": 1}, "num_labels is 1"),
    ({"task": "security_classification", "num_labels": 3}, "has 5 labels"),
    ({"use_mixed_precision": False, "precision": "bf16"}, "contradicts"),
    ({"use_mixed_precision": False, "precision": "tf32"}, "contradicts"),
    ({"class_weights": {"safe": 0.0}}, "class_weights has 0.0"),
    ({"dataset_path": ""}, "dataset_path is empty"),
    ({"output_dir": ""}, "output_dir is empty"),
]


@pytest.mark.parametrize(("values", "said"), INVALID, ids=[str(values) for values, _ in INVALID])
def test_a_broken_rule_is_named_before_anything_is_touched(values: dict[str, Any], said: str) -> None:
    world = FakeWorld()
    response = use_case(world).execute(TrainModelRequest(**values))
    assert response.exit_code == 2
    assert any(said in error for error in response.errors), response.errors
    assert world.calls == []


def test_all_broken_rules_are_named_together() -> None:
    response = use_case(FakeWorld()).execute(TrainModelRequest(epochs=0, batch_size=0, max_length=1, seed=-1))
    assert len(response.errors) == 4


def test_an_unknown_setting_names_the_nearest_one() -> None:
    with pytest.raises(ConfigurationError, match=r"'learning_rat' is not known\. Did you mean 'learning_rate'\?"):
        TrainModelRequest(learning_rat=1e-4)


def test_a_value_of_the_wrong_type_is_named() -> None:
    with pytest.raises(ConfigurationError, match="epochs is 'many'"):
        TrainModelRequest(epochs="many")


def test_a_request_cannot_be_changed_after_it_was_made() -> None:
    with pytest.raises(Exception, match="frozen"):
        TrainModelRequest().seed = 3


def test_defaults_are_those_of_the_specification() -> None:
    request = TrainModelRequest()
    assert (request.early_stopping_patience, request.max_length, request.weight_decay) == (3, 512, 0.01)
    assert (request.max_grad_norm, request.max_checkpoints, request.seed) == (1.0, 3, 42)


def test_resolving_twice_changes_nothing() -> None:
    once = TrainModelRequest(quick=True).resolved()
    assert asked_again(once) == once


def test_the_use_case_needs_neither_torch_nor_transformers() -> None:
    code = (
        "import sys; import tests.fakes.ports, application.use_cases.train_model, application.use_cases.predict; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_pretrained_model_is_tuned_gently_unless_told_otherwise() -> None:
    scratch = training(LabelTraining, "text_classification", model_name="encoder-base")
    tuned = training(LabelTraining, "text_classification", model_name="models/bert")
    assert (scratch.learning_rate, scratch.word_dropout) == (1e-3, 0.6)
    assert (tuned.learning_rate, tuned.word_dropout) == (3e-5, 0.0)
    assert TrainModelRequest(model_name="models/bert", learning_rate=1e-4).resolved().learning_rate == 1e-4


@pytest.mark.parametrize(("reason", "keeps", "discarded"), [("completed", False, True), ("completed", True, False)])
def test_a_finished_run_drops_its_checkpoints_unless_they_are_to_stay(
    reason: str, keeps: bool, discarded: bool
) -> None:
    world = FakeWorld(result=replace(RESULT, stop_reason=reason))
    use_case(world).execute(TrainModelRequest(keep_checkpoints=keeps))
    assert world.checkpoints_made.is_discarded is discarded


def test_a_run_that_can_go_on_keeps_its_checkpoints() -> None:
    world = FakeWorld(result=replace(RESULT, stop_reason="SIGTERM"))
    use_case(world).execute(TrainModelRequest())
    assert not world.checkpoints_made.is_discarded


def test_a_diverged_run_is_told_what_helps_and_not_to_resume_as_it_is() -> None:
    world = FakeWorld(result=replace(RESULT, stop_reason="diverged"))
    (told,) = use_case(world).execute(TrainModelRequest(learning_rate=0.5)).errors
    assert "learning_rate: 0.05" in told
    assert "athanor resume runs/fake-run --accept-changes" in told


def test_changes_are_accepted_only_when_that_is_said() -> None:
    world = FakeWorld()
    use_case(world).execute(TrainModelRequest())
    assert not world.accepts_changes
    use_case(world).execute(TrainModelRequest(), accept_changes=True)
    assert world.accepts_changes
