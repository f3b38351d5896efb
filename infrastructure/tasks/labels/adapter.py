"""One label for a sequence of tokens."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infrastructure.data.feed import RowNoise
from infrastructure.tasks.adapter import Batch, Evaluation, num_unmasked, pad
from infrastructure.tasks.labels.scoring import LabelScoring


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
        class_weights: Tensor | None = None,
        negative_label: str | None = None,
        majority: int | None = None,
    ) -> None:
        self._scoring = LabelScoring(tuple(label_names), label_smoothing, class_weights, negative_label, majority)
        self._pad_token_id = pad_token_id
        self._mask_token_id = mask_token_id
        self._special_token_ids = np.array(sorted({pad_token_id, *special_token_ids}))
        self._word_dropout = word_dropout if mask_token_id is not None else 0.0

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics a run can be judged by."""
        return self._scoring.metric_names

    def collate(self, items: Sequence[Any], noise: RowNoise | None) -> Batch:
        """Pad to the longest: `input_ids`, `attention_mask` [B, L], `labels` [B] where items have them."""
        sequences = [torch.as_tensor(item["input_ids"]) for item in items]
        ids = pad(sequences, self._pad_token_id)
        lengths = torch.tensor([len(sequence) for sequence in sequences])
        mask = (torch.arange(ids.shape[1])[None, :] < lengths[:, None]).long()  # [B, L]
        if noise is not None and self._word_dropout:
            ids = self._hide_words(ids, noise)
        batch = {"input_ids": ids, "attention_mask": mask}
        name = "labels" if "labels" in items[0] else "label"
        if name in items[0]:
            batch["labels"] = torch.tensor([int(item[name]) for item in items])
        return batch

    def count_targets(self, batch: Batch) -> float:
        """Count rows, or what their labels weigh."""
        return self._scoring.count_targets(batch["labels"])

    def count_tokens(self, batch: Batch) -> int:
        """Count the tokens of the texts."""
        return num_unmasked(batch)

    def loss_sum(self, model: nn.Module, batch: Batch) -> Tensor:
        """Sum the cross-entropy over the rows of the batch."""
        return self._scoring.loss_sum(self.logits(model, batch), batch["labels"])

    def logits(self, model: nn.Module, batch: Batch) -> Tensor:
        """Give scores [B, C] in fp32."""
        output = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        logits: Tensor = output["logits"] if isinstance(output, Mapping) else output
        return logits.float()

    def evaluation(self) -> Evaluation:
        """Begin a pass over the evaluation part."""
        return self._scoring.evaluation(self.logits)

    def _hide_words(self, ids: Tensor, noise: RowNoise) -> Tensor:
        words = ~np.isin(ids.numpy(), self._special_token_ids)
        hidden = torch.from_numpy(words & (noise.uniform(ids.shape[1]) < self._word_dropout))
        assert self._mask_token_id is not None
        return ids.masked_fill(hidden, self._mask_token_id)
