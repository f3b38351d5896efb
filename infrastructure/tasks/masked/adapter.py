"""Some tokens of a text are hidden and told from all others."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infrastructure.data.feed import RowNoise
from infrastructure.tasks.adapter import Batch, Evaluation, num_unmasked
from infrastructure.tasks.masked.frequencies import Frequencies
from infrastructure.tasks.masked.heads import masked_loss_sum, masked_losses
from infrastructure.tasks.masked.sharing import shared_rows
from infrastructure.tasks.scored import Outcomes, by_number
from infrastructure.tasks.writing.decoder_adapter import joined, numbers_of, packed
from infrastructure.tasks.writing.metrics import perplexity

MASK_SHARE = 0.3


class MaskedLanguageModeling:
    """Cross-entropy of hidden tokens given the rest of their text.

    An item has `input_ids` [N]. Of its tokens that are not special, `mask_share` are hidden, at least one: each is
    replaced by the mask token, and the loss is of these alone. Why none of them is left or replaced by another word, as
    BERT does: docs/decisions/032.
    In training the noise of the row decides which; without noise what the text is decides, so that an evaluation hides
    the same tokens however and whenever its rows come.
    With `packs`, texts of a batch share rows as long as the longest of them; neither attention nor loss crosses from
    one into another, so packing changes speed alone. `frequencies` are those of a simple rival to score beside.
    """

    def __init__(
        self,
        mask_token_id: int,
        special_token_ids: Sequence[int],
        pad_token_id: int = 0,
        mask_share: float = MASK_SHARE,
        packs: bool = False,
        frequencies: Frequencies | None = None,
    ) -> None:
        self._mask_token_id = mask_token_id
        self._special_token_ids = np.array(sorted({pad_token_id, mask_token_id, *special_token_ids}))
        self._pad_token_id = pad_token_id
        self._mask_share = mask_share
        self._packs = packs
        self._frequencies = frequencies

    @property
    def packs_rows(self) -> bool:
        """Whether items share rows, which then have little padding left."""
        return self._packs

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics a run can be judged by."""
        return ("loss", "perplexity", "token_accuracy")

    def collate(self, items: Sequence[Mapping[str, Any]], noise: RowNoise | None) -> Batch:
        """Make rows of one or several items: `input_ids` with masks in place of hidden tokens, `attention_mask` [B, L].

        `targets` [T] are the hidden tokens, `target_at` [T] where in the flattened rows, and `target_items` [T] of
        which of `num_items`. Rows that items share also have the number of the item at each place, `texts` [B, L] (0
        is padding), and its `position_ids`.
        """
        ids = [torch.as_tensor(item["input_ids"]) for item in items]
        lengths = [len(text) for text in ids]
        uniform = (noise or _noise_of(ids)).uniform(max(lengths))  # [items, longest]
        hidden = [self._hidden(text.numpy(), row[: len(text)]) for text, row in zip(ids, uniform, strict=True)]
        rows = packed(lengths, max(lengths) if self._packs else 0)
        whole = joined(ids, rows, self._pad_token_id)  # [B, L]
        is_hidden = joined(hidden, rows, 0).bool()
        numbers = numbers_of(ids, rows)
        target_at = is_hidden.flatten().nonzero().squeeze(1)
        batch = {
            "input_ids": whole.masked_fill(is_hidden, self._mask_token_id),
            "attention_mask": (numbers > 0).long(),
            "targets": whole.flatten()[target_at],
            "target_at": target_at,
            "target_items": numbers.flatten()[target_at] - 1,
            "num_items": torch.tensor(len(items)),
        }
        if len(rows) < len(items):
            batch |= {"texts": numbers, "position_ids": joined([torch.arange(n) for n in lengths], rows, 0)}
        return batch

    def count_targets(self, batch: Batch) -> float:
        """Count the hidden tokens."""
        return float(len(batch["targets"]))

    def count_tokens(self, batch: Batch) -> int:
        """Count the tokens that are read."""
        return num_unmasked(batch)

    def loss_sum(self, model: nn.Module, batch: Batch) -> Tensor:
        """Sum the cross-entropy over the hidden tokens."""
        return masked_loss_sum(model, _inputs(model, batch), batch["target_at"], batch["targets"])

    def target_losses(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Give the cross-entropy of each hidden token [T], and what the model would put in its place [T]."""
        return masked_losses(model, _inputs(model, batch), batch["target_at"], batch["targets"])

    def evaluation(self) -> Evaluation:
        """Begin a pass over the evaluation part."""
        return MaskedPass(self, self._frequencies)

    def _hidden(self, ids: np.ndarray, uniform: np.ndarray) -> Tensor:
        """Choose the tokens with the least noise [N], True where hidden; the share is that of each text."""
        words = np.flatnonzero(~np.isin(ids, self._special_token_ids))
        count = min(len(words), max(1, math.floor(self._mask_share * len(words) + 0.5)))
        chosen = np.zeros(len(ids), dtype=np.bool_)
        chosen[words[np.argsort(uniform[words], kind="stable")[:count]]] = True
        return torch.from_numpy(chosen)


class MaskedPass:
    """Sums loss and right answers over the hidden tokens of each item."""

    def __init__(self, task: MaskedLanguageModeling, frequencies: Frequencies | None) -> None:
        self._task = task
        self._frequencies = frequencies
        self._sums: dict[str, list[np.ndarray]] = {"loss_sum": [], "num_targets": [], "num_right": []}
        self._guesses: list[np.ndarray] = []
        self._rival_loss = 0.0
        self._rival_right = 0

    def ask(self, model: nn.Module, batch: Batch) -> Any:
        """Score one batch; gives the sums of each item, its guesses, and the targets [T]."""
        losses, guesses = (part.cpu().numpy() for part in self._task.target_losses(model, batch))  # [T]
        targets, items = (batch[name].cpu().numpy() for name in ("targets", "target_items"))
        num_items = int(batch["num_items"])
        found = {"loss_sum": losses.astype(np.float64), "num_targets": None, "num_right": guesses == targets}
        sums = {name: np.bincount(items, weights, num_items) for name, weights in found.items()}
        return sums, _by_item(guesses.astype(np.int32), items, num_items), targets

    def merge(self, found: Any) -> None:
        """Take in a batch."""
        sums, guesses, targets = found
        for name, values in sums.items():
            self._sums[name].append(values)
        self._guesses.append(guesses)
        if self._frequencies is not None:
            self._rival_loss += self._frequencies.loss_sum(targets)
            self._rival_right += self._frequencies.num_right(targets)

    def outcomes(self, order: np.ndarray) -> Outcomes:
        """Give `loss_sum` (nats), `num_targets` and `num_right` of each item [N], and its `guesses` [N].

        `guessed` reads these.
        """
        sums = {name: by_number(values, order) for name, values in self._sums.items()}
        counts = {name: sums[name].astype(np.int64) for name in ("num_targets", "num_right")}
        return {**sums, **counts, "guesses": by_number([_written(part) for part in self._guesses], order)}

    def metrics(self) -> dict[str, Any]:
        """Give the mean loss (nats a hidden token), its exponential, and the share that was told right."""
        count, right = (int(sum(values.sum() for values in self._sums[name])) for name in ("num_targets", "num_right"))
        loss = math.fsum(values.sum() for values in self._sums["loss_sum"])
        metrics = _scores(loss, right, count)
        if self._frequencies is not None:
            rival = _scores(self._rival_loss, self._rival_right, count)
            metrics |= {f"unigram_{name}": value for name, value in rival.items()}
        return metrics


def _by_item(guesses: np.ndarray, items: np.ndarray, num_items: int) -> np.ndarray:
    """Give the guesses [T] of each item, an array of arrays [num_items]."""
    cuts = np.cumsum(np.bincount(items, minlength=num_items))[:-1]
    found = np.empty(num_items, dtype=object)
    for number, part in enumerate(np.split(guesses[np.argsort(items, kind="stable")], cuts)):
        found[number] = part  # all at once, parts of equal length would be taken for a table
    return found


def _written(guesses: np.ndarray) -> np.ndarray:
    found = np.empty(len(guesses), dtype=object)
    found[:] = [part.tobytes() for part in guesses]
    return found


def guessed(guesses: bytes) -> np.ndarray:
    """Read what stood in `guesses` of an item: a token for each that was hidden, in their order [T]."""
    return np.frombuffer(guesses, dtype=np.int32)


def _scores(loss_sum: float, num_right: int, count: int) -> dict[str, float]:
    loss = loss_sum / count if count else math.nan
    return {"loss": loss, "perplexity": perplexity(loss), "token_accuracy": num_right / count if count else math.nan}


def _noise_of(texts: Sequence[Tensor]) -> RowNoise:
    """Give the noise of texts that follows from their tokens alone."""
    digests = [hashlib.blake2b(text.to(torch.int64).numpy().tobytes(), digest_size=8).digest() for text in texts]
    return RowNoise(0, 0, np.array([int.from_bytes(digest, "little") for digest in digests], dtype=np.uint64))


def _inputs(model: nn.Module, batch: Batch) -> dict[str, Any]:
    if "texts" in batch:
        return shared_rows(model, batch)
    return {name: batch[name] for name in ("input_ids", "attention_mask")}
