"""The next token."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from infrastructure.data.feed import RowNoise
from infrastructure.tasks.adapter import Batch, Evaluation, num_unmasked, pad
from infrastructure.tasks.writing.heads import target_loss_sum
from infrastructure.tasks.writing.samples import Samples
from infrastructure.tasks.writing.token_losses import IGNORED

LARGEST_EXPONENT = 700.0


class CausalLanguageModeling:
    """Cross-entropy of each token given those before it in its document.

    An item has `input_ids` [N] and `labels` [N], the same ids with -100 where nothing is to be learnt: as everywhere in
    the Hugging Face world the label of a place is its own token, and the shift by one is made here. A `bos_token_id`
    begins a document, wherever it stands; with `pack_to` above 0, short items share a row of up to so many tokens.
    Neither attention nor loss crosses from one document or item into another, so packing changes speed alone.
    `bytes_per_target` of the evaluation part turns its loss into bits per byte.
    """

    def __init__(
        self,
        pad_token_id: int,
        bos_token_id: int | None = None,
        pack_to: int = 0,
        label_smoothing: float = 0.0,
        bytes_per_target: float | None = None,
        samples: Samples | None = None,
    ) -> None:
        self._pad_token_id = pad_token_id
        self._bos_token_id = bos_token_id
        self._pack_to = pack_to
        self._label_smoothing = label_smoothing
        self._bytes_per_target = bytes_per_target
        self._samples = samples

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics a run can be judged by."""
        names = ("loss", "perplexity", *(("bits_per_byte",) if self._bytes_per_target else ()))
        return (*names, "exact_match", "parses") if self._samples else names

    def collate(self, items: Sequence[Mapping[str, Any]], noise: RowNoise | None) -> Batch:
        """Make rows of one or several items: `input_ids`, `position_ids`, `attention_mask` [B, L].

        `targets` [T] are the tokens to be predicted, and `target_at` [T] where in the flattened rows; found here, on
        the CPU, so that no device is asked for a count.
        """
        ids = [torch.as_tensor(item["input_ids"])[:-1] for item in items]
        labels = [torch.as_tensor(item.get("labels", item["input_ids"]))[1:] for item in items]
        positions = [self._positions(row) for row in ids]
        rows = packed([len(row) for row in ids], self._pack_to)
        input_ids = joined(ids, rows, self._pad_token_id)
        targets = joined(labels, rows, IGNORED).flatten()
        target_at = (targets != IGNORED).nonzero().squeeze(1)
        lengths = torch.tensor([sum(len(ids[index]) for index in row) for row in rows])
        return {
            "input_ids": input_ids,
            "position_ids": _continued(joined(positions, rows, 0), lengths),
            "attention_mask": (torch.arange(input_ids.shape[1])[None, :] < lengths[:, None]).long(),
            "targets": targets[target_at],
            "target_at": target_at,
        }

    def count_targets(self, batch: Batch) -> float:
        """Count the tokens to be predicted."""
        return float(len(batch["targets"]))

    def count_tokens(self, batch: Batch) -> int:
        """Count the tokens that are read."""
        return num_unmasked(batch)

    def loss_sum(self, model: nn.Module, batch: Batch) -> Tensor:
        """Sum the cross-entropy over the tokens to be predicted."""
        return self.loss_with(model, batch, self._label_smoothing)

    def evaluation(self) -> Evaluation:
        """Begin a pass over the evaluation part."""
        return TokenPass(self, self._samples, self._bytes_per_target)

    def loss_with(self, model: nn.Module, batch: Batch, label_smoothing: float) -> Tensor:
        """Sum the cross-entropy with another label smoothing."""
        # No mask is given: what follows a token is hidden from it, padding too, and the library finds the borders of
        # documents where positions begin anew.
        inputs = {"input_ids": batch["input_ids"], "position_ids": batch["position_ids"]}
        return target_loss_sum(model, inputs, batch["target_at"], batch["targets"], label_smoothing)

    def _positions(self, ids: Tensor) -> Tensor:
        """Count from 0 in each document [N]."""
        places = torch.arange(len(ids))
        if self._bos_token_id is None:
            return places
        starts = torch.where(ids == self._bos_token_id, places, 0)
        return places - torch.cummax(starts, dim=0).values if len(ids) else places


class TokenTask(Protocol):
    """A task whose targets are tokens."""

    def count_targets(self, batch: Batch) -> float:
        """Count the tokens to be predicted."""

    def loss_with(self, model: nn.Module, batch: Batch, label_smoothing: float) -> Tensor:
        """Sum the cross-entropy over them."""


class TokenPass:
    """Sums the loss over tokens, without label smoothing, and lets the model write its samples at the end."""

    def __init__(self, task: TokenTask, samples: Samples | None, bytes_per_target: float | None = None) -> None:
        self._task = task
        self._samples = samples
        self._bytes_per_target = bytes_per_target
        self._model: nn.Module | None = None
        self._loss_sum = 0.0
        self._num_targets = 0.0

    def add(self, model: nn.Module, batch: Batch) -> None:
        """Score one batch."""
        self._model = model
        self._loss_sum += float(self._task.loss_with(model, batch, label_smoothing=0.0))
        self._num_targets += self._task.count_targets(batch)

    def metrics(self) -> dict[str, Any]:
        """Give the mean loss (nats a token), its exponential, bits per byte and the scores of the samples."""
        loss = self._loss_sum / self._num_targets if self._num_targets else math.nan
        metrics = {"loss": loss, "perplexity": math.inf if loss >= LARGEST_EXPONENT else math.exp(loss)}
        if self._bytes_per_target:  # the pass may hold a few blocks of the part, whose own bytes nobody has counted
            metrics["bits_per_byte"] = loss / math.log(2.0) / self._bytes_per_target
        if self._samples is not None and self._model is not None:
            metrics |= self._samples.scores(self._model)
        return metrics


def packed(lengths: Sequence[int], row_length: int) -> list[list[int]]:
    """Put items into as few rows of `row_length` as first-fit finds, longest first; below 1, one item a row."""
    if row_length < 1:
        return [[index] for index in range(len(lengths))]
    rows: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        found = next((row for row, left in enumerate(room) if left >= lengths[index]), len(rows))
        if found == len(rows):
            rows.append([])
            room.append(max(row_length, lengths[index]))
        rows[found].append(index)
        room[found] -= lengths[index]
    return rows


def joined(sequences: Sequence[Tensor], rows: Sequence[Sequence[int]], fill: int) -> Tensor:
    """Set the sequences of each row one behind the other and pad the rows to one length [B, L]."""
    return pad([torch.cat([sequences[index] for index in row]) for row in rows], fill)


def _continued(positions: Tensor, lengths: Tensor) -> Tensor:
    """Count on through the padding [B, L], which would look like a new document if it began at 0."""
    places = torch.arange(positions.shape[1])[None, :]
    last = positions.gather(1, (lengths - 1).clamp(min=0)[:, None])
    return torch.where(places < lengths[:, None], positions, last + places - lengths[:, None] + 1)
