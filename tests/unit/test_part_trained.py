"""Who trains a part of a model reads which part, and who trains all of it reads nothing of that."""

import pytest

from domain.events import RunStarted
from domain.words import part_trained
from presentation.cli.telling import Teller


@pytest.mark.parametrize("num_trainable", [None, 2_000_000])
def test_of_a_whole_model_nothing_is_said(num_trainable: int | None) -> None:
    assert part_trained(2_000_000, num_trainable) == ""


def test_a_part_is_told_with_its_share() -> None:
    assert part_trained(2_000_000, 25_000) == ", 25,000 of them trained (1.25%)"


def test_the_first_line_of_a_run_says_what_is_trained() -> None:
    started = RunStarted("run", "text_classification", "cpu", "fp32", 2_000_000, 96, 24, 10, 0, num_trainable=25_000)
    assert "2.0 M parameters, 25,000 of them trained (1.25%), fp32 on cpu" in Teller().sentence(started)
