"""How a forecaster is asked, whatever computes it: arrays of windows in, arrays of what it says out."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from domain.exceptions import DatasetError
from infrastructure.data.series.inputs import inputs_of
from infrastructure.data.series.series import Series, SeriesRecipe
from infrastructure.data.sources.inputs import Asked, Source
from infrastructure.tasks.kind import Note

Arrays = Mapping[str, np.ndarray]
# Of what `inputs_of` a window takes to `forecast` [B, T, H, Q], `assumed` and `thin` [B, T], or to `logits` [B, C].
Ask = Callable[[Arrays], Arrays]


class AnswersToTables:
    """What every finished model does that is asked a table: it is one input, read whole or refused."""

    rows_at_once: ClassVar[int] = 1
    reads_rows: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = ()

    def inputs(self, source: Source, note: Note) -> Iterator[Asked]:
        """Give the path itself: a table is one input."""
        yield Asked(source.path)

    def unanswered(self, reason: str) -> Mapping[str, Any]:
        """Answer nothing: a table is read whole or refused."""
        raise AssertionError(reason)


def histories(series: Series, anchors: np.ndarray, recipe: SeriesRecipe) -> Arrays:
    """Give what a forecaster sees at anchors [B] of many series."""
    ahead = series.known_ahead(anchors, max(recipe.horizons))
    return inputs_of({**series.history(anchors, recipe.context_length), **ahead})


def last_history(series: Series, context_length: int) -> Arrays:
    """Give what a forecaster sees before the end of a series, one window.

    Raises: DatasetError when there is nothing to see.
    """
    history = series.history(np.array([len(series) - 1]), context_length)
    if not history["observed"].any():
        rows = min(context_length, len(series))
        raise DatasetError(
            f"the last {rows:,} rows of the table hold no values, so there is nothing to forecast from.",
            remedy="Give a table that ends with values.",
        )
    return inputs_of(history)
