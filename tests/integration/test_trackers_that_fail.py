"""Trackers cannot stop, slow or change a run: each way to fail is one warning, and the run ends all the same."""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from application.training_request import TrainModelRequest
from domain.events import RolledBack, Warned
from infrastructure.container import Container
from infrastructure.trackers import feed, known
from infrastructure.trackers.process import TrackerProcess
from tests.fakes import tracker_worker
from tests.fakes.ports import FakeMonitor
from tests.support import tiny
from tests.support.tracked_runs import closed, evaluation, left_by_a_run, started, step, told, trackers_of


def behaving(behaviour: str, heard: Path) -> Callable[[str], TrackerProcess]:
    """Start the fake in place of a library."""
    command = (sys.executable, tracker_worker.__file__, behaviour, str(heard))
    return lambda name: TrackerProcess(command, os.environ)


def questions(heard: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in heard.read_text(encoding="utf-8").splitlines()]


def points(heard: Path) -> list[dict[str, Any]]:
    return [point for question in questions(heard) for point in question.get("points", [])]


@pytest.mark.parametrize("kind", ["begin", "points", "end"])
@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("fails", "OSError: no store there"),
        ("dies", "its process ended (exit code 3)"),
        ("babbles", "Expecting value"),
        ("hangs", "it has been silent for 0.3 s at the end of the run"),
    ],
)
def test_a_dead_tracker_is_one_warning(tmp_path: Path, way: str, kind: str, said: str) -> None:
    layout = left_by_a_run(tmp_path / "run")
    behaviour = behaving(f"{way} at {kind}", tmp_path / "heard")
    with trackers_of(layout, "mlflow", started=behaviour, patience_seconds=0.3 if way == "hangs" else 60) as (
        observer,
        warnings,
    ):
        told(observer, started(), step(1), evaluation(1), step(2), closed(layout))
        told(observer, step(3), closed(layout))
    (warning,) = warnings
    assert warning.startswith("tracker mlflow failed and is told nothing more, the run goes on: ")
    assert said in warning


def test_a_python_that_is_not_there_is_one_warning(tmp_path: Path) -> None:
    layout = left_by_a_run(tmp_path / "run")

    def missing(name: str) -> TrackerProcess:
        return TrackerProcess((str(tmp_path / "no python"),), os.environ)

    with trackers_of(layout, "wandb", started=missing) as (observer, warnings):
        told(observer, started(), closed(layout))
    assert "No such file" in warnings[0]


def test_a_server_that_is_dead_is_given_up_before_the_end_of_the_run_has_waited_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    layout = left_by_a_run(tmp_path / "run")
    with trackers_of(layout, "mlflow") as (observer, warnings):
        told(observer, started(), step(1), closed(layout))
    (warning,) = warnings
    assert "it has been silent" not in warning
    assert "127.0.0.1" in warning


def test_all_trackers_hear_the_same_and_one_that_fails_silences_no_other(tmp_path: Path) -> None:
    layout = left_by_a_run(tmp_path / "run")
    ways = {"mlflow": behaving("fails at begin", tmp_path / "a"), "wandb": behaving("works", tmp_path / "b")}
    with trackers_of(layout, *ways, started=lambda name: ways[name](name)) as (observer, warnings):
        told(observer, started(), step(1), step(2), RolledBack(2, 1, 0.5), step(2), evaluation(2), closed(layout))
    assert len(warnings) == 1
    kinds = [next(iter(question)) for question in questions(tmp_path / "b")]
    assert kinds == ["begin", "points", "back", "points", "end"]
    assert [point["step"] for point in points(tmp_path / "b")] == [1, 2, 2, 2]
    assert questions(tmp_path / "b")[2] == {"back": 1}


