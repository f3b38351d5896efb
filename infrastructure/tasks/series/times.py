"""The times that forecasts are of: the places behind the last row on the clock of the table."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from infrastructure.data.clock.clocks import Even, exact_on, following
from infrastructure.data.clock.finding import FoundClock
from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.table.table import Table

# A table follows the clock of training when this share of its last rows stands on it.
CLOCK_SHARE = 0.9
CLOCK_ROWS = 1_000


def times_ahead(
    table: Table,
    known: FoundClock | None,
    step: int,
    horizons: Sequence[int],
    note: Callable[[str], None],
    behind: int = -1,
) -> list[str]:
    """Write the times `horizons` places behind a row, the last one by itself.

    `known` is the clock of training, `step` its commonest distance. `note` is told where the clock is a guess.
    """
    assert table.stamps is not None
    last = int(table.stamps[behind])
    found = clock_ahead(table, known, step, last)
    ahead = following(found.clock, last, max(horizons))[np.array(horizons) - 1]
    texts = stamp_texts(ahead, table.zone, step)
    if found.doubt:
        note(
            f"{table.path.name}: forecasts are dated by a clock that is a guess ({found.clock}): {found.doubt}."
            f" The first is {texts[0]}."
        )
    return texts


def clock_ahead(table: Table, known: FoundClock | None, step: int, last: int) -> FoundClock:
    """Give the clock by which a table goes on behind the stamp `last`: that of the training, else its own."""
    assert table.stamps is not None
    recent, found = table.stamps[-CLOCK_ROWS:], table.clock
    if known is not None:
        clock = known.clock
        if isinstance(clock, Even):
            clock = Even(found.clock.origin if found and isinstance(found.clock, Even) else last, clock.step)
        if exact_on(clock, recent).mean() >= CLOCK_SHARE:
            return replace(known, clock=clock)
    if found is None:
        return FoundClock(Even(last, step), 0, "a single row tells nothing")
    return (
        replace(found, clock=Even(last, found.clock.step)) if found.loose and isinstance(found.clock, Even) else found
    )
