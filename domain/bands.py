"""Whether the bands of forecasts can be trusted, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.interval import UNKNOWN, Interval

PREFIX, USUAL, BETWEEN = "picp_", "picp_80", "between_"
NEAR = 0.05  # a band of 80 % that holds 75 to 85 % says about what it should
TELLING = 0.2  # a share known less well than within so much says nothing of a band


@dataclass(frozen=True)
class BandVerdict:
    """What became of a band that promised to hold one share and held another; `is_false` where it is plainly less."""

    promised: float
    held: float
    verdict: str
    is_false: bool = False

    @property
    def told(self) -> str:
        """Say it without a capital and without a full stop."""
        return f"the {100 * self.promised:g}% band held {self.held:.1%} of what came: {self.verdict}"


def judged_band(metrics: Mapping[str, Any], intervals: Mapping[str, Sequence[float]]) -> BandVerdict | None:
    """Judge the band of 80 %, or else the widest, by the share of values that it held; None without a band.

    `intervals` are the ends between which such shares lie, by their names. Where values lie at the ends of a band, as
    counts do, `between_80` is the share that it holds without them: no band holds just what it promises then.
    """
    names = [name for name in metrics if name.startswith(PREFIX) and metrics[name] == metrics[name]]
    if not names:
        return None
    name = USUAL if USUAL in names else max(names, key=lambda name: float(name.removeprefix(PREFIX)))
    level = name.removeprefix(PREFIX)
    interval = Interval(*intervals.get(name, UNKNOWN))
    return judged_share(float(level) / 100, metrics[name], interval, metrics.get(f"{BETWEEN}{level}"))


def judged_share(promised: float, held: float, interval: Interval, between: float | None = None) -> BandVerdict:
    """Judge a band that promises to hold one share and held another, and one without what lies at its ends."""
    low, high = max(interval.low, 0.0), min(interval.high, 1.0)
    is_telling = interval.is_known and high - low <= TELLING
    if is_telling and abs(held - promised) <= NEAR:
        return BandVerdict(promised, held, "to be trusted in times like these")
    if is_telling and between is not None and between <= promised < held:
        return BandVerdict(
            promised, held, f"to be trusted, for {between:.1%} lay between its ends and the rest at them"
        )
    if interval.is_known and promised > high and held < promised - NEAR:
        return BandVerdict(promised, held, "too narrow, do not trust it", is_false=True)
    if interval.is_known and promised < low and held > promised + NEAR:
        return BandVerdict(promised, held, "wider than it needs to be")
    if not is_telling:
        return BandVerdict(promised, held, "too few windows to trust it")
    return BandVerdict(promised, held, f"perhaps too {'narrow' if held < promised else 'wide'}")
