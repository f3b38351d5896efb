"""Whether the bands of forecasts can be trusted, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.interval import UNKNOWN, Interval

PREFIX, USUAL = "picp_", "picp_80"
NEAR = 0.05  # a band of 80 % that holds 75 to 85 % says about what it should
TELLING = 0.2  # a share known less well than within so much says nothing of a band


@dataclass(frozen=True)
class BandVerdict:
    """What became of a band, as a sentence; `is_false` where it holds plainly less than it says."""

    told: str
    is_false: bool = False


def judged_band(metrics: Mapping[str, Any], intervals: Mapping[str, Sequence[float]]) -> BandVerdict | None:
    """Judge the band of 80 %, or else the widest, by the share of values that it held; None without a band.

    `intervals` are the ends between which such shares lie, by their names.
    """
    names = [name for name in metrics if name.startswith(PREFIX) and metrics[name] == metrics[name]]
    if not names:
        return None
    name = USUAL if USUAL in names else max(names, key=lambda name: float(name.removeprefix(PREFIX)))
    return judged_share(float(name.removeprefix(PREFIX)) / 100, metrics[name], Interval(*intervals.get(name, UNKNOWN)))


def judged_share(promised: float, held: float, interval: Interval) -> BandVerdict:
    """Judge a band that promises to hold one share and held another."""
    found = f"the {100 * promised:g}% band held {held:.1%} of what came"
    low, high = max(interval.low, 0.0), min(interval.high, 1.0)
    is_telling = interval.is_known and high - low <= TELLING
    if is_telling and abs(held - promised) <= NEAR:
        return BandVerdict(f"{found}: it can be trusted, for times like these")
    if interval.is_known and promised > high and held < promised - NEAR:
        return BandVerdict(f"{found}: it is too narrow, do not trust it", is_false=True)
    if interval.is_known and promised < low and held > promised + NEAR:
        return BandVerdict(f"{found}: it is wider than it needs to be")
    if not is_telling:
        return BandVerdict(f"{found}, and there are too few windows to say whether it can be trusted")
    side = "narrow" if held < promised else "wide"
    return BandVerdict(f"{found}: perhaps too {side}, and more windows would tell")
