"""From what a request names to the two parts of chats."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from application.phases import phase
from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.chats.forms import ChatSought
from infrastructure.data.chats.rows import ChatRows, chats_not_in, load_chats, split_chats
from infrastructure.data.hub.parts import on_this_disk
from infrastructure.data.splitting import TwoParts


@dataclass(frozen=True)
class SplitChats(TwoParts[np.ndarray]):
    """Chats in two parts that share no question; row numbers of `train_rows` and of `eval_rows`."""

    train_rows: ChatRows
    eval_rows: ChatRows

    def train_texts(self) -> "TextsOfTurns":
        """Give what is said in the training part alone, a text for each turn."""
        return TextsOfTurns(self.train_rows, self.train)


class TextsOfTurns(Sequence[str]):
    """The texts of all turns of some chats, read as they are asked for."""

    def __init__(self, rows: ChatRows, indices: np.ndarray) -> None:
        self._texts = rows.texts
        starts = np.concatenate([[0], rows.chat_ends[:-1]])[indices]
        counts = rows.chat_ends[indices] - starts
        self._turns: np.ndarray = np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())

    def __len__(self) -> int:
        return len(self._turns)

    def __getitem__(self, index: int) -> str:  # type: ignore[override]  # slices are of no use here
        return str(self._texts[int(self._turns[index])])


def load_chat_data(
    dataset_path: str,
    eval_dataset: str | None,
    wanted: ChatSought,
    validation_split: float,
    seed: int,
    reading: Reading = AS_FOUND,
) -> SplitChats:
    """Read, check and split chats. Raises: DatasetError with every fault of the file."""
    rows = load_chats(Path(on_this_disk(dataset_path)), wanted, reading)
    scored = load_chats(Path(on_this_disk(eval_dataset)), wanted, reading) if eval_dataset else None
    with phase("checking and splitting"):
        return _split(rows, validation_split, seed) if scored is None else _given(rows, scored)


def _split(rows: ChatRows, share: float, seed: int) -> SplitChats:
    train, evaluation, num_repeats = split_chats(rows, share, seed)
    warnings = rows.warnings
    if num_repeats:
        warnings += (
            f"{rows.path.name}: {_begin(num_repeats)} with the question of another (white space aside); "
            "repeats were kept on one side of the split.",
        )
    audit = {"chats that repeat a question, kept on one side": num_repeats}
    return SplitChats(rows, rows, train=train, evaluation=evaluation, warnings=warnings, audit=audit)


def _given(rows: ChatRows, scored: ChatRows) -> SplitChats:
    train = chats_not_in(rows, scored)
    if not len(train):
        raise DatasetError(
            f"every question of {rows.path.name} also stands in {scored.path.name}.",
            remedy="Give parts that do not share their chats.",
        )
    warnings = (*rows.warnings, *scored.warnings)
    num_shared = len(rows) - len(train)
    if num_shared:
        warnings += (
            f"{_begin(num_shared, f' of {rows.path.name}')} with a question that also stands in {scored.path.name} "
            "(white space aside); such chats are not learnt from.",
        )
    audit = {"chats with a question of both files, left out of training": num_shared}
    everything = np.arange(len(scored))
    return SplitChats(rows, scored, train=train, evaluation=everything, warnings=warnings, audit=audit)


def _begin(count: int, where: str = "") -> str:
    return f"1 chat{where} begins" if count == 1 else f"{count:,} chats{where} begin"
