"""What is measured before a training: several ranks measure apart, and decide alike."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from domain.config import TrainingConfig
from domain.exceptions import ConfigurationError
from infrastructure.data.feed import Feed
from infrastructure.parallel.choosing import choose_parallel
from infrastructure.tasks.plain_module import PlainModule
from infrastructure.training.fitting import Parts, with_fastest_parts, with_steps_within
from infrastructure.training.measuring import Costs
from tests.support.command_line import Answer
from tests.support.ranks import athanor_in_ranks, in_ranks
from tests.support.tiny import file_of_rows

CONFIG = TrainingConfig(
    batch_size=4, gradient_accumulation_steps=4, device="cpu", precision="fp32", num_epochs=500, time_budget=60.0
)
ROWS = [(torch.full((2,), float(row)), torch.zeros(1)) for row in range(40)]


class Bounded(nn.Module):
    """Has memory for so many rows at once."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 1)
        self.most = most
        self.seen = 0

    def forward(self, rows: Tensor) -> Tensor:
        self.seen = max(self.seen, len(rows))
        if len(rows) > self.most:
            raise MemoryError
        result: Tensor = self.inner(rows)
        return result


def parts() -> Parts:
    return Parts(PlainModule(nn.functional.mse_loss), ROWS, ROWS)


def fitted() -> Any:
    parallel = choose_parallel("auto")
    rank = parallel.ranks.rank
    roomy, tight = Bounded(10**9), Bounded(10**9 if rank == 0 else 1)
    found = [with_fastest_parts(CONFIG, model, parts(), parallel) for model in (roomy, tight)]

    def steps(left: Callable[[], float]) -> Any:
        try:
            return with_steps_within(replace(CONFIG, max_steps=None), Bounded(10**9), parts(), left, parallel).max_steps
        except ConfigurationError as error:
            return error.problem

    return {
        "seen": roomy.seen,
        "batch_sizes": [config.batch_size for config in found],
        "rows": [config.step_size.per_step for config in found],
        "steps": steps(lambda: (20.0, 5.5)[rank]),
        "too few": steps(lambda: (20.0, 1.0)[rank]),
    }


def test_ranks_decide_by_the_one_that_does_worst(tmp_path: Path) -> None:
    first, second = in_ranks(2, fitted, tmp_path)
    assert first["batch_sizes"] == second["batch_sizes"]
    assert first["batch_sizes"][1] == 1, "the second rank has no room for more"
    assert first["rows"] == second["rows"] == [16, 16]
    assert max(first["seen"], second["seen"]) <= 8, "no rank ever has more than its half of a step"
    assert first["steps"] == second["steps"]
    assert 1 <= first["steps"] < 1500
    assert first["too few"] == second["too few"]
    assert "reading and measuring took 59s" in first["too few"]


def test_a_step_takes_what_the_share_of_one_rank_takes() -> None:
    lengths, costs = np.ones(64, dtype=np.int64), Costs(of_batch=1.0, of_place=0.5, of_update=0.25)
    of_ranks = [costs.of_step(Feed(lengths, 16, 1, rank=0, world_size=size), lengths, 4, 4) for size in (1, 2, 4)]
    assert of_ranks == [12.25, 6.25, 3.25]


def test_a_dry_run_is_told_once_for_all_ranks(tmp_path: Path) -> None:
    rows = file_of_rows(tmp_path / "rows.json", 40)
    words: list[object] = ["train", "--task", "text_classification", "--dataset", rows, "--model", "encoder-tiny"]
    words += ["--set", "vocab_size=300", "--precision", "fp32", "--dry-run", "--json"]

    def answered(*more: object) -> list[Answer]:
        return athanor_in_ranks(2, [*words, *more, "--output", tmp_path / "run"], tmp_path / f"answers {more}")

    planned = answered("--batch-size", "auto")
    assert [answer.exit_code for answer in planned] == [0, 0], planned[0].stderr
    assert json.loads(planned[0].stdout)["steps"]["rows_at_once"] <= 16
    assert not planned[1].stdout
    failed = answered("--batch-size", "auto", "--time-budget", "1s")
    assert [answer.exit_code for answer in failed] == [2, 2]
    assert "".join(answer.stderr for answer in failed).count("error: time_budget is 1s") == 1
    divided = answered("--set", "parallel=fsdp")
    assert [answer.exit_code for answer in divided] == [2, 2]
    assert "".join(answer.stderr for answer in divided).count("error: a dry run measures a whole model") == 1
    assert not (tmp_path / "run").exists()
