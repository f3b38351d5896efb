"""What changes a result is listed when a run is resumed, and taken up only when that is accepted."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from application.training import Training
from application.training_request import TrainModelRequest
from domain.events import Warned
from domain.exceptions import CheckpointError
from infrastructure.container import Container
from infrastructure.runs.run_file import dump_request
from infrastructure.training import CheckpointManager, run_states
from infrastructure.training.machine import computed_elsewhere, machine_facts
from infrastructure.training.training_state import Change
from tests.fakes.ports import FakeMonitor, StopsAt
from tests.support import tiny
from tests.support.tiny_module import Net, rows, trainer, weights


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """Stop a run of sixteen steps before its seventh."""
    trainer(Net(), tmp_path, StopsAt(6)).train()
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"learning_rate": 0.02}, "learning_rate was 0.01 and is 0.02"),
        ({"num_epochs": 5, "weight_decay": 0.5}, r"num_epochs was 4 and is 5; weight_decay was 0\.01 and is 0\.5"),
        ({"training": rows(32)[:24]}, "the training rows changed"),
        ({"evaluation": rows(11)}, "the evaluation rows changed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_change_is_listed_old_and_new(stopped: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CheckpointError, match=said):
        trainer(Net(), stopped, **changes).train()


def test_accepted_changes_are_gone_on_from_and_told(stopped: Path) -> None:
    results = trainer(Net(), stopped, learning_rate=0.02).train(accept_changes=True)
    assert results["steps"] == 16
    assert any("learning_rate was 0.01 and is 0.02" in warning for warning in results["warnings"])


def test_a_change_that_was_accepted_need_not_be_accepted_again(stopped: Path) -> None:
    trainer(Net(), stopped, StopsAt(2), learning_rate=0.02).train(accept_changes=True)
    results = trainer(Net(), stopped, learning_rate=0.02).train()
    assert results["steps"] == 16
    assert any("as accepted" in warning for warning in results["warnings"])


@pytest.mark.parametrize(
    ("name", "remain"),
    [("learning_rate", True), ("epochs", True), ("num_epochs", True), ("average_decay", False), ("metric_name", False)],
)
def test_scores_remain_where_they_can_be_compared(name: str, remain: bool) -> None:
    assert Change(name, 1, 2, is_data=False).leaves_scores is remain


def test_an_accepted_rate_and_decay_are_those_that_are_applied(stopped: Path) -> None:
    one = trainer(Net(), stopped, weight_decay=0.5, scheduler="constant", warmup_steps=0, learning_rate=0.03)
    one.train(accept_changes=True)
    groups = one._session.optimizer.param_groups
    assert {group["lr"] for group in groups} == {0.03}
    assert max(group["weight_decay"] for group in groups) == 0.5


@pytest.mark.parametrize("optimizer", ["sgd", "muon", "rmsprop"])
def test_another_optimizer_begins_its_moments_anew(stopped: Path, optimizer: str) -> None:
    assert trainer(Net(), stopped, optimizer=optimizer).train(accept_changes=True)["steps"] == 16


@pytest.mark.parametrize("decay", [0.0, 0.9], ids=["ended", "begun"])
def test_an_average_may_end_or_begin_in_mid_run(tmp_path: Path, decay: float) -> None:
    trainer(Net(), tmp_path, StopsAt(6), average_decay=0.9 - decay).train()
    assert trainer(Net(), tmp_path, average_decay=decay).train(accept_changes=True)["steps"] == 16


def test_scores_on_other_rows_are_forgotten(tmp_path: Path) -> None:
    trainer(Net(), tmp_path, StopsAt(13), evaluation=rows(12)).train()
    harder = rows(11, slope=-10)
    results = trainer(Net(), tmp_path, evaluation=harder).train(accept_changes=True)
    assert results["best_metric"] > 1.0  # the earlier ones were far below
    assert results["best_step"] > 13


def test_scores_on_the_same_rows_remain(stopped: Path) -> None:
    before = CheckpointManager(stopped / "checkpoints").load_latest_checkpoint()
    assert before is not None
    best = before["extra"]["progress"]["best_metric"]
    results = trainer(Net(), stopped, learning_rate=1e-9).train(accept_changes=True)
    assert results["best_metric"] <= best


def test_a_diverged_run_goes_on_from_its_last_good_state_at_a_lower_rate(tmp_path: Path) -> None:
    class Steep(nn.MSELoss):
        calls = 0

        def forward(self, output: Any, target: Any) -> Any:
            self.calls += torch.is_grad_enabled()
            loss = super().forward(output, target)
            return loss * float("nan") if self.calls > 6 else loss

    one = trainer(Net(), tmp_path, max_rollbacks=1)
    one._task._loss_function = Steep()
    assert one.train()["stop_reason"] == "diverged"
    assert trainer(Net(), tmp_path, max_rollbacks=1).train()["stop_reason"] == "diverged"
    later = trainer(Net(), tmp_path, max_rollbacks=1, learning_rate=1e-3).train(accept_changes=True)
    assert later["stop_reason"] == "completed"


def test_a_settled_state_of_other_content_is_refused_in_a_sentence(stopped: Path) -> None:
    manager = CheckpointManager(stopped / "checkpoints")
    newest = manager.load_latest_checkpoint()
    assert newest is not None
    wrong: list[Any] = [{}, [], None, {**newest["extra"]["progress"], "step": "six"}, {"step": 1}]
    for progress in wrong:
        manager.save_checkpoint(model=Net(), step=newest["step"], extra={**newest["extra"], "progress": progress})
        with pytest.raises(CheckpointError, match="does not hold what this program saves"):
            trainer(Net(), stopped).train()


class TestThreads:
    @pytest.fixture(autouse=True)
    def one_thread_outside(self) -> Iterator[None]:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(before)

    def test_a_resumed_run_computes_with_the_number_it_was_begun_with(self, stopped: Path) -> None:
        torch.set_num_threads(2)
        seen: list[int] = []

        class Looking(Net):
            def forward(self, inputs: Any) -> Any:
                seen.append(torch.get_num_threads())
                return super().forward(inputs)

        model = Looking()
        one = trainer(Net(), stopped)
        one._session.forward.model = one._session.model = one._bundle.model = model
        results = one.train()
        assert set(seen) == {1}
        assert results["num_threads"] == 1
        assert torch.get_num_threads() == 2

    def test_among_another_number_of_ranks_it_computes_with_those_that_it_has(
        self, stopped: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        torch.set_num_threads(2)
        monkeypatch.setattr(run_states, "machine_facts", lambda device, *others: machine_facts(device, 4))
        results = trainer(Net(), stopped).train()
        assert results["num_threads"] == 2
        assert any("ranks 1 then, 4 now, threads 1 then, 2 now" in warning for warning in results["warnings"])

    def test_another_machine_is_told(self) -> None:
        then = {"device": "cpu", "torch": "2.13.0", "unit": "AVX512", "threads": 8}
        assert computed_elsewhere(then, dict(then)) == ""
        assert "unit AVX512 then, AVX2 now" in computed_elsewhere(then, {**then, "unit": "AVX2"})

    def test_another_machine_is_a_warning_of_the_resumed_run(self, stopped: Path, monkeypatch: Any) -> None:
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "PAPER")
        monitor = FakeMonitor()
        results = trainer(Net(), stopped, monitor).train()
        assert any("PAPER now" in warning for warning in results["warnings"])
        assert any(isinstance(event, Warned) and "PAPER now" in event.message for event in monitor.events)


def request(directory: Path) -> TrainModelRequest:
    return TrainModelRequest(
        task="text_classification",
        dataset_path=str(tiny.file_of_rows(directory / "rows.json", 40)),
        eval_dataset=str(tiny.file_of_rows(directory / "eval.json", 6)),
        model_name="encoder-tiny",
        vocab_size=400,
        batch_size=4,
        max_steps=8,
        save_steps=2,
        eval_steps=4,
        max_length=32,
        output_dir=str(directory / "run"),
    )


@pytest.fixture(scope="module")
def stopped_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("changed")
    Container().train_model().execute(request(directory), StopsAt(5))
    return directory


class TestThroughTheUseCase:
    @pytest.fixture
    def run(self, stopped_run: Path, tmp_path: Path) -> Path:
        shutil.copytree(stopped_run / "run", tmp_path / "run")
        for name in ("rows.json", "eval.json"):
            shutil.copy(stopped_run / name, tmp_path / name)
        run_file = tmp_path / "run" / "run.yaml"
        run_file.write_text(run_file.read_text().replace(str(stopped_run), str(tmp_path)))
        return tmp_path / "run"

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("label_smoothing: 0.0", "label_smoothing: 0.3"),
            ("word_dropout: 0.6", "word_dropout: 0.0"),
            ("class_weights: null", "class_weights: balanced"),
            ("seed: 42", "seed: 43"),
            ("metric_name: macro_f1", "metric_name: accuracy"),
        ],
    )
    def test_a_setting_that_changes_the_result_is_named(self, run: Path, old: str, new: str) -> None:
        run_file = run / "run.yaml"
        assert old in run_file.read_text()
        run_file.write_text(run_file.read_text().replace(old, new))
        response = Container().resume_training().execute(str(run))
        assert (response.success, response.exit_code) == (False, 2)
        assert old.split(":")[0] in response.errors[0]

    def test_other_evaluation_labels_are_seen(self, run: Path) -> None:
        path = run.parent / "eval.json"
        relabelled = [
            {**row, "label": "calm" if row["label"] == "loud" else "loud"} for row in json.loads(path.read_text())
        ]
        path.write_text(json.dumps(relabelled))
        response = Container().resume_training().execute(str(run))
        assert not response.success
        assert "the evaluation rows changed" in response.errors[0]

    def test_accepted_changes_stand_in_the_summary(self, run: Path) -> None:
        run_file = run / "run.yaml"
        run_file.write_text(run_file.read_text().replace("label_smoothing: 0.0", "label_smoothing: 0.3"))
        response = Container().resume_training().execute(str(run), accept_changes=True)
        assert response.success, response.errors
        summary = json.loads((run / "summary.json").read_text())
        assert any("label_smoothing was 0.0 and is 0.3" in warning for warning in summary["warnings"])

    def test_a_setting_that_cannot_matter_may_change(self, run: Path) -> None:
        run_file = run / "run.yaml"
        run_file.write_text(run_file.read_text().replace("logging_steps: 10", "logging_steps: 3"))
        assert Container().resume_training().execute(str(run)).success


class TestARunOfBefore:
    """Run file and states held every setting there is, those of other kinds at their defaults."""

    @pytest.fixture
    def run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        everything = TrainModelRequest().model_dump()
        own = Training.decisive
        with monkeypatch.context() as before:
            before.setattr(Training, "decisive", lambda training: {**everything, **own(training)})
            Container().train_model().execute(request(tmp_path).changed(label_field="label"), StopsAt(5))
        run_file = tmp_path / "run" / "run.yaml"
        settings = {**everything, **yaml.safe_load(run_file.read_text())}
        run_file.write_text(dump_request(TrainModelRequest(**settings)))
        assert "horizons" in run_file.read_text()
        return tmp_path / "run"

    def test_is_resumed(self, run: Path) -> None:
        response = Container().resume_training().execute(str(run))
        assert response.success, response.errors

    def test_names_what_was_changed_since(self, run: Path) -> None:
        run_file = run / "run.yaml"
        run_file.write_text(run_file.read_text().replace("seed: 42", "seed: 43"))
        response = Container().resume_training().execute(str(run))
        assert "seed was 42 and is 43" in response.errors[0]
        assert "horizons" not in response.errors[0]

    def test_is_refused_a_setting_of_another_kind_until_it_is_left_out(self, run: Path) -> None:
        run_file = run / "run.yaml"
        before = run_file.read_text()
        run_file.write_text(before.replace("context_length: 96", "context_length: 9"))
        (told,) = Container().resume_training().execute(str(run)).errors
        assert told.startswith("context_length means nothing to task text_classification.")
        run_file.write_text(before.replace("context_length: 96\n", ""))
        assert Container().resume_training().execute(str(run)).success


def test_weights_go_on_from_where_they_were(stopped: Path) -> None:
    undisturbed, resumed = Net(), Net()
    trainer(undisturbed, stopped.parent / "undisturbed").train()
    trainer(resumed, stopped).train()
    assert all(torch.equal(a, b) for a, b in zip(weights(undisturbed), weights(resumed), strict=True))
