"""Rows that stand on both sides of a split, or twice on one: the same text, or the same under other names."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from application.phases import counting, phase
from infrastructure.auditing.forms import key_of_tokens, renamed_form
from infrastructure.auditing.sides import Integers, Keys, Side
from infrastructure.data.labels.rows import white_space_key

NO_ROW = -1
Booleans = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Partners:
    """Of each evaluation row [E] a row of the training part that is like it, or -1, and how like it is in [0, 1].

    `in_train` [T] and `in_evaluation` [E] tell which rows have another one like them on their own side.
    """

    of_evaluation: Integers
    similarity: Floats
    in_train: Booleans
    in_evaluation: Booleans

    @classmethod
    def none(cls, num_train: int, num_evaluation: int) -> "Partners":
        """Give what is known before anything was found."""
        return cls(
            np.full(num_evaluation, NO_ROW, dtype=np.int64),
            np.zeros(num_evaluation),
            np.zeros(num_train, dtype=np.bool_),
            np.zeros(num_evaluation, dtype=np.bool_),
        )


def partners_by_key(train: Keys, evaluation: Keys) -> Partners:
    """Find rows of equal keys; shapes [T] and [E]."""
    known, first, train_counts = np.unique(train, return_index=True, return_counts=True)
    at = np.minimum(np.searchsorted(known, evaluation), len(known) - 1)
    is_there = known[at] == evaluation
    repeated = known[train_counts > 1]
    values, counts = np.unique(evaluation, return_counts=True)
    return Partners(
        np.where(is_there, first[at], NO_ROW),
        is_there.astype(np.float64),
        np.isin(train, repeated),
        np.isin(evaluation, values[counts > 1]),
    )


def renamed_keys(side: Side, form: str, text_characters: int) -> Keys:
    """Give numbers [N] that are equal for texts which differ in names, comments, case or numbers alone.

    Behind `text_characters`, and where a text is too short to tell, only white space makes no difference.
    """
    keys = np.array(side.keys)
    with phase(f"comparing names in {side.rows.path.name}", len(side), "rows"):
        for place, text in enumerate(counting(side.texts)):
            if tokens := renamed_form(text[:text_characters], form):
                rest = text[text_characters:]
                keys[place] = key_of_tokens([*tokens, str(white_space_key(rest))] if rest else tokens)
    return keys
