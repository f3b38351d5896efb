"""What a forecast is asked for: how far ahead, at which quantiles, and how a series is cut in time."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import isclose, isfinite

from domain.rules import whole
from domain.showing import shown

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
HORIZONS = (1, 3, 6, 12, 24)
CALENDAR = ("hour", "weekday", "day_of_month", "month", "year", "session")
PLACE = re.compile(r"[A-Z]{2,3}(-[^-\s].*)?")  # a country, or a part of one behind a hyphen
NO = "false"  # what YAML makes of the code of Norway
NORWAY = 'For Norway, write "NO" in quotes: YAML reads it as false.'
AUTO = "auto"
GUARDED, ADAPTIVE, NO_CALIBRATION = CALIBRATIONS = ("guarded", "adaptive", "none")
CONTEXT_LENGTH, PATCH_LENGTH = 96, 24  # where nothing is known of a season
SHORTEST_SEASON, LONGEST_SEASON = 4, 48  # that make one token; of a longer one a day of hours is a part
MOST_SEEN = 512  # rows, unless somebody asks for more: a step takes as much longer
SHARE_SEEN = 3  # of the training part, a history takes at most one in so many rows, for windows to differ

# Shares, numbers of rows, or the dates at which the parts end.
Split = Sequence[float | str]
MAX_HORIZON = 100_000
MAX_CONTEXT = 100_000


def steps_ahead(horizons: int | Sequence[int]) -> tuple[int, ...]:
    """Give the steps that are forecast: a number stands for all from 1 on, a list for itself."""
    return tuple(range(1, horizons + 1)) if isinstance(horizons, int) else tuple(horizons)


def horizon_faults(horizons: int | Sequence[int]) -> Iterator[str]:
    """Want steps of at least 1, in ascending order."""
    steps = [horizons] if isinstance(horizons, int) else list(horizons)
    if not steps:
        yield "horizons is empty. Name the steps ahead, such as [1, 6, 24], or a number for all up to it."
    for step in steps:
        yield from whole("horizons", step, at_least=1)
        if isinstance(step, int) and step > MAX_HORIZON:
            yield f"horizons has {shown(step)}, but must be at most {MAX_HORIZON}. Choose another value."
    if any(low >= high for low, high in pairwise(steps)):
        yield f"horizons is {shown(steps)}, but must ascend without repeats. Put them in order."


def quantile_faults(quantiles: Sequence[float]) -> Iterator[str]:
    """Want levels in (0, 1), in ascending order."""
    if not quantiles:
        yield "quantiles is empty. Use, for example, [0.1, 0.5, 0.9]."
    outside = [level for level in quantiles if not 0.0 < level < 1.0]
    if outside:
        yield f"quantiles has {outside[0]}, but each must lie between 0 and 1. Use 0.9 for 90 %."
    elif any(low >= high for low, high in pairwise(quantiles)):
        yield f"quantiles is {shown(list(quantiles))}, but must ascend without repeats. Put them in order."


def split_faults(split: Split) -> Iterator[str]:
    """Want two or three parts: shares that sum to at most 1, numbers of rows, or ascending dates."""
    parts = list(split)
    if len(parts) not in (2, 3):
        yield f"split has {len(parts)} parts, but needs training, validation and perhaps test. Use [0.7, 0.1, 0.2]."
        return
    if all(isinstance(part, str) for part in parts):
        return  # read and compared where the stamps of the table are known
    if any(isinstance(part, bool | str) for part in parts):
        yield f"split is {shown(parts)}, but must be all shares, all numbers of rows or all dates. Use [0.7, 0.1, 0.2]."
        return
    numbers = [part for part in parts if isinstance(part, int | float)]
    if all(0.0 < number < 1.0 for number in numbers):
        total = sum(numbers)
        if total > 1.0 and not isclose(total, 1.0, rel_tol=1e-9):
            yield f"split is {shown(parts)}, but its shares sum to {total:g}. Let them sum to at most 1."
    elif not all(isfinite(number) and number >= 1 and number == int(number) for number in numbers):
        yield f"split is {shown(parts)}, but must be shares between 0 and 1, or numbers of rows. Use [0.7, 0.1, 0.2]."


def window_faults(context_length: int, window_stride: int, patch_length: int) -> Iterator[str]:
    """Want a history of at least two rows and not beyond what memory holds."""
    yield from whole("context_length", context_length, at_least=2)
    yield from whole("window_stride", window_stride, at_least=1)
    yield from whole("patch_length", patch_length, at_least=1)
    if context_length > MAX_CONTEXT:
        yield f"context_length is {context_length}, but must be at most {MAX_CONTEXT}. Choose another value."


def suited_to_season(season_rows: int, num_rows: int, patch_length: int | None = None) -> tuple[int, int]:
    """Give the history and the token, in rows, that suit a season, for a training part of `num_rows`.

    A token is one season where that is not too long, and the history holds two seasons at least and whole tokens.
    `patch_length` is the token where somebody has chosen it.
    """
    is_token = SHORTEST_SEASON <= season_rows <= LONGEST_SEASON
    patch = patch_length or (season_rows if is_token else PATCH_LENGTH)
    seasons = next((count * season_rows for count in (2, 1) if count * season_rows <= MOST_SEEN), 0)
    wanted = -(-max(CONTEXT_LENGTH, seasons) // patch)
    return patch * max(2, min(wanted, num_rows // SHARE_SEEN // patch)), patch


def calendar_faults(calendar: str | Sequence[str]) -> Iterator[str]:
    """Want known features, or "auto"."""
    for name in () if calendar == AUTO else [calendar] if isinstance(calendar, str) else calendar:
        if name not in CALENDAR:
            yield f"calendar {shown(name)} is not known. Choose among {', '.join(CALENDAR)}; {AUTO}, or [] for none."


def holiday_faults(places: Sequence[str]) -> Iterator[str]:
    """Want places that are written as such, each once; which of them there are, a package knows."""
    for place in places:
        if not PLACE.fullmatch(place):
            yield (
                f"holidays has {shown(place)}, but must name countries by capital letters, such as DE, and parts of"
                f" them behind a hyphen. {NORWAY if place == NO else 'DE-BY is Bavaria.'}"
            )
    if len(set(places)) < len(places):
        yield f"holidays is {shown(list(places))}, but names a place twice. Name each once."
