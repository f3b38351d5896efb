"""Code and its label, with what is marked in it and which kind of weakness it has."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from infrastructure.data.feed import RowNoise
from infrastructure.models.flow.calls import NOWHERE
from infrastructure.models.flow.grams import grams_of
from infrastructure.models.flow.model import FlowConfig
from infrastructure.models.flow.verdict import Verdict, verdict_of
from infrastructure.models.flow.vocabulary import FIRST_WORD, NUM_NAMES, PAD
from infrastructure.models.flow.windows import named, windows_of
from infrastructure.tasks.adapter import Batch, Evaluation, num_unmasked, pad
from infrastructure.tasks.flow.rows import NO_KIND, UNMARKED
from infrastructure.tasks.labels.losses import LabelPass, count_labels, label_loss_sum, weights_of
from infrastructure.tasks.labels.parts import scores_of_parts
from infrastructure.tasks.labels.scoring import LabelScoring
from infrastructure.tasks.scored import Outcomes

# In a training step; of longer code other windows are read in each step, those with marks always.
MOST_WINDOWS = 8
# What the model is asked with, in its order.
INPUTS = ("input_ids", "roles", "links", "attention_mask")
# Tokens that are read at once: they and their scores stay near a processor, and fill another device.
TOKENS_AT_ONCE, TOKENS_AT_ONCE_ELSEWHERE = 2_048, 32_768
# Names are numbered from the size of the vocabulary; those that stand for hidden words from here on.
HIDDEN_NAMES = 1 << 28
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
        self._vocabulary_size = vocabulary_size
        self._max_length = max_length
        self._word_dropout = word_dropout
        self._marks_weight = marks_weight
        self._knows_grams = knows_grams

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
        """Cut rows into windows and pad them to the longest.

        Gives `input_ids`, `roles`, `attention_mask` [W, L], `links` [W, L, 2] and `row` [W]; with labels `labels` and
        `kind` [B] and `marks` [W, L, M]. Runs are `grams` and `gram_row` [S].
        """
        width = NUM_NAMES + self._max_length + MOST_WINDOWS
        drawn = np.zeros((len(items), 0)) if noise is None else noise.uniform(width)
        parts: list[dict[str, Tensor]] = []
        for number, item in enumerate(items):
            ids = self._hidden(np.asarray(item["input_ids"]), drawn[number])
            for start, end in self._windows(item, drawn[number]):
                parts.append(self._window(item, ids[start:end], number, start, end, drawn[number]))
        length = torch.tensor([len(part["input_ids"]) for part in parts])
        batch = {
            "input_ids": pad([part["input_ids"] for part in parts], PAD),
            "roles": pad([part["roles"] for part in parts], 0),
            "links": pad([part["links"] for part in parts], NOWHERE),
            "attention_mask": (torch.arange(int(length.max()))[None, :] < length[:, None]).long(),
            "row": torch.tensor([int(part["row"]) for part in parts]),
        }
        if self._knows_grams:
            grams = [np.unique(grams_of(np.asarray(item["input_ids"]), self._vocabulary_size)) for item in items]
            batch["grams"] = torch.from_numpy(np.concatenate(grams))
            batch["gram_row"] = torch.from_numpy(np.repeat(np.arange(len(grams)), [len(each) for each in grams]))
        if "labels" in items[0]:
            batch["labels"] = torch.tensor([int(item["labels"]) for item in items])
            batch["kind"] = torch.tensor([int(item["kind"]) for item in items])
            batch["marks"] = pad([part["marks"] for part in parts], UNMARKED)
        return batch

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

    # Windows

    def _windows(self, item: Any, drawn: np.ndarray) -> list[tuple[int, int]]:
        windows = windows_of(np.asarray(item["input_ids"]), self._max_length)
        if not len(drawn) or len(windows) <= MOST_WINDOWS:
            return windows
        order = np.random.Generator(np.random.Philox(int(drawn[-1] * 2**24))).permutation(len(windows))
        if "marks" in item:
            is_marked = [bool((item["marks"][slice(*windows[place]), 0] > 0).any()) for place in order]
            order = order[np.argsort(~np.array(is_marked), kind="stable")]
        return [windows[place] for place in sorted(order[:MOST_WINDOWS])]

    def _hidden(self, ids: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        """Take some of the known words for names that stand nowhere else; a word is one in the whole row."""
        is_word = (ids >= FIRST_WORD) & (ids < self._vocabulary_size)
        if not len(drawn) or not self._word_dropout or not is_word.any():
            return ids
        words, place = np.unique(ids[is_word], return_inverse=True)
        is_hidden = drawn[NUM_NAMES + np.arange(len(words)) % self._max_length] < self._word_dropout
        taken = ids.copy()
        taken[is_word] = np.where(is_hidden, HIDDEN_NAMES + words, words)[place]
        return taken

    def _window(
        self, item: Any, ids: np.ndarray, row: int, start: int, end: int, drawn: np.ndarray
    ) -> dict[str, Tensor]:
        order = np.argsort(drawn[:NUM_NAMES]) if len(drawn) else None
        named_ids = torch.from_numpy(named(ids, self._vocabulary_size, order))
        part = {"input_ids": named_ids, "row": torch.tensor(row)}
        part["roles"] = functional.pad(torch.from_numpy(np.array(item["roles"][start:end])).long(), (1, 0))
        # Places are those of the window, behind its first sign; who is linked to another window is not linked.
        links = np.array(item["links"][start:end]) - start
        links = np.where((links < 0) | (links >= end - start), NOWHERE, links + 1)
        part["links"] = functional.pad(torch.from_numpy(links).long(), (0, 0, 1, 0), value=NOWHERE)
        if "marks" in item:
            marks = torch.from_numpy(np.array(item["marks"][start:end]))  # [L, M]
            part["marks"] = functional.pad(marks, (0, 0, 1, 0), value=UNMARKED)
        return part

    # Judging

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
        said = model(*(batch[name][taken, :longest] for name in INPUTS))
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
