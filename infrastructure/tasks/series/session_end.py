"""Whether a direction is asked for that lies behind the end of a session, where the model has learnt of none."""

import numpy as np

from infrastructure.data.series.sessions import least_break
from infrastructure.data.windowed.direction_rule import CUT
from infrastructure.tasks.series.card import SeriesCard


def reach_beyond(card: SeriesCard, stamps: np.ndarray) -> np.ndarray:
    """Tell of stamps [n] whether a session ends before the horizon of a model, by the clock of its training."""
    if card.session_gaps != CUT or card.clock is None:
        return np.zeros(len(stamps), dtype=bool)
    steps = np.arange(max(card.recipe.horizons) + 1)
    ahead = card.clock.stamps(card.clock.places(stamps)[:, None] + steps)
    return np.asarray((np.diff(ahead, axis=1) >= least_break(card.step)).any(axis=1))


def beyond_told(num_rows: int) -> str:
    """Say what an answer is then worth."""
    rows = "the next row" if num_rows == 1 else f"{num_rows:,} rows"
    return f"the session ends within {rows}, and the model has learnt of no price beyond one (session_gaps=cut)"
