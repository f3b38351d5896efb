"""What marks teach a classifier beside its labels, and how well their tokens are found again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from application.training import LabelTraining
from infrastructure.data.labels.code_dataset import CodeDataset
from infrastructure.data.labels.marked_tokens import MarkedTokens
from infrastructure.data.tokens.text_ids import knows_places
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.mark_head import MARK_LOGITS, add_mark_head
from infrastructure.tasks.adapter import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Entries of a batch: which tokens [B, L] are scored, and which of them have which mark [B, L, K].
SCORED, TARGETS = "mark_scored", "mark_targets"
MARKED_TOKENS = "marked_tokens"  # of an item: places and names [P, 2]
MOST_WEIGHT = 20.0


@dataclass(frozen=True)
class MarkLearning:
    """The loss of marks, which is added to that of the label.

    Of a row with tokens T, of which y_tk tells whether token t has mark k, and z_tk its score, it is
        weight / |T| * sum over t and k of -(w_k y_tk log s(z_tk) + (1 - y_tk) log(1 - s(z_tk))),
    s being the logistic function: a mean over tokens, so that a long row weighs as much as a short one, and a sum over
    names. T are the tokens of the text, and empty for a row that says nothing of marks. `positive_weights` [K] are w.
    """

    names: tuple[str, ...]
    weight: float
    positive_weights: Tensor

    def collated(self, items: Sequence[Any], is_text: Tensor) -> Batch:
        """Give what a batch needs of items, nothing where none says anything of marks; `is_text` [B, L]."""
        known = torch.tensor([MARKED_TOKENS in item for item in items])
        if not known.any():
            return {}
        targets = torch.zeros((*is_text.shape, len(self.names)), dtype=torch.bool)  # [B, L, K]
        for row, item in enumerate(items):
            if MARKED_TOKENS in item:
                places, names = np.asarray(item[MARKED_TOKENS]).T
                targets[row, places, names] = True
        return {SCORED: is_text & known[:, None], TARGETS: targets}

    def row_losses(self, output: Any, batch: Batch) -> Tensor:
        """Give the loss of each row [B], 0 where it says nothing of marks."""
        logits, scored = output[MARK_LOGITS].float(), batch[SCORED]
        losses = functional.binary_cross_entropy_with_logits(
            logits, batch[TARGETS].to(logits), pos_weight=self.positive_weights.to(logits), reduction="none"
        )  # [B, L, K]
        sums = (losses.sum(dim=-1) * scored).sum(dim=-1)  # [B]
        return self.weight * sums / scored.sum(dim=-1).clamp(min=1)


@dataclass(frozen=True)
class MarkedParts:
    """Both parts of a data set with what is known of their marks, and how they are learnt, if they are."""

    train: CodeDataset
    evaluation: CodeDataset
    learning: MarkLearning | None = None
    warnings: tuple[str, ...] = ()


def learn_marks(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", names: Sequence[str]) -> Sequence[str]:
    """Give a model what it learns marks with, and the names of the parameters that this adds. Raises: ModelError."""
    return add_mark_head(model, len(names)) if names and knows_places(tokenizer) else ()


def marked_parts(
    request: LabelTraining, bundle: ModelBundle, names: tuple[str, ...], train: CodeDataset, evaluation: CodeDataset
) -> MarkedParts:
    """Find the marked tokens of both parts for a model that learns them."""
    tokenizer = bundle.tokenizer
    file = train.rows.path.name
    if not names or tokenizer is None:
        return MarkedParts(train, evaluation)
    if not knows_places(tokenizer):
        told = (
            f"the tokenizer of the model does not say where its tokens stand, so that marks of {file} are not learnt."
        )
        return MarkedParts(train, evaluation, warnings=(told,))
    train, evaluation = (part.with_marks(tokenizer, request.max_length, names) for part in (train, evaluation))
    assert train.marked is not None
    weights = positive_weights(train.marked, train.indices, train.lengths, len(names))
    return MarkedParts(train, evaluation, MarkLearning(names, request.mark_weight, weights), train.marked.told(file))


def positive_weights(marked: MarkedTokens, rows: np.ndarray, lengths: np.ndarray, num_names: int) -> Tensor:
    """Weigh marked tokens by the root of the odds against them, 1 at least and MOST_WEIGHT at most: [K].

    The odds themselves would even out both sides, and let a model mark far more than is marked. Shapes: rows and
    lengths [N], of the rows that are learnt from.
    """
    counts = marked.counts(rows, num_names)
    num_tokens = int(lengths[marked.is_marked[rows]].sum())
    odds = (num_tokens - counts) / np.maximum(counts, 1)
    weights = np.clip(np.sqrt(np.maximum(odds, 0.0)), 1.0, MOST_WEIGHT)
    return torch.from_numpy(np.where(counts > 0, weights, 1.0)).float()


class MarkTally:
    """Counts the tokens that are marked, that are answered to be, and that are both, by name."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._counts: list[np.ndarray] = []

    def counted(self, output: Any, batch: Batch) -> np.ndarray | None:
        """Count the tokens of one batch by name [3, M]: rightly answered, answered, true; None where none is known."""
        if SCORED not in batch:
            return None
        scored = batch[SCORED][..., None]
        answered = (output[MARK_LOGITS] > 0) & scored
        true = batch[TARGETS] & scored
        counts: np.ndarray = (
            torch.stack([one.sum(dim=(0, 1)) for one in (answered & true, answered, true)]).cpu().numpy()
        )
        return counts

    def merge(self, counts: np.ndarray | None) -> None:
        """Take in what was counted."""
        if counts is not None:
            self._counts.append(counts)

    def metrics(self) -> dict[str, Any]:
        """Give precision, recall and F1 of each name over all tokens as `per_mark`, and `mark_f1`, their mean F1.

        Names that no token has are left out of the mean. Nothing where no row says anything of marks.
        """
        if not self._counts:
            return {}
        hits, answers, support = np.stack(self._counts).sum(axis=0)
        per_mark: dict[str, Mapping[str, Any]] = {
            name: {
                "precision": _share(hit, answered),
                "recall": _share(hit, there),
                "f1": _share(2 * hit, answered + there),
                "support": int(there),
            }
            for name, hit, answered, there in zip(self._names, hits, answers, support, strict=True)
        }
        found = [scores["f1"] for scores in per_mark.values() if scores["support"]]
        return {"mark_f1": float(np.mean(found)) if found else None, "per_mark": per_mark}


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
