"""Verifying a resume: what is killed when, what counts as equal, and what is told of it."""

import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from application.ports import Kill
from application.training_request import TrainModelRequest
from application.use_cases.train_model import TrainModelResponse
from application.use_cases.verify_resume import (
    MOST_DIFFERENCES,
    VerifyResumeRequest,
    VerifyResumeUseCase,
    shortened,
    unequal,
)
from domain.exceptions import ConfigurationError, RunError, TrainingError
from domain.task import TASKS
from infrastructure.files import sha256_of
from infrastructure.runs.forked_trials import ForkedTrials
from infrastructure.runs.run_facts import facts_of
from presentation.cli.writing import write_verdict
from tests.fakes.trials import FACTS, FakeTrials


def verified(trials: FakeTrials, **values: Any) -> Any:
    return VerifyResumeUseCase(trials).execute(VerifyResumeRequest(training=TrainModelRequest(), **values))


class TestTheUseCase:
    def test_kills_as_often_as_asked_resumes_each_time_and_finishes(self) -> None:
        trials = FakeTrials()
        response = verified(trials, kills=5)
        assert (response.equal, response.kills, response.runs, response.num_facts) == (True, 5, 1, len(FACTS))
        assert trials.names == ["undisturbed", *["disturbed-1"] * 6]
        assert (trials.kills[0], trials.kills[-1], None in trials.kills[1:-1]) == (None, None, False)
        assert [trial.ended for trial in response.trials] == ["finished", *["killed in training"] * 5, "finished"]
        assert (trials.ended, response.directory) == (False, None)

    def test_kills_early_while_saving_and_anywhere_at_instants_that_the_seed_gives(self) -> None:
        first, again, other = (FakeTrials() for _ in range(3))
        verified(first, kills=20)
        verified(again, kills=20)
        verified(other, kills=20, seed=1)
        assert first.kills == again.kills != other.kills
        kills = [kill for kill in first.kills if kill is not None]
        assert sum(kill.saves > 0 for kill in kills) == 8
        assert all(0 <= kill.after_seconds < first.seconds and 0 <= kill.share < 1 for kill in kills)
        assert len({kill.after_seconds for kill in kills}) > 10

    def test_begins_another_run_when_one_ends_before_its_kill(self) -> None:
        trials = FakeTrials(missed=(2, 3))
        response = verified(trials, kills=2)
        assert (response.kills, response.runs) == (2, 3)

    def test_gives_up_when_no_kill_ever_comes_in_time(self) -> None:
        response = verified(FakeTrials(missed=range(1000)), kills=2)
        assert (response.kills, response.runs) == (0, 6)

    def test_names_what_differs_and_keeps_the_directory(self) -> None:
        trials = FakeTrials(found={**FACTS, "model/model.safetensors": "sha256 ff", "run.lock": "left over"})
        response = verified(trials, kills=1)
        assert not response.equal
        assert response.differences == (
            "disturbed-1: model/model.safetensors is 'sha256 ff', and was 'sha256 00'",
            "disturbed-1: run.lock is there, and was not in the undisturbed run",
        )
        assert (trials.ended, response.directory) == (True, "temporary/trials")

    @pytest.mark.parametrize(("exit_code", "raised"), [(1, TrainingError), (2, ConfigurationError)])
    def test_tells_of_a_training_that_fails_by_itself_and_cleans_up(
        self, exit_code: int, raised: type[Exception]
    ) -> None:
        for codes in ((exit_code,), (0, 0, exit_code)):
            trials = FakeTrials(exit_codes=codes)
            with pytest.raises(raised, match="memory ran out"):
                verified(trials, kills=1)
            assert trials.ended is False

    def test_cleans_up_when_it_is_interrupted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        trials = FakeTrials()
        monkeypatch.setattr(trials, "train", interrupted)
        with pytest.raises(KeyboardInterrupt):
            verified(trials)
        assert trials.ended is False

    @pytest.mark.parametrize("values", [{"kills": 0}, {"kills": 10**9}, {"steps": 1}, {"steps": 10**9}])
    def test_refuses_numbers_that_make_no_verification(self, values: Mapping[str, int]) -> None:
        trials = FakeTrials()
        with pytest.raises(ConfigurationError, match="must lie between"):
            verified(trials, **values)
        assert (trials.kills, trials.ended) == ([], None)


