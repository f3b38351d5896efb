"""A model and its export asked about the same rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from application.phases import phase
from domain.export import Parity, Score
from domain.metrics import LOSS, is_undefined
from infrastructure.exporting.graph import Computed, Shape, Standing, Tensors
from infrastructure.exporting.rows import Rows
from infrastructure.tasks.adapter import Batch

Batches = Iterator[tuple[Sequence[int], Batch]]


@dataclass
class Tally:
    """What two models answered, gathered row by row."""

    shape: Shape
    num_rows: int = 0
    largest: float = 0.0
    worst: int = 0
    num_answers: int = 0
    num_alike: int = 0
    cosines: float = 0.0
    asked: list[Tensors] = field(default_factory=list)  # of each batch what graphs were asked with

    def add(self, rows: Sequence[int], before: Standing, after: Standing) -> None:
        """Compare the last answers of both, to some rows, [B, ...] each."""
        self.asked.append(after.asked)
        ours, theirs = (side.told[self.shape.compared] for side in (before, after))
        apart = (ours - theirs).abs().flatten(1).amax(1)  # [B]
        worst = int(apart.nan_to_num(torch.inf).argmax())
        if not float(apart[worst]) <= self.largest or not self.num_rows:
            self.largest, self.worst = float(apart[worst]), rows[worst]
        self.num_rows += len(ours)
        if self.shape.is_choice:
            alike = ours.argmax(-1) == theirs.argmax(-1)
            self.num_answers += alike.numel()
            self.num_alike += int(alike.sum())
        else:
            self.cosines += float(torch.cosine_similarity(ours.flatten(1), theirs.flatten(1)).sum())

    @property
    def cosine(self) -> Score:
        """Give how alike vectors are, where nothing is right or wrong of them."""
        return Score("cosine", 1.0, self.cosines / self.num_rows)

    def parity(self, name_of: Any, texts: tuple[int, int] = (0, 0)) -> Parity:
        """Give what came of it; `texts` are how many both wrote, and how many equally."""
        agreement = self.num_alike / self.num_answers if self.shape.is_choice else None
        return Parity(self.num_rows, self.largest, name_of(self.worst), agreement, *texts)


@torch.inference_mode()
def compared(before: Computed, after: Computed, rows: Rows) -> tuple[Tally, Score | None]:
    """Ask both about all rows, and score their answers by the metric of the run, or by the loss where it has none."""
    model, export = before.standing(), after.standing()
    scores = rows.adapter.evaluation(), rows.adapter.evaluation()
    tally = Tally(before.shape)
    with phase("comparing", len(rows.dataset)) as done:
        for numbers, batch in rows.batches():
            for score, side in zip(scores, (model, export), strict=True):
                found = score.ask(side, batch)
                side.hear(found)
                score.merge(found)
            tally.add(numbers, model, export)
            done.advance(len(numbers))
    return tally, _score(rows.metric, *(score.metrics() for score in scores))


def _score(metric: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Score | None:
    for name in (metric, LOSS):
        if not is_undefined(before.get(name)):
            return Score(name, float(before[name]), float(after[name]))
    return None


@torch.inference_mode()
def compared_by_outputs(before: Computed, after: Computed, batches: Batches) -> Tally:
    """Ask both about rows of which nobody knows the answers, or that this model does not answer."""
    model, export, shape = before.standing(), after.standing(), before.shape
    tally = Tally(shape)
    for numbers, batch in batches:
        for side in (model, export):
            side(**{name: batch[name] for name in shape.asked if name in batch})
        tally.add(numbers, model, export)
    return tally
