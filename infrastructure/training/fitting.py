"""What of a training is found by measuring it: the rows at once, and the steps that a time budget has room for.

Both are measured on the model that will be trained, whose weights are then what they were. Several ranks measure apart,
each on its own device and all at once, and decide by the one that does worst.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from application.phases import phase
from domain.config import TrainingConfig
from domain.exceptions import ConfigurationError
from domain.plan import TrainingPlan
from domain.time_budget import Durations, as_written, least_seconds, steps_within
from infrastructure.data.feed import Feed
from infrastructure.memory import is_out_of_memory, lost_memory_told, release_cached
from infrastructure.models.dropout import draws
from infrastructure.parallel.ranks import Ranks
from infrastructure.parallel.strategy import SINGLE, Parallel
from infrastructure.tasks.adapter import TaskAdapter, feed_of, lengths_of, plan_of
from infrastructure.training.device import begin_peak, free_memory_bytes, memory_bytes, recent_peak_bytes
from infrastructure.training.machine import computing_with
from infrastructure.training.measuring import costs_of, measured
from infrastructure.training.session import Session, open_session
from infrastructure.training.unpadding import train_without_padding

# More rows at once must be so much faster: they take memory, which something else may want by then.
WORTHWHILE = 0.97
# Sizes that are tried behind the fastest: a single one may be slower by chance.
PATIENCE = 2
# Of what memory has left; the rest is for what a longer batch of the evaluation and the saving take.
SHARE_OF_FREE = 0.8


@dataclass(frozen=True)
class Parts:
    """What a model learns from and is scored on."""

    adapter: TaskAdapter
    train: Any
    evaluation: Any


def with_fastest_parts(
    config: TrainingConfig, model: nn.Module, parts: Parts, parallel: Parallel = SINGLE
) -> TrainingConfig:
    """Cut the rows of a step into micro-batches that are fastest and fit; the step sees the same rows.

    A micro-batch has no more rows than let each rank have one.

    Raises: TrainingError when memory is too small for a single row.
    """
    rows_per_step = config.step_size.per_step
    plan = plan_of(config, parts.train)
    ranks = parallel.ranks
    feed = _feed(config, model, parts, ranks)
    sizes = [size for size in even_parts(rows_per_step) if size == 1 or size * ranks.size <= rows_per_step]
    with _measuring(config, model, parts, ranks) as session, phase("finding the batch size", unit="sizes") as done:
        rows = int(ranks.smallest(_fastest(session, parts.train, plan, feed, sizes, lambda: done.advance(1))))
    return replace(config, batch_size=rows, gradient_accumulation_steps=rows_per_step // rows)


def with_steps_within(
    config: TrainingConfig,
    model: nn.Module,
    parts: Parts,
    seconds_left: Callable[[], float],
    parallel: Parallel = SINGLE,
) -> TrainingConfig:
    """Plan so many steps that they end within the time budget, and no more than were planned without.

    Raises: ConfigurationError when not a single one does.
    """
    plan = plan_of(config, parts.train)
    ranks = parallel.ranks
    feed = _feed(config, model, parts, ranks)
    with _measuring(config, model, parts, ranks) as session:
        found = measured(session, feed, parts.train, parts.evaluation, config.step_size, plan.total_steps, parallel)
    pace, left = Durations(found.step_seconds, found.evaluation_seconds), ranks.smallest(seconds_left())
    steps = steps_within(left, pace, plan)
    if not steps:
        assert config.time_budget is not None
        spent, least = config.time_budget - left, least_seconds(pace, plan)
        raise ConfigurationError(
            f"time_budget is {as_written(config.time_budget)}, of which reading and measuring took {as_written(spent)};"
            f" a single step, its evaluation and the report take about {as_written(least)}.",
            remedy=f"Give at least {as_written(1.5 * (spent + least))}, less data or a smaller model.",
        )
    return replace(config, max_steps=steps)


def _feed(config: TrainingConfig, model: nn.Module, parts: Parts, ranks: Ranks) -> Feed:
    """Give the share of the rows that this rank will learn from."""
    return feed_of(parts.train, config.step_size, config.seed, ranks.rank, ranks.size, keeps_cuts=draws(model))


@contextmanager
def _measuring(config: TrainingConfig, model: nn.Module, parts: Parts, ranks: Ranks) -> Iterator[Session]:
    """Open a session for trials; behind the block the model is what it was before."""
    before = {name: tensor.detach().to("cpu", copy=True) for name, tensor in _changing(model)}
    was_training = model.training
    try:
        with lost_memory_told("when the training was measured"), computing_with(None):
            session = open_session(model, parts.adapter, config, parallel=Parallel(ranks.apart()))
            train_without_padding(session, parts.train)
            yield session
    finally:
        with torch.no_grad():
            for name, tensor in _changing(model):
                tensor.copy_(before[name])
        model.zero_grad(set_to_none=True)
        model.train(was_training)
        release_cached()


def _changing(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Name the tensors that an update changes."""
    yield from ((name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad)
    yield from model.named_buffers()


def _fastest(
    session: Session, train: Any, plan: TrainingPlan, feed: Feed, sizes: Sequence[int], advance: Callable[[], None]
) -> int:
    """Try numbers of rows at once, the fewest first, as long as more may be faster and fit."""
    lengths = lengths_of(train)
    costs_of(session, feed, train, lengths, 1)  # makes what the optimizer keeps, and what is made once
    held = memory_bytes(session.device)
    best, seconds_of_best, num_behind, bytes_of_row = 0, float("inf"), 0, 0.0
    for rows in sizes:
        release_cached()
        free = free_memory_bytes(session.device)
        wanted = held + bytes_of_row * rows - memory_bytes(session.device)
        if best and ((free is not None and wanted > SHARE_OF_FREE * free) or num_behind == PATIENCE):
            break
        begin_peak(session.device)
        try:
            seconds = costs_of(session, feed, train, lengths, rows).of_step(feed, lengths, rows, plan.total_steps)
        except (RuntimeError, MemoryError) as error:
            if not (best and is_out_of_memory(error)):
                raise
            break
        bytes_of_row = max(0, recent_peak_bytes(session.device) - held) / rows
        advance()
        if seconds < WORTHWHILE * seconds_of_best:
            best, seconds_of_best, num_behind = rows, seconds, 0
        else:
            num_behind += 1
    return best


def even_parts(rows_per_step: int) -> list[int]:
    """Give numbers that divide the rows of a step, each at least twice the one before, and the last all of them."""
    chosen = [1]
    for number in range(2, rows_per_step + 1):
        if rows_per_step % number == 0 and (number >= 2 * chosen[-1] or number == rows_per_step):
            chosen.append(number)
    return chosen
