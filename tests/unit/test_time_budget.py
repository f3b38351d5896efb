"""A time budget is read as people write it, becomes steps that fit, and ends a run in time."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.training_request import TrainModelRequest
from domain.config import TrainingConfig
from domain.events import EvaluationCompleted, RunStarted
from domain.exceptions import ConfigurationError
from domain.plan import TrainingPlan
from domain.time_budget import (
    TIME_BUDGET,
    Clock,
    Durations,
    as_written,
    least_seconds,
    seconds_of,
    seconds_of_report,
    steps_within,
)
from infrastructure.runs.run_file import dump_request
from tests.support.command_line import athanor
from tests.support.refusals import assert_refused


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90s", 90),
        ("90", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("1h", 3600),
        ("1h0m5s", 3605),
        ("1.5m", 90),
        (" 5M ", 300),
        ("0.5", 0.5),
        ("5m30", 330),
        ("1h30", 3630),
    ],
)
def test_a_time_is_read_as_people_write_it(written: str, seconds: float) -> None:
    assert seconds_of(written) == seconds
    asked = TrainModelRequest(time_budget=written).resolved()
    assert asked.time_budget == seconds
    assert f"time_budget: {float(seconds)}" in dump_request(asked)


@pytest.mark.parametrize("written", ["", "m", "5 parsecs", "5m1h", "-5m", "five", "5d", "nan", "inf", "1:30", "٥m"])
def test_what_is_no_time_is_refused_with_how_to_write_one(written: str) -> None:
    assert seconds_of(written) is None
    with pytest.raises(ConfigurationError, match=r"time_budget is .*a time is written as 90s, 5m or 1h30m"):
        TrainModelRequest(time_budget=written)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(90, "1m30s"), (300, "5m"), (5400, "1h30m"), (3605, "1h5s"), (0.2, "1s"), (59.2, "1m")],
)
def test_a_time_is_told_as_people_write_it(seconds: float, written: str) -> None:
    assert as_written(seconds) == written
    assert seconds <= (seconds_of(written) or 0) < seconds + 1


@pytest.mark.parametrize("value", [0, -5, float("nan"), float("inf"), 1e12])
def test_a_number_that_is_no_time_is_refused(value: float) -> None:
    with pytest.raises(ConfigurationError, match=r"time_budget is .*must be above 0"):
        TrainModelRequest(time_budget=value).resolved()


class TestTheStepsThatFit:
    @settings(max_examples=40)
    @given(
        st.floats(1e-4, 100), st.floats(0, 100), st.integers(1, 50_000), st.integers(1, 6), st.floats(0.1, 1e5),
        st.one_of(st.none(), st.integers(1, 3000)),
    )  # fmt: skip
    def test_end_in_time_with_all_that_follows_and_none_could_be_added(
        self, of_step: float, of_evaluation: float, num_rows: int, epochs: int, seconds: float, eval_steps: int | None
    ) -> None:
        plan = TrainingPlan.of(TrainingConfig(num_epochs=epochs, eval_steps=eval_steps), num_rows)
        took = Durations(of_step, of_evaluation)
        steps = steps_within(seconds, took, plan)

        def all_of(number: int) -> float:
            return took.of_steps(number, plan.eval_steps) / 0.85 + seconds_of_report(of_evaluation, num_rows)

        assert 0 <= steps <= plan.total_steps
        if steps:
            assert all_of(steps) <= seconds * (1 + 1e-9)
        if steps < plan.total_steps:
            assert all_of(steps + 1) > seconds * (1 - 1e-9)

    def test_are_all_where_there_is_time_enough(self) -> None:
        plan = TrainingPlan.of(TrainingConfig(num_epochs=3, batch_size=10), 1000)
        assert steps_within(3600, Durations(0.1, 1), plan) == plan.total_steps == 300

    def test_are_none_below_the_least_that_is_told(self) -> None:
        plan, took = TrainingPlan.of(TrainingConfig(), 100), Durations(2, 3)
        least = least_seconds(took, plan)
        assert steps_within(least * 0.999, took, plan) == 0
        assert steps_within(least * 1.001, took, plan) == 1


class Time:
    """A clock that goes on when it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def evaluation(seconds: float) -> EvaluationCompleted:
    return EvaluationCompleted(step=1, epoch=0, metrics={}, is_best=True, seconds=seconds)


class TestTheClock:
    def test_ends_a_run_while_there_is_time_for_what_follows(self) -> None:
        time = Time()
        clock = Clock(100.0, spent=20.0, now=time)
        clock.notify(RunStarted("", "", "", "", 0, num_train_rows=2000, num_eval_rows=9, total_steps=9, first_step=0))
        clock.notify(evaluation(10.0))
        clock.notify(evaluation(5.0))
        behind = 10.0 + seconds_of_report(10.0, 2000)
        assert clock.stop_requested() == ""
        time.now += 80 - behind - 0.1
        assert clock.stop_requested() == ""
        time.now += 0.2
        assert clock.stop_requested() == TIME_BUDGET

    def test_grants_a_first_step_though_it_is_late(self) -> None:
        clock = Clock(1.0, spent=50.0, now=Time())
        assert clock.stop_requested() == ""
        assert clock.stop_requested() == TIME_BUDGET

    def test_without_a_budget_never_ends_a_run(self) -> None:
        time = Time()
        clock = Clock(None, spent=0.0, now=time)
        time.now += 1e9
        assert [clock.stop_requested() for _ in range(3)] == ["", "", ""]


class TestTheRowsAtOnce:
    def test_that_are_to_be_measured_are_those_of_the_task_until_then(self) -> None:
        asked = TrainModelRequest(task="text_classification", batch_size="auto", gradient_accumulation_steps=2)
        assert asked.is_measured("batch_size")
        assert asked.resolved().batch_size == TrainModelRequest(task="text_classification").resolved().batch_size
        assert not TrainModelRequest(batch_size=8).is_measured("batch_size")
        assert not TrainModelRequest().is_measured("batch_size")

    @pytest.mark.parametrize("value", ["automatic", "8.5", [8], 8.5])
    def test_that_are_no_number_are_refused(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"batch_size is .*integer.*'auto'"):
            TrainModelRequest(batch_size=value)

    @pytest.mark.parametrize("words", [("--batch-size", "many"), ("--set", "batch_size=many")])
    def test_are_refused_on_the_command_line(self, words: tuple[str, ...]) -> None:
        assert_refused(athanor("train", *words), "batch_size is 'many'", "'auto'")
