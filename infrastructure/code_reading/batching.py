"""Code in ids as batches of windows, of which a reader is asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from infrastructure.code_reading.calls import NOWHERE
from infrastructure.code_reading.grams import grams_of
from infrastructure.code_reading.vocabulary import FIRST_WORD, NUM_NAMES, PAD
from infrastructure.code_reading.windows import named, windows_of

# In a training step; of longer code other windows are read in each step, those with marks always.
MOST_WINDOWS = 8
# What a reader is asked with, in its order.
INPUTS = ("input_ids", "roles", "links", "attention_mask")
# Names are numbered from the size of the vocabulary; those that stand for hidden words from here on.
HIDDEN_NAMES = 1 << 28
UNMARKED = -1
TOKENS_AT_ONCE = 2_048  # they and their scores stay near a processor

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Windowing:
    """Cuts rows into windows of `max_length` tokens.

    Names are placeholders, numbered anew for each row of each step. `word_dropout` takes that share of the known words
    of a row for names, wherever they stand in it. A reader that `knows_grams` is given what runs there are.
    """

    vocabulary_size: int
    max_length: int
    word_dropout: float = 0.0
    knows_grams: bool = False

    @property
    def draws(self) -> int:
        """The number of random numbers that a row takes in training."""
        return NUM_NAMES + self.max_length + MOST_WINDOWS

    def batch(self, items: Sequence[Mapping[str, Any]], drawn: np.ndarray | None = None) -> Arrays:
        """Cut rows and pad the windows to the longest; `drawn` [B, draws] in [0, 1) are given in training alone.

        Gives `input_ids`, `roles`, `attention_mask` [W, L], `links` [W, L, 2] and `row` [W]; with labels `labels` and
        `kind` [B] and `marks` [W, L, M]. Runs are `grams` and `gram_row` [S].
        """
        noise = np.zeros((len(items), 0)) if drawn is None else drawn
        parts: list[Arrays] = []
        row: list[int] = []
        for number, item in enumerate(items):
            ids = self._hidden(np.asarray(item["input_ids"]), noise[number])
            for start, end in self._windows(item, noise[number]):
                parts.append(self._window(item, ids[start:end], start, end, noise[number]))
                row.append(number)
        lengths = np.array([len(part["input_ids"]) for part in parts])
        fills = {"input_ids": PAD, "roles": 0, "links": NOWHERE, "marks": UNMARKED}
        batch = {name: _stacked([part[name] for part in parts], fills[name]) for name in parts[0]}
        batch["attention_mask"] = (np.arange(lengths.max())[None, :] < lengths[:, None]).astype(np.int64)
        batch["row"] = np.array(row)
        if self.knows_grams:
            grams = [np.unique(grams_of(np.asarray(item["input_ids"]), self.vocabulary_size)) for item in items]
            batch["grams"] = np.concatenate(grams)
            batch["gram_row"] = np.repeat(np.arange(len(grams)), [len(each) for each in grams])
        if "labels" in items[0]:
            batch["labels"] = np.array([int(item["labels"]) for item in items])
            batch["kind"] = np.array([int(item["kind"]) for item in items])
        return batch

    def _windows(self, item: Mapping[str, Any], drawn: np.ndarray) -> list[tuple[int, int]]:
        windows = windows_of(np.asarray(item["input_ids"]), self.max_length)
        if not len(drawn) or len(windows) <= MOST_WINDOWS:
            return windows
        order = np.random.Generator(np.random.Philox(int(drawn[-1] * 2**24))).permutation(len(windows))
        if "marks" in item:
            is_marked = [bool((item["marks"][slice(*windows[place]), 0] > 0).any()) for place in order]
            order = order[np.argsort(~np.array(is_marked), kind="stable")]
        return [windows[place] for place in sorted(order[:MOST_WINDOWS])]

    def _hidden(self, ids: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        """Take some of the known words for names that stand nowhere else; a word is one in the whole row."""
        is_word = (ids >= FIRST_WORD) & (ids < self.vocabulary_size)
        if not len(drawn) or not self.word_dropout or not is_word.any():
            return ids
        words, place = np.unique(ids[is_word], return_inverse=True)
        is_hidden = drawn[NUM_NAMES + np.arange(len(words)) % self.max_length] < self.word_dropout
        taken = ids.copy()
        taken[is_word] = np.where(is_hidden, HIDDEN_NAMES + words, words)[place]
        return taken

    def _window(self, item: Mapping[str, Any], ids: np.ndarray, start: int, end: int, drawn: np.ndarray) -> Arrays:
        order = np.argsort(drawn[:NUM_NAMES]) if len(drawn) else None
        # Places are those of the window, behind its first sign; who is linked to another window is not linked.
        links = np.array(item["links"][start:end]).astype(np.int64) - start
        links = np.where((links < 0) | (links >= end - start), NOWHERE, links + 1)
        part = {
            "input_ids": named(ids, self.vocabulary_size, order),
            "roles": np.pad(np.array(item["roles"][start:end]).astype(np.int64), (1, 0)),
            "links": np.pad(links, ((1, 0), (0, 0)), constant_values=NOWHERE),
        }
        if "marks" in item:
            marks = np.array(item["marks"][start:end])  # [L, M]
            part["marks"] = np.pad(marks, ((1, 0), (0, 0)), constant_values=UNMARKED)
        return part


def asked_in_parts(ask: Callable[[Arrays], Arrays], batch: Arrays) -> Arrays:
    """Read windows by length, few at once: padding costs time by its square, and scores [H, L, L] memory."""
    lengths, width = batch["attention_mask"].sum(1), batch["attention_mask"].shape[1]
    order = np.argsort(-lengths, kind="stable")
    found: dict[str, list[np.ndarray]] = {}
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        taken = order[start : start + max(1, TOKENS_AT_ONCE // longest)]
        said = dict(ask({name: batch[name][taken, :longest] for name in INPUTS}))
        said["marks"] = np.pad(said["marks"], ((0, 0), (0, width - longest), (0, 0)))
        for name, array in said.items():
            found.setdefault(name, []).append(array)
        start += len(taken)
    back = np.argsort(order)
    return {name: np.concatenate(arrays)[back] for name, arrays in found.items()}


def _stacked(parts: Sequence[np.ndarray], fill: int) -> np.ndarray:
    """Stack arrays [L_i, ...] into [B, max L, ...], filled up on the right."""
    longest = max(map(len, parts))
    stacked = np.full((len(parts), longest, *parts[0].shape[1:]), fill, dtype=parts[0].dtype)
    for number, part in enumerate(parts):
        stacked[number, : len(part)] = part
    return stacked