def test_what_a_slow_tracker_cannot_take_is_counted_and_no_evaluation_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MAX_WAITING", 5)
    layout = left_by_a_run(tmp_path / "run")
    with trackers_of(layout, "mlflow", started=behaving("is slow at begin", tmp_path / "heard")) as (
        observer,
        warnings,
    ):
        told(observer, started(), *(event for number in range(1, 21) for event in (step(number), evaluation(number))))
        told(observer, closed(layout))
    heard = points(tmp_path / "heard")
    assert [point["step"] for point in heard if "eval/accuracy" in point["values"]] == [*range(1, 21)]
    assert [point["step"] for point in heard if "train/loss" in point["values"]] == [1, 2, 3]
    assert warnings == [
        "tracker mlflow was too slow for 17 training steps, which it has not; no evaluation is missing."
    ]


def test_telling_takes_no_time_however_slow_the_tracker(tmp_path: Path) -> None:
    layout = left_by_a_run(tmp_path / "run")
    with trackers_of(layout, "mlflow", started=behaving("hangs at begin", tmp_path / "heard")) as (observer, _):
        told(observer, started())
        began = time.thread_time()
        told(observer, *map(step, range(1, 1001)))
        assert time.thread_time() - began < 1
        assert observer.stop_requested() == ""
    del observer  # a run that is broken off: the process finds that nobody speaks to it


def test_a_run_that_never_began_tells_no_tracker(tmp_path: Path) -> None:
    layout = left_by_a_run(tmp_path / "run")
    with trackers_of(layout, "mlflow", started=behaving("works", tmp_path / "heard")) as (observer, warnings):
        told(observer, closed(layout, "failed"))
    assert warnings == []
    assert not (tmp_path / "heard").exists()


class TestMissingPackage:
    def request(self, tmp_path: Path, *trackers: str) -> TrainModelRequest:
        return tiny.request(tmp_path, "run", trackers=trackers)

    def test_is_refused_before_anything_is_read_with_the_command_that_installs_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        there = util.find_spec
        monkeypatch.setattr(util, "find_spec", lambda name: None if name in ("wandb", "sqlalchemy") else there(name))
        response = Container().train_model().execute(self.request(tmp_path, "tensorboard", "mlflow", "wandb"))
        assert response.exit_code == 2
        assert response.errors == (
            "trackers has mlflow and wandb, but this Python has no sqlalchemy and no wandb. "
            "Run: pip install 'athanor[mlflow,wandb]', or take them out of trackers.",
        )
        assert not (tmp_path / "run").exists()
        assert "wandb" not in known.installed()

    def test_a_directory_of_that_name_is_no_package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "trackio_elsewhere").mkdir()
        monkeypatch.syspath_prepend(tmp_path)
        assert util.find_spec("trackio_elsewhere") is not None
        assert not known._is_there("trackio_elsewhere")


def test_a_training_is_the_same_with_trackers_that_work_or_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The weights are equal to the bit, and what went wrong stands in the response, the summary and the log."""
    models = {}
    for name, trackers in (("alone", ()), ("watched", ("tensorboard", "trackio")), ("failing", ("trackio",))):
        if name == "failing":
            monkeypatch.setenv("TRACKIO_DIR", "/dev/null/nowhere")
        monitor = FakeMonitor()
        request = tiny.request(tmp_path, name, trackers=trackers, max_steps=8)
        response = Container().train_model().execute(request, monitor)
        assert response.success
        faults = [warning for warning in response.warnings if "tracker" in warning]
        assert len(faults) == (name == "failing"), faults
        assert [event for event in monitor.events if isinstance(event, Warned) and "tracker" in event.message] == [
            Warned(fault) for fault in faults
        ]
        log = (tmp_path / name / "log.jsonl").read_text(encoding="utf-8")
        assert log.count("tracker trackio failed") == (name == "failing")
        summary = json.loads((tmp_path / name / "summary.json").read_text(encoding="utf-8"))
        assert summary["warnings"] == list(response.warnings)
        models[name] = (tmp_path / name / "model" / "model.safetensors").read_bytes()
    assert len(set(models.values())) == 1
    assert capfd.readouterr().out == ""  # trackio greets whoever uses it
    assert list((tmp_path / "watched" / "trackers" / "tensorboard").iterdir())
