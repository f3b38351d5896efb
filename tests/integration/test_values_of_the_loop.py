"""Numbers of the loop that nothing else would notice if they changed, each by what it does."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from application.training_request import TrainModelRequest
from domain.plan import TrainingPlan
from domain.schedule import average_decay
from domain.task import TASKS
from infrastructure.data.feed import Feed, RowNoise, random_of, seed_of
from infrastructure.training.advanced_trainer import AdvancedTrainer
from infrastructure.training.applied_steps import AppliedSteps
from infrastructure.training.arguments import config_of
from infrastructure.training.weight_average import WeightAverage

PURPOSES = ("order", "words", "dropout")


@settings(max_examples=25)
@given(st.integers(0, 2**63 - 1), st.integers(0, 10**9))
def test_order_words_and_dropout_draw_from_different_seeds(seed: int, step: int) -> None:
    seeds = {seed_of(seed, purpose, step) for purpose in PURPOSES}
    assert len(seeds) == 3
    assert all(0 <= drawn < 2**63 for drawn in seeds)


def test_steps_and_seeds_do_not_share_their_noise() -> None:
    drawn = [seed_of(seed, purpose, step) for seed in range(4) for purpose in PURPOSES for step in range(20)]
    assert len(set(drawn)) == len(drawn)
    rows = np.arange(50)
    noise = [RowNoise(seed, step, rows).uniform(4) for seed in (0, 1) for step in (0, 1)]
    assert all(not np.array_equal(a, b) for i, a in enumerate(noise) for b in noise[:i])


def test_words_are_dropped_from_the_seed_of_words() -> None:
    alone, shared = RowNoise(3, 7, np.array([5])).uniform(3), RowNoise(3, 7, np.array([9, 5])).uniform(3)
    assert np.array_equal(alone[0], shared[1])
    # Worked out by hand with whole numbers of Python, from the seed that "words" has and no other purpose.
    bits, mask = _mixed(5 ^ seed_of(3, "words", 7)), 2**64 - 1
    expected = [(_mixed((bits + k * 0x9E3779B97F4A7C15) & mask) >> 40) / 2**24 for k in (1, 2, 3)]
    assert alone[0].tolist() == expected


def _mixed(bits: int) -> int:
    mask = 2**64 - 1
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & mask
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & mask
    return bits ^ (bits >> 31)


def test_rows_of_fifty_steps_are_sorted_by_length_together() -> None:
    lengths = random_of(1, "order").permutation(120 * 4)
    feed = Feed(lengths, per_step=4, seed=9)
    order = random_of(9, "order", 0).permutation(480)
    for first in (0, 50, 100):
        steps = [feed.at(step, 4).all_rows for step in range(first, min(first + 50, 120))]
        assert set(np.concatenate(steps)) == set(order[first * 4 : (first + 50) * 4])
        spans = sorted((int(lengths[rows].min()), int(lengths[rows].max())) for rows in steps)
        assert all(earlier[1] < later[0] for earlier, later in pairwise(spans))


def test_the_average_takes_in_each_of_the_first_four_steps_and_then_every_fourth() -> None:
    model = nn.Linear(1, 1, bias=False)
    average = WeightAverage(model, decay=0.999)
    taken = []
    for step in range(1, 17):
        before = average.state_dict()["weight"].clone()
        model.weight.data.fill_(float(step + 10))
        average.update(model, AppliedSteps(step - 1))
        if not torch.equal(before, average.state_dict()["weight"]):
            taken.append(step)
    assert taken == [1, 2, 3, 4, 8, 12, 16]


@pytest.mark.parametrize(("updates", "decay"), [(0, 1 / 10), (1, 2 / 11), (8, 1 / 2), (10**9, 0.99)])
def test_an_average_is_short_at_first_and_reaches_its_limit(updates: int, decay: float) -> None:
    assert average_decay(0.99, updates) == pytest.approx(decay)


class Rows:
    """Ten rows of two numbers."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return torch.tensor([float(index), 1.0]), torch.tensor([float(index)])


class Counting(nn.Module):
    """Notes how many rows it is shown at once, whether it learns from them, and where random numbers begin."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 1)
        self.shown: list[tuple[bool, int]] = []
        self.seeds: list[int] = []

    def forward(self, rows: Tensor) -> Tensor:
        self.shown.append((self.training, len(rows)))
        if self.training:
            self.seeds.append(torch.initial_seed())
        out: Tensor = self.linear(rows)
        return out


def trained(directory: Path, **settings: Any) -> Counting:
    model = Counting()
    settings |= {"precision": "fp32", "loss_function": nn.MSELoss(), "batch_size": 2}
    AdvancedTrainer(model, Rows(), Rows(), directory, **settings).train()
    return model


def test_the_masks_of_a_micro_batch_are_drawn_from_the_seed_of_dropout_its_step_and_its_number(tmp_path: Path) -> None:
    model = trained(tmp_path, max_steps=2, gradient_accumulation_steps=2, seed=11)
    assert model.seeds == [seed_of(11, "dropout", step, part) for step in (0, 1) for part in (0, 1)]


def test_an_evaluation_shows_as_many_rows_at_once_as_eight_training_batches_may(tmp_path: Path) -> None:
    model = trained(tmp_path, max_steps=1)
    assert [count for learns, count in model.shown if learns] == [2]
    assert [count for learns, count in model.shown if not learns] == [10]


@pytest.mark.parametrize("task", sorted(TASKS))
def test_a_quick_run_has_six_steps_scores_in_the_middle_and_at_the_end_and_warms_up_for_one(task: str) -> None:
    request = TrainModelRequest(task=task, quick=True).resolved()
    plan = TrainingPlan.of(request.training_config(), num_rows=1000)
    assert [step for step in range(1, plan.total_steps + 1) if plan.evaluates_at(step)] == [3, 6]
    assert (plan.total_steps, plan.warmup_steps) == (6, 1)


def test_a_quick_run_keeps_the_steps_that_somebody_asks_for() -> None:
    request = TrainModelRequest(quick=True, max_steps=9).resolved()
    assert (request.max_steps, request.eval_steps, request.warmup_steps) == (9, None, None)


def test_the_loop_takes_a_setting_by_its_former_name_with_a_word() -> None:
    with pytest.warns(FutureWarning, match="data_parallel=true is called parallel=data_parallel now"):
        assert config_of({"data_parallel": True}).parallel == "data_parallel"
    assert config_of({"data_parallel": False}).parallel == "auto"
