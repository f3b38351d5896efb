"""What a table says of rows and series beside the values: how it is read, and the arrays that it becomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from infrastructure.data.series.scaler import Scaler

NO_COLUMNS = Scaler((), ())


@dataclass(frozen=True)
class CovariateRecipe:
    """Which columns of a table say more of a series than its past does, and how they are read.

    Numbers that are `known` ahead are the last names of the recipe; those of them in `ratios` are read as logarithms
    relative to the mean of their series, as a price is. `categories` change in a series, the last `num_known` of them
    are known ahead; `static` and `static_categories` do not change, and neither do the `shared` columns: those of them
    that tell series apart in which several series agree. `vocabulary` [columns] are the texts of categories, then of
    static ones, then of shared ones, in the order of their numbers. `ratio_targets` [T] are never negative in the
    training part: what is known of a row changes them by a factor.
    """

    known: tuple[str, ...] = ()
    ratios: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    num_known: int = 0
    static: tuple[str, ...] = ()
    static_scaler: Scaler = NO_COLUMNS
    static_categories: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    vocabulary: tuple[tuple[str, ...], ...] = ()
    ratio_targets: tuple[bool, ...] = ()

    @property
    def coded(self) -> tuple[str, ...]:
        """The columns of categories, in the order of the vocabulary."""
        return (*self.categories, *self.static_categories, *self.shared)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The largest number of each column of categories."""
        return tuple(len(texts) for texts in self.vocabulary)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "CovariateRecipe":
        """Read what `asdict` gave, once it has been through a file."""
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list | tuple)}
        scaler = Scaler(tuple(values["static_scaler"]["mean"]), tuple(values["static_scaler"]["scale"]))
        vocabulary = tuple(map(tuple, values["vocabulary"]))
        return cls(**{**values, **lists, "static_scaler": scaler, "vocabulary": vocabulary})


@dataclass(frozen=True)
class Covariates:
    """What a model is told of rows and series beside the values, as far as a table has it.

    The last `num_known` of the values' columns are known ahead, and so are the last `num_known_categories` of
    `categories` [N, C]; `static` [S, A] and `static_categories` [S, E] are the same throughout a series. Categories
    are numbers counted from 1; 0 is one that training has not seen, or a missing one.
    """

    num_known: int
    num_known_categories: int
    categories: np.ndarray
    static: np.ndarray
    static_categories: np.ndarray
