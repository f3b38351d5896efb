"""How long steps and evaluations of a training take, and how much memory, measured on a few of its batches."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from application.phases import phase
from domain.step_size import StepSize
from infrastructure.data.feed import Feed, RowNoise
from infrastructure.data.some_rows import SomeRows
from infrastructure.memory import in_smaller_parts
from infrastructure.parallel.strategy import SINGLE, Parallel
from infrastructure.tasks.adapter import items_of, lengths_of
from infrastructure.training.device import begin_peak, recent_peak_bytes
from infrastructure.training.evaluation import evaluate, rows_to_score
from infrastructure.training.session import Session
from infrastructure.training.step import Gradient, MicroBatch, StepBatch, gradient, update

STEPS_LOOKED_AT = 200
# Rows of the evaluation that are scored to learn what one takes, for each of a micro-batch.
SCORED_PER_TRAINING_ROW = 2


@dataclass(frozen=True)
class Measured:
    """Mean seconds of a step and of an evaluation, bytes at the peak, and how much at once memory has room for."""

    step_seconds: float
    evaluation_seconds: float
    peak_bytes: int
    at_once: int


def measured(
    session: Session,
    feed: Feed,
    train: Any,
    evaluation: Any,
    size: StepSize,
    total_steps: int,
    parallel: Parallel = SINGLE,
) -> Measured:
    """Carry out three micro-batches, the longest rows among them, and score a few rows; the model is of no use then.

    What goes through at once is rows or tokens, as `size` has it. The session is of this process alone. Where several
    ranks share out steps and evaluations, given is what the one needs that needs most, and what they send one another
    is part of a step.
    Raises: TrainingError when memory is too small for a single row.
    """
    lengths = lengths_of(train)
    fits = [size.at_once]

    def steps(at_once: int) -> tuple[float, int]:
        with phase("measuring three micro-batches", 3, "micro-batches") as done:
            begin_peak(session.device)
            costs = costs_of(session, feed, train, lengths, at_once, done.advance)
            return costs.of_step(feed, lengths, at_once, total_steps), recent_peak_bytes(session.device)

    step_seconds, peak = in_smaller_parts(steps, size.at_once, "in a micro-batch", fits.append)
    ranks = parallel.ranks
    scored_at_once = replace(size, at_once=fits[-1]).rows_at_once(int(lengths.max()))
    return Measured(
        ranks.largest(step_seconds) + _to_send(session, parallel),
        ranks.largest(_of_evaluation(session, evaluation, scored_at_once, ranks.size)),
        int(ranks.largest(peak)),
        int(ranks.smallest(fits[-1])),
    )


@dataclass(frozen=True)
class Costs:
    """Seconds of a micro-batch, with each place for a token that it has, and of an update."""

    of_batch: float
    of_place: float
    of_update: float

    def of_step(self, feed: Feed, lengths: np.ndarray, at_once: int, total_steps: int) -> float:
        """Give the mean over steps as they will come: their batches are as long as their longest row."""
        steps = np.unique(np.linspace(0, total_steps - 1, STEPS_LOOKED_AT).astype(np.int64)) % feed.steps_per_epoch
        seconds = []
        for step in steps.tolist():
            parts = [part.rows for part in feed.at(step, at_once).micro_batches]
            places = [len(rows) * int(lengths[rows].max()) for rows in parts]
            seconds.append(sum(self.of_batch + self.of_place * count for count in places) + self.of_update)
        return float(np.mean(seconds))


def costs_of(
    session: Session,
    feed: Feed,
    train: Any,
    lengths: np.ndarray,
    at_once: int,
    advance: Callable[[int], None] = lambda number: None,
) -> Costs:
    """Measure micro-batches of the longest, the middle and the shortest rows; `advance` counts them."""
    longest = np.argsort(-lengths, kind="stable")
    middle = len(longest) // 2
    middle -= len(feed.first_of(longest[:middle][::-1], at_once // 2))
    starts = (longest, longest[middle:], longest[::-1])
    chosen = [feed.first_of(rows, at_once) for rows in starts]
    _seconds(session, train, chosen[-1])  # what is done once, at the first pass, is no part of the others
    found = []
    for rows in chosen:
        found.append((len(rows) * int(lengths[rows].max()), *_seconds(session, train, rows)))
        advance(1)
    places, of_gradient, of_update = (np.array(column) for column in zip(*found, strict=True))
    slope, start = 0.0, float(np.median(of_gradient))
    if len(set(places.tolist())) > 1:
        slope, start = (float(value) for value in np.polyfit(places, of_gradient, 1))
        if slope < 0 or start < 0:  # noise: what is known of the time is then its share of the places
            slope, start = float(of_gradient.sum() / places.sum()), 0.0
    return Costs(start, slope, float(np.median(of_update)))


def _seconds(session: Session, train: Any, rows: np.ndarray) -> tuple[float, float]:
    """Give the seconds of a forward and a backward pass of some rows, and of an update."""
    started = time.perf_counter()
    batch = session.task.collate(items_of(train, rows), RowNoise(session.seed, 0, rows))
    targets = session.task.count_targets(batch)
    gradient(session, StepBatch(0, [MicroBatch(batch, 0)], max(targets, 1.0), len(rows), 0, ()))
    _wait(session.device)
    between = time.perf_counter()
    applied = Gradient(torch.zeros((), device=session.device), torch.zeros((), device=session.device))
    update(session, session.optimizer.param_groups[0]["lr"], applied)
    _wait(session.device)
    return between - started, time.perf_counter() - between


def _to_send(session: Session, parallel: Parallel) -> float:
    """Give the seconds in which all ranks add up as many numbers as a gradient has, while nothing else is computed."""
    if parallel.ranks.size == 1:
        return 0.0
    count = sum(parameter.numel() for parameter in session.model.parameters() if parameter.requires_grad)
    numbers = torch.zeros(count, device=session.device)
    parallel.summed(numbers[:1])  # connections are made at the first time
    _wait(session.device)
    started = time.perf_counter()
    parallel.summed(numbers)
    _wait(session.device)
    return parallel.ranks.largest(time.perf_counter() - started)


def _of_evaluation(session: Session, evaluation: Any, rows_at_once: int, num_ranks: int) -> float:
    """Give the seconds of an evaluation: what it takes in any case, and what each row adds of those that a rank has."""
    if evaluation is None or not len(evaluation):
        return 0.0
    share = -(-len(evaluation) // num_ranks)
    most = min(share, SCORED_PER_TRAINING_ROW * rows_at_once)
    of_one, of_most = (_scored_in(session, evaluation, count, rows_at_once) for count in (1, most))
    if most in (1, share):
        return of_most
    return of_most + max(0.0, of_most - of_one) / (most - 1) * (share - most)


def _scored_in(session: Session, evaluation: Any, count: int, rows_at_once: int) -> float:
    some = SomeRows(evaluation, lengths_of(evaluation), count)
    started = time.perf_counter()
    at_once = rows_to_score(some, rows_at_once, session.device)
    evaluate(session.forward, session.task, some, at_once, session.precision, session.device)
    _wait(session.device)
    return time.perf_counter() - started


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