class TestShortening:
    @pytest.mark.parametrize("task", TASKS)
    def test_makes_any_task_a_few_steps_with_saves_among_them(self, task: str) -> None:
        short = shortened(VerifyResumeRequest(training=TrainModelRequest(task=task))).resolved()
        assert (short.max_steps, short.save_steps, short.eval_steps, short.quick) == (12, 2, 4, True)

    def test_takes_the_steps_of_the_run_file_and_those_asked_for_before_them(self) -> None:
        training = TrainModelRequest(max_steps=30, save_steps=3, eval_steps=900, learning_rate=0.5)
        short = shortened(VerifyResumeRequest(training=training))
        assert (short.max_steps, short.save_steps, short.eval_steps, short.learning_rate) == (30, 3, 10, 0.5)
        assert shortened(VerifyResumeRequest(training=training, steps=6)).max_steps == 6

    def test_leaves_out_what_two_processes_would_measure_differently(self) -> None:
        training = TrainModelRequest(batch_size="auto", time_budget="20s")
        short = shortened(VerifyResumeRequest(training=training))
        assert (short.is_measured("batch_size"), short.time_budget) == (False, None)
        assert shortened(VerifyResumeRequest(training=TrainModelRequest(batch_size=3))).batch_size == 3


def test_facts_that_nobody_shares_are_named_and_not_too_many() -> None:
    assert unequal({"a": 1}, {"a": 1}) == []
    assert unequal({"a": 1, "b": 2}, {"a": 2, "c": 3}) == [
        "a is 2, and was 1",
        "b is missing",
        "c is there, and was not in the undisturbed run",
    ]
    many = unequal({str(number): 0 for number in range(500)}, {})
    assert (len(many), many[-1]) == (MOST_DIFFERENCES + 1, "480 more")


