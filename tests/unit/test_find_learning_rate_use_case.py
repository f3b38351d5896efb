"""The job of `athanor lr-find`: what is asked of whom, what is set aside, and what a training behind it is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from application.training_request import TrainModelRequest
from application.use_cases.find_learning_rate import (
    FindLearningRateRequest,
    FindLearningRateResponse,
    FindLearningRateUseCase,
)
from application.use_cases.train_model import TrainModelUseCase
from domain.events import Noted
from domain.exceptions import ConfigurationError, DatasetError, RunError, TrainingError
from tests.fakes.ports import FakeMonitor, FakeWorld, StopsAt
from tests.fakes.sweeps import FakePictures, FakeSweeper

OF_SWEEP = ["settle", "reserve", "load", "build", "fit"]
TASK = "text_classification"


def found(
    world: FakeWorld | None = None,
    sweeper: FakeSweeper | None = None,
    pictures: FakePictures | None = None,
    monitor: FakeMonitor | None = None,
    settings: dict[str, Any] | None = None,
    **options: Any,
) -> FindLearningRateResponse:
    world = world or FakeWorld()
    train_model = TrainModelUseCase(runs=world, datasets=world, models=world, workshop=world, reports=world)
    case = FindLearningRateUseCase(
        runs=world,
        datasets=world,
        models=world,
        workshop=world,
        sweeper=sweeper or FakeSweeper(),
        pictures=pictures or FakePictures(),
        train_model=train_model,
    )
    known = {"task": TASK, "dataset_path": "rows.json", **(settings or {})}

    @contextmanager
    def watching(doing: str) -> Iterator[FakeMonitor | None]:
        yield monitor

    request = FindLearningRateRequest(training=TrainModelRequest(**known), **options)
    return case.execute(request, watching)


def test_a_sweep_opens_no_run_and_suggests_a_rate_with_a_reason() -> None:
    world, sweeper = FakeWorld(), FakeSweeper()
    response = found(world, sweeper)
    assert world.calls == OF_SWEEP
    assert not world.run.is_open
    assert (response.success, response.exit_code, response.errors) == (True, 0, ())
    assert response.learning_rate is not None
    assert 3e-4 < response.learning_rate < 3e-3
    assert "fell fastest" in response.reason
    assert len(response.rates) == len(response.losses) == len(response.smoothed)
    assert response.rates[0] == pytest.approx(response.start)
    assert response.training is None


def test_the_range_lies_around_the_rate_of_the_task_and_can_be_said() -> None:
    usual = TrainModelRequest(task=TASK, dataset_path="rows.json").resolved().learning_rate
    sweeper = FakeSweeper()
    assert found(sweeper=sweeper).usual == usual
    assert sweeper.sweep_seen is not None
    assert [sweeper.sweep_seen.start, sweeper.sweep_seen.steps] == pytest.approx([usual / 1000, 100])
    found(sweeper=sweeper, start=1e-5, end=2.0, steps=30)
    assert (sweeper.sweep_seen.start, sweeper.sweep_seen.end, sweeper.sweep_seen.steps) == (1e-5, 2.0, 30)


def test_what_a_sweep_has_itself_is_set_aside_and_said() -> None:
    sweeper = FakeSweeper()
    response = found(sweeper=sweeper, settings={"learning_rate": 0.5, "time_budget": "1s", "eta_min": 0.01})
    assert response.success, response.errors
    assert response.usual != 0.5
    assert sweeper.training_seen is not None
    assert sweeper.training_seen.learning_rate == response.usual
    assert sweeper.training_seen.time_budget is None
    assert [warning.partition(" is set aside")[0] for warning in response.warnings] == [
        "learning_rate 0.5",
        "time_budget",
    ]


def test_a_training_behind_it_is_asked_as_if_the_rate_had_been_given() -> None:
    world, monitor = FakeWorld(), FakeMonitor()
    settings = {"output_dir": "runs/x", "seed": 3, "time_budget": 60.0, "learning_rate": 0.5}
    response = found(world, monitor=monitor, settings=settings, apply=True)
    assert world.calls[: len(OF_SWEEP)] == OF_SWEEP
    assert world.calls[len(OF_SWEEP) :][:3] == OF_SWEEP[:3]
    assert response.training is not None
    assert response.training.success
    asked = world.request_seen
    given = TrainModelRequest(
        task=TASK, dataset_path="rows.json", **{**settings, "learning_rate": response.learning_rate}
    )
    assert asked == given.resolved().changed(precision="fp32")
    noted = [event.message for event in monitor.events if isinstance(event, Noted)]
    assert noted == [f"learning rate {response.learning_rate:g}: {response.reason}"]


def test_no_training_follows_where_nothing_is_suggested() -> None:
    world = FakeWorld()
    response = found(world, FakeSweeper(lambda rate: 1.0), apply=True, settings={"output_dir": "runs/x"})
    assert world.calls == OF_SWEEP
    assert (response.success, response.exit_code, response.learning_rate) == (False, 1, None)
    assert response.errors == (f"no learning rate is suggested: {response.reason}",)


def test_a_training_that_fails_fails_the_whole() -> None:
    world = FakeWorld(failing={"trainer": TrainingError("no.", remedy="Wait.")})
    response = found(world, apply=True)
    assert (response.success, response.exit_code, response.errors) == (False, 1, ("no. Wait.",))
    assert response.learning_rate is not None


def test_a_picture_shows_what_was_found_and_also_that_nothing_was() -> None:
    pictures = FakePictures()
    response = found(pictures=pictures, picture="a.png")
    assert response.picture == "a.png"
    assert pictures.drawn["a.png"].rate == response.learning_rate
    response = found(sweeper=FakeSweeper(lambda rate: 1.0), pictures=pictures, picture="b.png")
    assert (response.picture, response.exit_code) == ("b.png", 1)
    assert pictures.drawn["b.png"].rate is None


def test_a_picture_that_the_disk_refuses_costs_no_answer_and_starts_no_training() -> None:
    world, pictures = FakeWorld(), FakePictures({"draw": RunError("the disk is full.")})
    response = found(world, pictures=pictures, picture="a.png", apply=True)
    assert (response.success, response.exit_code, response.picture) == (False, 1, None)
    assert response.errors == ("the disk is full.",)
    assert response.learning_rate is not None
    assert world.calls == OF_SWEEP


def test_who_watches_can_stop_it() -> None:
    response = found(monitor=StopsAt(5))
    assert (response.success, response.exit_code) == (False, 1)
    assert response.errors == ("stopped (cancelled) after 5 of 100 steps; nothing was written.",)


@pytest.mark.parametrize("place", OF_SWEEP)
def test_what_a_training_would_refuse_is_refused(place: str) -> None:
    response = found(FakeWorld(failing={place: DatasetError("bad.", remedy="Mend it.")}))
    assert (response.success, response.exit_code, response.errors) == (False, 2, ("bad. Mend it.",))


def test_all_faults_are_told_together() -> None:
    pictures = FakePictures({"require_place": ConfigurationError("no place.")})
    response = found(pictures=pictures, picture="a.jpg", start=2.0, end=1.0, steps=3, settings={"epochs": 0})
    assert response.exit_code == 2
    assert [fault.split(" ")[0] for fault in response.errors] == ["--steps", "--from", "no", "num_epochs"]


@pytest.mark.parametrize(
    ("options", "settings", "words"),
    [
        ({"apply": True}, {"dataset_path": "-"}, "standard input can be read once"),
        ({"apply": True, "picture": "runs/x/a.png"}, {"output_dir": "runs/x"}, "lies in the run directory runs/x"),
        ({"end": 1e-9}, {}, "a sweep rises"),
    ],
)
def test_what_cannot_be_done_together_is_said(options: Any, settings: Any, words: str) -> None:
    response = found(**options, settings=settings)
    assert response.exit_code == 2
    assert words in response.errors[0]


def test_a_notebook_shows_the_rate_and_escapes_what_it_is_told() -> None:
    html = found(settings={"learning_rate": 0.5})._repr_html_()
    assert "learning rate: 0.00" in html
    assert "set aside" in html
    assert "<script>" not in FindLearningRateResponse(success=False, errors=("<script>",))._repr_html_()
