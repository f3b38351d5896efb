"""Code and its label, with what is marked in it and which kind of weakness it has."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from infrastructure.code_reading.batching import INPUTS, TOKENS_AT_ONCE, UNMARKED, Windowing
from infrastructure.data.feed import RowNoise
from infrastructure.models.flow.model import FlowConfig
from infrastructure.models.flow.verdict import Verdict, verdict_of
from infrastructure.tasks.adapter import Batch, Evaluation, num_unmasked
from infrastructure.tasks.flow.rows import NO_KIND
from infrastructure.tasks.labels.losses import LabelPass, count_labels, label_loss_sum, weights_of
from infrastructure.tasks.labels.parts import scores_of_parts
from infrastructure.tasks.labels.scoring import LabelScoring
from infrastructure.tasks.scored import Outcomes

TOKENS_AT_ONCE_ELSEWHERE = 32_768  # where they need not stay near a processor
# Marked tokens are few beside those that are not.
WEIGHT_OF_MARKED = 3.0


class FlowClassification:
    """A text and its label; code is read in windows of `max_length` tokens, of which the worst token decides.

    Names are placeholders, numbered anew for each row of each step. `word_dropout` takes that share of the known words
    of a row for names, wherever they stand in it. `marks_weight` is what marks and kinds count beside the label. What
    runs of tokens of the whole row say is asked of a model that `knows_grams`.
    """

    def __init__(
        self,
        scoring: LabelScoring,
        negative: int,
        vocabulary_size: int,
        max_length: int,
        word_dropout: float = 0.0,
        marks_weight: float = 1.0,
        knows_grams: bool = False,
    ) -> None:
        self._scoring = scoring
        self._negative = negative
        self._windowing = Windowing(vocabulary_size, max_length, word_dropout, knows_grams)
        self._marks_weight = marks_weight

    @classmethod
    def of(
        cls,
        config: FlowConfig,
        scoring: LabelScoring,
        max_length: int,
        word_dropout: float = 0.0,
        marks_weight: float = 1.0,
    ) -> "FlowClassification":
        """Make the task of a model by its config."""
        sizes = config.negative_label, config.vocab_size, max_length
        return cls(scoring, *sizes, word_dropout, marks_weight, knows_grams=config.num_grams > 0)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics a run can be judged by."""
        return self._scoring.metric_names

    def collate(self, items: Sequence[Any], noise: RowNoise | None) -> Batch:
        """Cut rows into windows, as `Windowing` has them."""
        drawn = None if noise is None else noise.uniform(self._windowing.draws)
        return {name: torch.from_numpy(array) for name, array in self._windowing.batch(items, drawn).items()}

    def count_targets(self, batch: Batch) -> float:
        """Count rows, or what their labels weigh."""
        return count_labels(self._scoring, batch["labels"])

    def count_tokens(self, batch: Batch) -> int:
        """Count the tokens of the windows."""
        return num_unmasked(batch)

    def loss_sum(self, model: nn.Module, batch: Batch) -> Tensor:
        """Sum over the rows the cross-entropy of labels, and of marks and kinds where rows have them."""
        marks, verdict = self.read(model, batch)
        loss = label_loss_sum(self._scoring, verdict.logits, batch["labels"])
        if not self._marks_weight:
            return loss
        weights = weights_of(self._scoring, batch["labels"])
        beside = _mark_losses(marks, batch, len(weights)) + self._kind_losses(verdict, batch)
        return loss + self._marks_weight * (beside * weights).sum()

    def logits(self, model: nn.Module, batch: Batch) -> Tensor:
        """Give log-probabilities [B, C] in fp32."""
        return self.read(model, batch)[1].logits

    def read(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Verdict]:
        """Give scores of marks [W, L, M], and the verdict on each row."""
        said = _in_parts(model, batch)
        num_rows = len(batch["labels"]) if "labels" in batch else int(batch["row"].max()) + 1
        reader: Any = model
        beside = reader.grams(batch["grams"], batch["gram_row"], num_rows) if "grams" in batch else None
        windows = batch["attention_mask"], batch["row"], num_rows
        return said["marks"], verdict_of(said, *windows, self._negative, reader.severities_of, beside)

    def evaluation(self) -> Evaluation:
        """Begin a pass over the evaluation part."""
        return LabelPass(self._scoring, self.logits)

    def metrics_of_parts(self, outcomes: Outcomes, parts: np.ndarray, part_names: Sequence[str]) -> dict[str, Any]:
        """Score each part of the rows by itself."""
        return scores_of_parts(self._scoring, outcomes, parts, part_names)

    def _kind_losses(self, verdict: Verdict, batch: Batch) -> Tensor:
        """Give the cross-entropy of the kind [B], 0 for rows that are not weak or say none."""
        kind = torch.where(batch["labels"] == self._negative, NO_KIND, batch["kind"])
        return functional.cross_entropy(verdict.kinds, kind, ignore_index=NO_KIND, reduction="none")


def _in_parts(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Read windows by length, few at once: padding costs time by its square, and scores [H, L, L] memory."""
    lengths, width = batch["attention_mask"].sum(1), batch["attention_mask"].shape[1]
    order = torch.argsort(lengths, descending=True, stable=True)
    at_once = TOKENS_AT_ONCE if order.device.type == "cpu" else TOKENS_AT_ONCE_ELSEWHERE
    found: dict[str, list[Tensor]] = {}
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        taken = order[start : start + max(1, at_once // longest)]
        said = model(**{name: batch[name][taken, :longest] for name in INPUTS})
        said["marks"] = functional.pad(said["marks"], (0, 0, 0, width - longest))
        for name, tensor in said.items():
            found.setdefault(name, []).append(tensor)
        start += len(taken)
    back = torch.argsort(order)
    return {name: torch.cat(tensors)[back] for name, tensors in found.items()}


def _mark_losses(marks: Tensor, batch: Batch, num_rows: int) -> Tensor:
    """Give the mean over the marked tokens of each row of their cross-entropies, summed over marks, [B]."""
    target = batch["marks"]
    known = (target != UNMARKED) & (batch["attention_mask"] == 1)[..., None]  # [W, L, M]
    weight = torch.tensor(WEIGHT_OF_MARKED, device=marks.device)
    losses = functional.binary_cross_entropy_with_logits(
        marks, target.clamp_min(0).to(marks.dtype), pos_weight=weight, reduction="none"
    )
    sums = torch.zeros(num_rows, 2, device=marks.device)
    each = torch.stack([torch.where(known, losses, 0.0).sum((1, 2)), known[..., 0].sum(1).to(losses.dtype)], dim=1)
    total, count = sums.index_add(0, batch["row"], each).unbind(1)
    return total / count.clamp_min(1.0)