def a_run(path: Path, **summary: Any) -> Path:
    (path / "model").mkdir(parents=True)
    (path / "model" / "config.json").write_text("{}")
    lines = [{"name": "loss", "step": 1, "value": 0.5}, {"name": "memory_bytes", "step": 1, "value": 1.0}]
    (path / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (path / "summary.json").write_text(json.dumps({"success": True, "best_step": 2, "run_id": path.name, **summary}))
    return path


class TestFacts:
    def test_leave_out_time_memory_and_place(self, tmp_path: Path) -> None:
        one = a_run(tmp_path / "one", training_time=1.0, throughput={"a": 1.0}, final_metrics={"f1": 0.5})
        other = a_run(tmp_path / "other", training_time=2.0, throughput={"a": 2.0}, final_metrics={"f1": 0.5})
        (other / "metrics.jsonl").write_text((one / "metrics.jsonl").read_text().replace("1.0", "7.0"))
        assert facts_of(one) == facts_of(other)
        assert facts_of(one)["model/config.json"] == f"sha256 {sha256_of(one / 'model' / 'config.json')[:16]}"

    @pytest.mark.parametrize(
        ("damage", "said"),
        [
            (lambda run: (run / "model" / "config.json").write_text("[]"), "model/config.json is"),
            (lambda run: (run / "model" / "more.txt").write_text(""), "model/more.txt is there"),
            (lambda run: (run / "model" / "config.json").unlink(), "model/config.json is missing"),
            (lambda run: (run / "run.lock").touch(), "run.lock is there"),
            (lambda run: (run / "model" / ".staging-x-1").mkdir(), "model/.staging-x-1 is there"),
            (lambda run: (run / "metrics.jsonl").write_text(""), "metrics.jsonl loss at step 1 is missing"),
        ],
    )
    def test_see_each_change(self, tmp_path: Path, damage: Any, said: str) -> None:
        expected = facts_of(a_run(tmp_path / "one"))
        damage(other := a_run(tmp_path / "other"))
        assert any(line.startswith(said) for line in unequal(expected, facts_of(other)))

    def test_see_a_step_that_was_logged_twice_and_a_score_in_the_summary(self, tmp_path: Path) -> None:
        expected = facts_of(a_run(tmp_path / "one", final_metrics={"f1": {"a": 0.5}}))
        other = a_run(tmp_path / "other", final_metrics={"f1": {"a": 0.25}})
        text = (other / "metrics.jsonl").read_text()
        (other / "metrics.jsonl").write_text(text + text)
        lines = unequal(expected, facts_of(other))
        assert "metrics.jsonl loss at step 1 (2) is there, and was not in the undisturbed run" in lines
        assert "summary.json final_metrics f1 a is 0.25, and was 0.5" in lines


class Working:
    """Stands for the use cases of training: begins, saves twice, and then waits to be killed."""

    def __init__(self, ends: str = "") -> None:
        self.ends = ends

    def execute(self, given: Any, *_: Any) -> TrainModelResponse:
        run = Path(given if isinstance(given, str) else given.output_dir)
        if self.ends == "signal":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.ends == "error":
            raise ValueError("broken by itself")
        (run / "checkpoints" / "step-00000000").mkdir(parents=True, exist_ok=True)
        (run / "run.yaml").write_text("{}")
        if self.ends == "finished":
            return TrainModelResponse(success=True)
        (run / "checkpoints" / ".staging-step-00000002-1").mkdir()
        time.sleep(60)
        raise AssertionError("nobody has killed it")


def forked(ends: str = "") -> ForkedTrials:
    working: Any = Working(ends)
    return ForkedTrials(working, working)


class TestForkedTrials:
    def test_kill_in_the_midst_of_a_save_and_resume_what_stands_there(self, tmp_path: Path) -> None:
        trials = forked()
        directory = Path(trials.begin(str(tmp_path / "new")))
        trial = trials.train(TrainModelRequest(), "one", Kill(0.0, saves=1))
        assert (trial.was_killed, trial.was_resumed) == (True, False)
        trial = trials.train(TrainModelRequest(), "two", Kill(0.0, saves=2))
        assert (trial.was_killed, trial.killed_while) == (True, "killed while saving")
        assert trial.checkpoint == "step-00000000"
        finishing = forked("finished")
        finishing._directory = directory
        trial = finishing.train(TrainModelRequest(), "two", None)
        assert (trial.was_resumed, trial.was_killed, trial.exit_code, trial.errors) == (True, False, 0, ())
        trials.end(keep=True)
        assert directory.is_dir()
        trials.end(keep=False)
        assert not directory.exists()

    @pytest.mark.parametrize(("ends", "said"), [("signal", "ended by SIGKILL"), ("error", "broken by itself")])
    def test_tell_of_a_process_that_dies_by_itself(self, tmp_path: Path, ends: str, said: str) -> None:
        trials = forked(ends)
        trials.begin(str(tmp_path))
        trial = trials.train(TrainModelRequest(), "one", Kill(600.0))
        assert not trial.was_killed
        assert trial.exit_code > 2
        assert said in " ".join(trial.errors)

    def test_leave_no_process_behind_when_they_are_interrupted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        children: list[int] = []
        plain = os.waitpid

        def interrupted(child: int, options: int) -> tuple[int, int]:
            children.append(child)
            if options:
                raise KeyboardInterrupt
            return plain(child, options)

        trials = forked()
        trials.begin(str(tmp_path))
        monkeypatch.setattr(os, "waitpid", interrupted)
        with pytest.raises(KeyboardInterrupt):
            trials.train(TrainModelRequest(), "one", None)
        with pytest.raises(ProcessLookupError):
            os.kill(children[0], 0)

    def test_refuse_a_place_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(RunError, match="cannot be written"):
            forked().begin(str(tmp_path / "file"))

    def test_refuse_to_compare_a_run_that_is_not_whole(self, tmp_path: Path) -> None:
        trials = forked()
        trials.begin(str(tmp_path))
        with pytest.raises(TrainingError, match="is not whole"):
            trials.facts("nowhere")


def test_the_verdict_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    write_verdict(verified(FakeTrials(found={}), kills=1))
    told = capsys.readouterr().out
    for words in ("undisturbed", "killed in training", "differs: disturbed-1", "NOT equal: 1 run with 1 kill", "kept:"):
        assert words in told
