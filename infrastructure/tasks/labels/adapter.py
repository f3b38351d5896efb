"""One label for a sequence of tokens."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infrastructure.data.feed import RowNoise
from infrastructure.tasks.adapter import Batch, Evaluation, num_unmasked, padded
from infrastructure.tasks.labels.losses import LabelPass, count_labels, label_loss_sum, weights_of
from infrastructure.tasks.labels.marks import SCORED, MarkLearning, MarkTally
from infrastructure.tasks.labels.parts import scores_of_parts
from infrastructure.tasks.labels.scoring import LabelScoring
from infrastructure.tasks.scored import Outcomes


class SequenceClassification:
    """A text and its label, with the loss and the metrics of `LabelScoring`, and word dropout.

    Word dropout hides that share of the tokens of a training row behind the mask token: a model from scratch
    must then not lean on single words.
    """

    def __init__(
        self,
        label_names: Sequence[str],
        pad_token_id: int = 0,
        mask_token_id: int | None = None,
        special_token_ids: Sequence[int] = (),
        word_dropout: float = 0.0,
        label_smoothing: float = 0.0,
        class_weights: np.ndarray | None = None,
        negative_label: str | None = None,
        majority: int | None = None,
        marks: MarkLearning | None = None,
        unknown_token_id: int | None = None,
    ) -> None:
        self._scoring = LabelScoring(tuple(label_names), label_smoothing, class_weights, negative_label, majority)
        self._marks, self._unknown_token_id = marks, unknown_token_id
        self._pad_token_id = pad_token_id
        self._mask_token_id = mask_token_id
        # By id, the last place standing for all ids beyond.
        self._is_special = np.zeros(max(pad_token_id, *special_token_ids, 0) + 2, dtype=np.bool_)
        self._is_special[[pad_token_id, *special_token_ids]] = True
        self._word_dropout = word_dropout if mask_token_id is not None else 0.0

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics a run can be judged by."""
        return self._scoring.metric_names

    def collate(self, items: Sequence[Any], noise: RowNoise | None) -> Batch:
        """Pad to the longest: `input_ids`, `attention_mask` [B, L], `labels` [B] where items have them.

        Marks of tokens come with them, also of those that are hidden.
        """
        ids, mask = padded([item["input_ids"] for item in items], self._pad_token_id)
        marks: Batch = {}
        if self._marks is not None:
            is_word = self._are_words(ids)
            is_text = is_word if self._unknown_token_id is None else is_word | (ids == self._unknown_token_id)
            marks = self._marks.collated(items, is_text & mask.bool())
        if noise is not None and self._word_dropout:
            ids = self._hide_words(ids, noise)
        batch = {"input_ids": ids, "attention_mask": mask, **marks}
        name = "labels" if "labels" in items[0] else "label"
        if name in items[0]:
            batch["labels"] = torch.tensor([int(item[name]) for item in items])
        return batch

    def count_targets(self, batch: Batch) -> float:
        """Count rows, or what their labels weigh."""
        return count_labels(self._scoring, batch["labels"])

    def count_tokens(self, batch: Batch) -> int:
        """Count the tokens of the texts."""
        return num_unmasked(batch)

    def loss_sum(self, model: nn.Module, batch: Batch) -> Tensor:
        """Sum the cross-entropy over the rows of the batch, and what marks add; a row counts for both alike."""
        output, labels = self._asked(model, batch), batch["labels"]
        loss = label_loss_sum(self._scoring, _logits_in(output), labels)
        if self._marks is None or SCORED not in batch:
            return loss
        losses = self._marks.row_losses(output, batch)
        return loss + (losses * weights_of(self._scoring, labels)).sum()

    def logits(self, model: nn.Module, batch: Batch) -> Tensor:
        """Give scores [B, C] in fp32."""
        return _logits_in(self._asked(model, batch))

    def evaluation(self) -> Evaluation:
        """Begin a pass over the evaluation part; its loss is that of the labels alone."""
        if self._marks is None:
            return LabelPass(self._scoring, self.logits)
        return _PassWithMarks(self._scoring, self._asked, MarkTally(self._marks.names))

    def metrics_of_parts(self, outcomes: Outcomes, parts: np.ndarray, part_names: Sequence[str]) -> dict[str, Any]:
        """Score each part of the rows by itself."""
        return scores_of_parts(self._scoring, outcomes, parts, part_names)

    def _asked(self, model: nn.Module, batch: Batch) -> Any:
        return model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])

    def _are_words(self, ids: Tensor) -> Tensor:
        """Tell tokens from the signs of the model [B, L]."""
        return ~torch.from_numpy(self._is_special.take(ids.numpy(), mode="clip"))

    def _hide_words(self, ids: Tensor, noise: RowNoise) -> Tensor:
        hidden = self._are_words(ids) & torch.from_numpy(noise.uniform(ids.shape[1]) < self._word_dropout)
        assert self._mask_token_id is not None
        return ids.masked_fill(hidden, self._mask_token_id)


class _PassWithMarks:
    """Scores labels, and the tokens of marks beside them, from one answer of the model to each batch."""

    def __init__(self, scoring: LabelScoring, asked: Callable[[nn.Module, Batch], Any], tally: MarkTally) -> None:
        self._scoring, self._asked, self._tally = scoring, asked, tally
        self._labels = LabelPass(scoring, lambda model, batch: _logits_in(asked(model, batch)))

    def ask(self, model: nn.Module, batch: Batch) -> Any:
        """Score one batch; gives what is known of its labels, and of its marks."""
        output = self._asked(model, batch)
        of_labels = LabelPass(self._scoring, lambda model, batch: _logits_in(output)).ask(model, batch)
        return of_labels, self._tally.counted(output, batch)

    def merge(self, found: Any) -> None:
        """Take in a batch."""
        of_labels, of_marks = found
        self._labels.merge(of_labels)
        self._tally.merge(of_marks)

    def metrics(self) -> dict[str, Any]:
        """Give the metrics of labels and of marks."""
        return {**self._labels.metrics(), **self._tally.metrics()}

    def outcomes(self, order: np.ndarray) -> Outcomes:
        """Give what became of the label of each row."""
        return self._labels.outcomes(order)


def _logits_in(output: Any) -> Tensor:
    logits: Tensor = output["logits"] if isinstance(output, Mapping) else output
    return logits.float()
