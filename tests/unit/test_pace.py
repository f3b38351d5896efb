"""What is left of a training counts its steps, and the evaluations among them."""

import pytest

from domain.events import EvaluationCompleted, RolledBack, RunStarted, StepCompleted
from domain.pace import Pace
from domain.showing import duration


def started(first_step: int = 0, eval_steps: int = 100, num_eval_rows: int = 60) -> RunStarted:
    return RunStarted("run", "task", "cpu", "fp32", 1, 1_000, num_eval_rows, 1_000, first_step, eval_steps)


def step(number: int) -> StepCompleted:
    return StepCompleted(number, 1_000, 0, 1.0, 1.0, 1.0, 1e-3, 0.0, samples_per_second=20.0, memory_bytes=0)


def scored(at: int, seconds: float) -> EvaluationCompleted:
    return EvaluationCompleted(at, 0, {}, False, seconds)


def test_nothing_is_known_before_the_first_step() -> None:
    pace = Pace()
    assert pace.seconds_left() is None
    pace.take_in(started(), 0.0)
    assert pace.seconds_left() is None


def test_before_the_first_evaluation_its_rows_are_guessed_to_take_a_third_of_what_learning_them_takes() -> None:
    pace = Pace()
    pace.take_in(started(), 0.0)
    pace.take_in(step(50), 50.0)
    assert pace.seconds_left() == pytest.approx(950 + 10 * 60 / 20 / 3)


def test_an_evaluation_counts_as_long_as_the_last_one_and_is_no_part_of_the_steps() -> None:
    pace = Pace()
    pace.take_in(started(), 0.0)
    pace.take_in(step(50), 50.0)
    pace.take_in(step(100), 100.0)
    pace.take_in(scored(100, 30.0), 130.0)
    assert pace.seconds_left() == pytest.approx(900 + 9 * 30)
    pace.take_in(step(150), 180.0)
    assert pace.seconds_left() == pytest.approx(850 + 9 * 30)


def test_the_last_step_is_scored_also_where_the_cadence_does_not_say_so() -> None:
    pace = Pace()
    pace.take_in(started(eval_steps=300), 0.0)
    pace.take_in(step(300), 300.0)
    pace.take_in(scored(300, 30.0), 330.0)
    assert pace.seconds_left() == pytest.approx(700 + 3 * 30)


def test_without_an_evaluation_part_only_steps_count() -> None:
    pace = Pace()
    pace.take_in(started(num_eval_rows=0), 0.0)
    pace.take_in(step(50), 50.0)
    assert pace.seconds_left() == pytest.approx(950)


def test_the_first_steps_which_are_slower_count_only_until_others_are_known() -> None:
    pace = Pace()
    pace.take_in(started(num_eval_rows=0), 0.0)
    pace.take_in(step(10), 100.0)
    assert pace.seconds_left() == pytest.approx(9_900)
    pace.take_in(step(20), 110.0)
    assert pace.seconds_left() == pytest.approx(980)
    pace.take_in(step(30), 140.0)  # three times as slow: both count
    assert pace.seconds_left() == pytest.approx(970 * 2)


def test_a_run_that_goes_on_counts_from_where_it_stood_and_one_that_went_back_from_there() -> None:
    pace = Pace()
    pace.take_in(started(first_step=900, num_eval_rows=0), 0.0)
    pace.take_in(step(910), 10.0)
    assert pace.seconds_left() == pytest.approx(90)
    pace.take_in(RolledBack(910, 900, 0.5), 20.0)
    assert pace.seconds_left() == pytest.approx(100)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (59, "59 s"), (61, "1 min"), (3_599, "1 h"), (4_800, "1 h 20 min"), (200_000, "2 d 7 h")],
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said
