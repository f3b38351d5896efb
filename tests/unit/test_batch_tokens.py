"""Batches are measured in rows or in tokens: what is said, what is refused, and what a run file keeps."""

from typing import Any

import pytest

from application.training_request import TrainModelRequest
from domain.config import TrainingConfig
from domain.events import MicroBatchHalved
from domain.exceptions import ConfigurationError
from domain.plan import TrainingPlan
from domain.progress import EarlyStopping, Progress
from domain.step_size import TOKENS, StepSize
from presentation.cli.telling import Teller


@pytest.mark.parametrize("task", ["text_classification", "security_classification", "sequence_to_sequence"])
def test_tokens_take_the_place_of_the_rows_of_a_task_and_a_run_file_says_so_again(task: str) -> None:
    asked = TrainModelRequest(task=task, batch_tokens=4096, gradient_accumulation_steps=2)
    training = asked.resolved()
    assert (training.batch_size, training.training_config().step_size) == (None, StepSize(4096, 2, TOKENS))
    assert not asked.leaves_open("batch_size")
    assert TrainModelRequest(**training.model_dump()).resolved() == training


@pytest.mark.parametrize("batch_size", [8, "auto"])
def test_both_are_refused_together(batch_size: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=f"batch_size is {batch_size} and batch_tokens 4096.*Drop one"
    ) as found:
        TrainModelRequest(task="text_classification", batch_size=batch_size, batch_tokens=4096).resolved()
    assert len(found.value.messages) == 1
    with pytest.raises(ConfigurationError, match="batch_size is 8 and batch_tokens 4096"):
        TrainingConfig(batch_size=8, batch_tokens=4096)


def test_a_table_has_no_tokens() -> None:
    with pytest.raises(ConfigurationError, match=r"batch_tokens means nothing.*batch_size counts windows"):
        TrainModelRequest(task="quantile_forecasting", batch_tokens=4096).resolved()


def test_of_what_nobody_said_a_batch_is_sixteen_rows() -> None:
    assert (TrainingConfig().batch_size, TrainingConfig().step_size) == (16, StepSize(16))


@pytest.mark.parametrize(
    ("longest", "said"),
    [(301, "the longest row has 301 tokens. Use batch_tokens=301 or more"), (1, "no tokens that could be counted")],
)
def test_a_row_that_does_not_fit_is_refused(longest: int, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        TrainingPlan.of(TrainingConfig(batch_tokens=300), 100, 10_000, longest)
    assert TrainingPlan.of(TrainingConfig(batch_tokens=300), 100, 10_000, 300).steps_per_epoch == 33


def test_lost_memory_is_told_in_tokens() -> None:
    assert "now have 2,048 tokens" in Teller().sentence(MicroBatchHalved(3, 2048, TOKENS))
    assert "now have 8 rows" in Teller().sentence(MicroBatchHalved(3, 8))


def test_rows_that_memory_had_room_for_say_nothing_of_tokens() -> None:
    before = Progress("max", EarlyStopping(2), micro_batch_size=8)
    now = Progress("max", EarlyStopping(2), micro_batch_size=4096)
    now.take_up(before, scores_remain=True, unit_remains=False)
    assert now.micro_batch_size == 4096
    now.take_up(before, scores_remain=True)
    assert now.micro_batch_size == 8
