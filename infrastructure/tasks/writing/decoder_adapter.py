"""The next token."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from infrastructure.data.feed import RowNoise
from infrastructure.tasks.adapter import Batch, Evaluation, num_unmasked, pad
from infrastructure.tasks.scored import Outcomes, by_number
from infrastructure.tasks.writing.heads import target_loss_sum, target_losses
from infrastructure.tasks.writing.metrics import token_metrics
from infrastructure.tasks.writing.samples import Samples
from infrastructure.tasks.writing.token_losses import IGNORED


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
    def packs_rows(self) -> bool:
        """Whether items share rows, which then have little padding left."""
        return self._pack_to > 0

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics a run can be judged by."""
        names = ("loss", "perplexity", *(("bits_per_byte",) if self._bytes_per_target else ()))
        return (*names, *self._samples.names) if self._samples else names

    def collate(self, items: Sequence[Mapping[str, Any]], noise: RowNoise | None) -> Batch:
        """Make rows of one or several items: `input_ids`, `position_ids`, `attention_mask` [B, L].

        `targets` [T] are the tokens to be predicted, `target_at` [T] where in the flattened rows, and `target_items`
        [T] of which of `num_items`; found here, on the CPU, so that no device is asked for a count.
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
            "target_items": numbers_of(labels, rows).flatten()[target_at] - 1,
            "num_items": torch.tensor(len(items)),
        }

    def count_targets(self, batch: Batch) -> float:
        """Count the tokens to be predicted."""
        return float(len(batch["targets"]))

    def count_tokens(self, batch: Batch) -> int:
        """Count the tokens that are read."""
        return num_unmasked(batch)

    def loss_sum(self, model: nn.Module, batch: Batch) -> Tensor:
        """Sum the cross-entropy over the tokens to be predicted."""
        at, targets = batch["target_at"], batch["targets"]
        return target_loss_sum(model, self._inputs(batch), at, targets, self._label_smoothing)

    def target_losses(self, model: nn.Module, batch: Batch) -> Tensor:
        """Give the cross-entropy of each token to be predicted [T]."""
        return target_losses(model, self._inputs(batch), batch["target_at"], batch["targets"])

    def evaluation(self) -> Evaluation:
        """Begin a pass over the evaluation part."""
        return TokenPass(self, self._samples, self._bytes_per_target)

    def _inputs(self, batch: Batch) -> Batch:
        # No mask is given: what follows a token is hidden from it, padding too, and the library finds the borders of
        # documents where positions begin anew.
        return {"input_ids": batch["input_ids"], "position_ids": batch["position_ids"]}

    def _positions(self, ids: Tensor) -> Tensor:
        """Count from 0 in each document [N]."""
        places = torch.arange(len(ids))
        if self._bos_token_id is None:
            return places
        starts = torch.where(ids == self._bos_token_id, places, 0)
        return places - torch.cummax(starts, dim=0).values if len(ids) else places


class TokenTask(Protocol):
    """A task whose targets are tokens."""

    def target_losses(self, model: nn.Module, batch: Batch) -> Tensor:
        """Give the cross-entropy of each of them [T], without label smoothing; `target_items` says of which item."""


class TokenPass:
    """Sums the loss over the tokens of each item, and lets the model write its samples at the end."""

    def __init__(self, task: TokenTask, samples: Samples | None, bytes_per_target: float | None = None) -> None:
        self._task = task
        self._samples = samples
        self._bytes_per_target = bytes_per_target
        self._model: nn.Module | None = None
        self._loss_sums: list[np.ndarray] = []
        self._num_targets: list[np.ndarray] = []
        self._outputs: Sequence[str] = ()

    def ask(self, model: nn.Module, batch: Batch) -> Any:
        """Score one batch; gives the sum of the loss (nats) of each item, and its targets."""
        self._model = model
        losses = self._task.target_losses(model, batch).cpu().numpy().astype(np.float64)  # [T]
        items = batch["target_items"].cpu().numpy()
        num_items = int(batch["num_items"])
        return np.bincount(items, losses, num_items), np.bincount(items, minlength=num_items)

    def merge(self, found: Any) -> None:
        """Take in a batch."""
        loss_sums, num_targets = found
        self._loss_sums.append(loss_sums)
        self._num_targets.append(num_targets)

    def outcomes(self, order: np.ndarray) -> Outcomes:
        """Give `loss_sum` (nats) and `num_targets` of each item [N]; and `output`, None where nothing was written."""
        outcomes = {
            "loss_sum": by_number(self._loss_sums, order),
            "num_targets": by_number(self._num_targets, order),
        }
        if not self._outputs:
            return outcomes
        written = np.full(len(order), None, dtype=object)
        written[: len(self._outputs)] = self._outputs
        return {**outcomes, "output": written}

    def metrics(self) -> dict[str, Any]:
        """Give the mean loss (nats a token), its exponential, bits per byte and the scores of the samples."""
        num_targets = sum(int(counts.sum()) for counts in self._num_targets)
        loss_sum = math.fsum(sums.sum() for sums in self._loss_sums)
        metrics: dict[str, Any] = {**token_metrics(loss_sum, num_targets, self._bytes_per_target)}
        if self._samples is not None and self._model is not None:
            self._outputs = self._samples.written(self._model)
            metrics |= self._samples.scores(self._outputs)
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


def numbers_of(sequences: Sequence[Tensor], rows: Sequence[Sequence[int]]) -> Tensor:
    """Give at each place of joined rows [B, L] the number of its sequence, counted from 1; 0 is padding."""
    return joined([torch.full_like(row, index + 1) for index, row in enumerate(sequences)], rows, 0)


def _continued(positions: Tensor, lengths: Tensor) -> Tensor:
    """Count on through the padding [B, L], which would look like a new document if it began at 0."""
    places = torch.arange(positions.shape[1])[None, :]
    last = positions.gather(1, (lengths - 1).clamp(min=0)[:, None])
    return torch.where(places < lengths[:, None], positions, last + places - lengths[:, None] + 1)
