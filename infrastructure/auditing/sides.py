"""The rows on both sides of a split, and as many of them as an audit has time for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infrastructure.data.labels.indexed_texts import IndexedTexts
from infrastructure.data.labels.loading import SplitRows
from infrastructure.data.labels.rows import LabelledRows

Integers = NDArray[np.int64]
Keys = NDArray[np.uint64]


@dataclass(frozen=True)
class Limits:
    """How much of large data is looked at; past these an audit draws rows by its seed and says so.

    `compared` rows are searched for renamed and near clones, `learnt` rows teach and test a bag of words. Of a text
    the first `text_characters` are read, of all texts together `characters` for each of the two.
    """

    compared: int
    learnt: int
    characters: int
    text_characters: int = 20_000
    num_folds: int = 5


# On two busy cores the first takes about two minutes at its limits, the second a few seconds, the third a part of one.
FULL = Limits(compared=100_000, learnt=20_000, characters=40_000_000)
BRIEF = Limits(compared=6_000, learnt=3_000, characters=3_000_000, text_characters=5_000, num_folds=3)
QUICK = Limits(compared=300, learnt=300, characters=300_000, text_characters=5_000, num_folds=3)


@dataclass(frozen=True)
class Side:
    """Some rows of a file: `indices` [N] number them, ascending."""

    rows: LabelledRows
    indices: Integers

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def texts(self) -> Sequence[str]:
        """The texts, read as they are asked for."""
        return IndexedTexts(self.rows.texts, self.indices)

    @property
    def labels(self) -> Integers:
        """Label numbers [N]."""
        return self.rows.labels[self.indices].astype(np.int64)

    @property
    def keys(self) -> Keys:
        """Numbers [N] that are equal for texts which are equal up to white space."""
        return np.asarray(self.rows.keys[self.indices])

    def name(self, place: int) -> str:
        """Name a row as a finished run does: the file and the line that it begins on."""
        return f"{self.rows.path.name}:{int(self.rows.lines[self.indices[place]])}"

    def at(self, places: NDArray[np.integer]) -> "Side":
        """Give the rows at some places."""
        return replace(self, indices=self.indices[places])

    def drawn(self, most: int, characters: int, text_characters: int, random: np.random.Generator) -> "Side":
        """Draw at most so many rows, and no more than have so many characters together; all where these are few."""
        order = random.permutation(len(self))[:most]
        lengths = np.minimum(self.num_bytes[order], text_characters)
        kept = order[np.cumsum(lengths) <= characters]
        return self.at(np.sort(kept if len(kept) else order[:1]))

    @property
    def num_bytes(self) -> Integers:
        """Lengths of the texts in UTF-8 [N]."""
        return self.rows.texts.num_bytes[self.indices]


@dataclass(frozen=True)
class Sides:
    """The rows to learn from and those to be scored on.

    With `is_one_file` they are parts of one file.
    """

    train: Side
    evaluation: Side
    label_names: tuple[str, ...]
    negative_label: str | None
    is_one_file: bool

    @classmethod
    def of_files(cls, split: SplitRows) -> "Sides":
        """Take the parts of a training; of two files all rows, also those that it would leave out as repeats."""
        trained = cls.of_training(split)
        everything = np.arange(len(split.train_rows), dtype=np.int64)
        return trained if trained.is_one_file else replace(trained, train=Side(split.train_rows, everything))

    @classmethod
    def of_training(cls, split: SplitRows) -> "Sides":
        """Take the rows that a training learns from, and those that it is scored on."""
        is_one_file = split.train_rows is split.eval_rows
        return cls(
            Side(split.train_rows, np.asarray(split.train, dtype=np.int64)),
            Side(split.eval_rows, np.asarray(split.evaluation, dtype=np.int64)),
            split.label_names,
            split.task.negative_label if split.task.negative_label in split.label_names else None,
            is_one_file,
        )

    def drawn(self, most: int, limits: Limits, seed: int) -> "Sides":
        """Draw rows of both sides within the limits, half of the room for each where both are large."""
        random = np.random.default_rng(seed)
        room = max(most // 2, most - len(self.train))
        characters = max(limits.characters // 2, limits.characters - int(self.train.num_bytes.sum()))
        evaluation = self.evaluation.drawn(room, characters, limits.text_characters, random)
        spent = int(np.minimum(evaluation.num_bytes, limits.text_characters).sum())
        left = most - len(evaluation), limits.characters - spent
        train = self.train.drawn(*left, limits.text_characters, random)
        return replace(self, train=train, evaluation=evaluation)

    @property
    def labels(self) -> Integers:
        """Label numbers of both sides, those of the training part first [N]."""
        return np.concatenate([self.train.labels, self.evaluation.labels])

    @property
    def texts(self) -> list[str]:
        """Texts of both sides in the same order."""
        return [*self.train.texts, *self.evaluation.texts]

    @property
    def keys(self) -> Keys:
        """Numbers that are equal for texts which are equal up to white space, in the same order [N]."""
        return np.concatenate([self.train.keys, self.evaluation.keys])

    def name(self, place: int) -> str:
        """Name a row of both sides in the same order."""
        return self.train.name(place) if place < len(self.train) else self.evaluation.name(place - len(self.train))
