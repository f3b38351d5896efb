"""Where values stand along an axis, and which of them are named."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infrastructure.reports.page.blocks import Axis

# Steps of a scale that people count in.
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
_MAX_TICKS = 6
_MARGIN = 0.04
_LARGEST = 1e300  # differences of such values are still numbers
_LEAST_SPAN = 1e-9  # of the values themselves: what lies closer is rounding
_LEAST_DIGITS, _MOST_DIGITS = 4, 17
_TOO_LONG = 1e6  # beside an axis; from here on written with a power of ten
_ZERO_FROM = 0.6  # an axis begins at zero when the smallest value is below this share of the largest


@dataclass(frozen=True)
class Tick:
    """A named place, `at` its share of the way along the axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Scale:
    """Turns values into shares of the way along an axis; `is_zoomed` says that it does not begin at zero."""

    low: float
    high: float
    log: bool
    ticks: tuple[Tick, ...]
    is_zoomed: bool

    def place(self, value: float) -> float:
        """Give the share of the way, outside 0 and 1 for what lies beyond."""
        if self.log:
            return (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        return (value - self.low) / (self.high - self.low)


def has_place(value: float, log: bool) -> bool:
    """Tell whether a value can stand on an axis: it is finite and far from overflow; on a log scale it is positive."""
    return abs(value) <= _LARGEST and (not log or value >= 1 / _LARGEST)


def fitted(axis: Axis, values: Iterable[float], along: bool) -> Scale:
    """Fit a scale to values; one along the page ends with them, one up the page leaves a margin.

    Values without a place are left out, and values that are all alike stand in the midst.
    """
    known = [value if abs(value) >= 1 / _LARGEST else 0.0 for value in values if has_place(value, axis.log)]
    low, high = (min(known), max(known)) if known else (1.0, 2.0)
    if axis.log:
        return _log_scale(low / 1.1, high * 1.1)
    is_zoomed = not along
    if not along:
        if 0 <= low < _ZERO_FROM * high:
            low, is_zoomed = 0.0, False
        elif low < 0:
            is_zoomed = False
        room = (high - low or abs(high) or 1.0) * _MARGIN
        low, high = (low if low == 0.0 else low - room), high + room
    if high - low <= _LEAST_SPAN * max(abs(low), abs(high)):
        half = max(0.5, _LEAST_SPAN * abs(low))
        low, high = low - half, high + half
    # Between whole numbers, such as steps ahead, there is nothing to name.
    are_whole = along and not axis.share and all(value % 1 == 0 for value in known)
    named = axis.ticks or _named(round_values(low, high, are_whole), axis.share)
    span = high - low
    ticks = tuple(Tick((value - low) / span, text) for value, text in named if low <= value <= high)
    return Scale(low, high, False, ticks, is_zoomed)


def round_values(low: float, high: float, are_whole: bool = False) -> Sequence[float]:
    """Choose at most six round numbers within a range, as far apart as each other; whole ones need a range of 1."""
    rough = (high - low) / _MAX_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    steps = (power * factor for factor in _ROUND if power * factor >= rough * 0.999)
    step = next(step for step in steps if not are_whole or step % 1 == 0)
    first = math.ceil(low / step - 1e-9)
    digits = max(0, 12 - math.floor(math.log10(step)))
    return [round(step * number, digits) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_scale(low: float, high: float) -> Scale:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 2, 5) if last - first <= 3 else (1,)
    values = [10.0**power * factor for power in range(first, last + 1) for factor in factors]
    span = math.log10(high) - math.log10(low)
    inside = [value for value in values if low <= value <= high]
    stride = math.ceil(len(inside) / (_MAX_TICKS + 2)) or 1
    ticks = tuple(Tick((math.log10(value) - math.log10(low)) / span, _written(value)) for value in inside[::stride])
    return Scale(low, high, True, ticks, is_zoomed=False)


def _named(values: Sequence[float], share: bool) -> list[tuple[float, str]]:
    """Write values with as many digits as tell each from the next; a price of 1,234.5 needs more than four."""
    for digits in range(_LEAST_DIGITS, _MOST_DIGITS):
        names = [_written(value, share, digits) for value in values]
        if len(set(names)) == len(names):
            break
    return list(zip(values, names, strict=True))


def _written(value: float, share: bool = False, digits: int = _LEAST_DIGITS) -> str:
    if share:
        return f"{100 * value:.{digits}g} %"
    if 1000 <= abs(value) < _TOO_LONG:
        return f"{value:,.{max(0, digits - len(str(int(abs(value)))))}f}"
    return f"{value:.{digits}g}"
