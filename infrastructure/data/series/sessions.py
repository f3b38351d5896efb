"""Where prices stop overnight, at week ends and on holidays: sessions, told from when prices come."""

import numpy as np

HOUR = 3_600_000_000  # microseconds, as all times here
# Shorter than any night, and longer than the breaks at noon and the hour of maintenance within a day of trading.
LEAST_BREAK = 4 * HOUR
# Where rows are hours apart, a missing one or two of them end no session.
LEAST_STEPS = 3


def least_break(step: int | None) -> int:
    """Say how long no price comes where a session ends, in microseconds, for rows that are usually `step` apart."""
    return max(LEAST_BREAK, LEAST_STEPS * (step or 0))


def session_numbers(stamps: np.ndarray, has_price: np.ndarray, step: int | None) -> np.ndarray:
    """Number the sessions of one instrument by the stamps [N] of its rows, int64 [N] from 0; row i by those up to i.

    Rows without a price, which may have been filled in, are of the session of the last price before them.
    """
    priced = np.where(has_price, np.arange(len(stamps)), -1)
    before = np.concatenate(([-1], np.maximum.accumulate(priced)[:-1]))[: len(stamps)]
    begins = has_price & (before >= 0) & (stamps - stamps[np.maximum(before, 0)] >= least_break(step))
    return np.cumsum(begins)


def ends_elsewhere(sessions: np.ndarray, horizon: int) -> np.ndarray:
    """Tell of each row [N] whether the row `horizon` rows later is of another session; False where there is none."""
    found = np.zeros(len(sessions), dtype=bool)
    if len(sessions) > horizon:
        found[:-horizon] = sessions[horizon:] != sessions[:-horizon]
    return found
