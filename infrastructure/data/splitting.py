"""Data in two parts, and which units of it are drawn to be scored on."""

from collections.abc import Mapping, Sized
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

Part = TypeVar("Part", bound=Sized, covariant=True)


@dataclass(frozen=True, kw_only=True)
class TwoParts(Generic[Part]):
    """A part to learn from and one to be scored on, of rows, documents or windows.

    `warnings` are told once. `facts` say by name what was found in the data, and `audit` counts what was looked for
    there, whether it was found or not.
    """

    train: Part
    evaluation: Part
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    audit: Mapping[str, int] = field(default_factory=dict)

    @property
    def num_train(self) -> int:
        """Rows to learn from."""
        return len(self.train)

    @property
    def num_eval(self) -> int:
        """Rows to be scored on."""
        return len(self.evaluation)


def split_by_key(keys: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray, int] | None:
    """Divide rows by the seed so that equal keys [N] stay on one side; None where all are equal.

    Gives the numbers of rows to learn from, those to be scored on, and how many repeat a key.
    """
    _, units = np.unique(keys, return_inverse=True)
    sizes = np.bincount(units)
    if len(sizes) < 2:
        return None
    is_evaluation = drawn(sizes, share, seed)[units]
    return np.flatnonzero(~is_evaluation), np.flatnonzero(is_evaluation), len(keys) - len(sizes)


def drawn(sizes: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Draw units [N] by the seed until `share` of their sizes is reached, True for those that are drawn."""
    order = np.random.Generator(np.random.Philox(key=[seed, 0])).permutation(len(sizes))
    chosen = np.zeros(len(sizes), dtype=np.bool_)
    chosen[order[taken(sizes[order], share)]] = True
    return chosen


def taken(sizes: np.ndarray, share: float) -> np.ndarray:
    """Take units [N] in their order until `share` of their sizes is reached; of several, one is taken and one is not.

    Units that would overfill the part alone come last, the smaller ones first: in front they would fill it with one
    family, or shut out all behind them.
    """
    wanted = share * sizes.sum()
    order = np.argsort(np.where(sizes / 2 > wanted, sizes, 0), kind="stable")
    before = np.concatenate([[0], np.cumsum(sizes[order])[:-1]])
    fits = before + sizes[order] / 2 <= wanted  # a unit is taken when most of it lies below the mark
    if len(sizes) > 1:
        fits[0], fits[-1] = True, False
    is_taken = np.zeros(len(sizes), dtype=np.bool_)
    is_taken[order[fits]] = True
    return is_taken
