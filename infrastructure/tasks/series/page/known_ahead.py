"""What was known ahead of a series, such as the days of a promotion, as stripes behind its chart."""

from collections.abc import Iterator

import numpy as np

from infrastructure.data.panel.long_table import LongTable
from infrastructure.reports.page.blocks import Band, Line
from infrastructure.tasks.series.page.seen import Seen

MAX_STRIPES = 3  # columns; more cannot be told from each other
_HUES = (5, 1, 3)


def stripes(seen: Seen, rows: np.ndarray, drawn: list[Line]) -> Iterator[Band]:
    """Mark the rows [n] at which a column that is known ahead and holds 0 or 1 has the rarer one of them.

    They are as high as the lines that are `drawn`. A column that marks the same rows as one before it is left out.
    """
    heights = [value for line in drawn for value in line.y if value is not None]
    found: list[np.ndarray] = []
    if not heights:
        return
    for name, values in _flags(seen, rows):
        rare = float(np.nanmean(values) < 0.5)
        is_marked = values == rare
        if any(np.array_equal(is_marked, other) for other in found) or len(found) == MAX_STRIPES:
            continue
        x: list[float] = []
        edge: list[bool] = []
        for place in np.array(seen.clock.places(rows))[is_marked].tolist():
            x += [place - 0.5, place + 0.5, place + 0.5]  # None between two stripes
            edge += [True, True, False]
        low, high = ([of(heights) if there else None for there in edge] for of in (min, max))
        yield Band(name if rare else f"{name} = 0", x, low, high, _HUES[len(found)], 0.12)
        found.append(is_marked)


def _flags(seen: Seen, rows: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Give the columns that are known ahead and hold both 0 and 1 at these rows, and nothing else."""
    table = seen.windows.table
    if not isinstance(table, LongTable):
        return
    panel = table.series
    first = len(panel.names) - panel.num_known
    for name, values in zip(panel.names[first:], np.asarray(panel.values[rows, first:]).T, strict=True):
        if name not in panel.categories and set(np.unique(values[~np.isnan(values)])) == {0.0, 1.0}:
            yield name, values
