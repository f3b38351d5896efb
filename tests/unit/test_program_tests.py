"""pass@k and the settings of tests."""

from itertools import combinations
from typing import Any

import pytest

from domain.exceptions import ConfigurationError
from domain.program_tests import ProgramTesting, pass_at


@pytest.mark.parametrize(("num_programs", "num_passed"), [(1, 0), (1, 1), (5, 0), (5, 2), (6, 5), (7, 7)])
def test_pass_at_k_is_the_share_of_choices_of_k_programs_of_which_one_passes(
    num_programs: int, num_passed: int
) -> None:
    passes = [number < num_passed for number in range(num_programs)]
    for k in range(1, num_programs + 1):
        choices = list(combinations(passes, k))
        assert pass_at(k, num_programs, num_passed) == pytest.approx(sum(map(any, choices)) / len(choices), abs=1e-12)


def test_pass_at_1_is_the_share_that_passes_also_of_very_many_programs() -> None:
    assert pass_at(1, 100_000, 25_000) == pytest.approx(0.25, abs=1e-12)


def test_one_program_is_the_likeliest_and_several_are_drawn_unless_said_otherwise() -> None:
    assert (ProgramTesting().heat, ProgramTesting().ks) == (0.0, (1,))
    assert (ProgramTesting(samples=10).heat, ProgramTesting(samples=10).ks) == (0.8, (1, 10))
    assert ProgramTesting(samples=10, temperature=0.2, pass_at=(5, 1, 5)).ks == (1, 5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"samples": 0}, "samples is 0"),
        ({"samples": 1001}, "at most 1,000"),
        ({"samples": 2, "temperature": 0.0}, "would all be equal"),
        ({"temperature": float("nan")}, "temperature is NaN"),
        ({"samples": 5, "pass_at": (1, 10)}, "pass_at 10 needs 10 programs a row"),
        ({"pass_at": (0,)}, "pass_at is 0"),
        ({"time_limit": 0}, "time_limit is 0"),
        ({"memory_limit": 63}, "memory_limit is 63"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        ProgramTesting(**settings)
    assert said.casefold() in str(refused.value).casefold()


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        ProgramTesting(samples=0, time_limit=-1, seed=-1)
    assert len(refused.value.messages) == 3
