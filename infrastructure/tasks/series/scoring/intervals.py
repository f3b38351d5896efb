"""How sure the scores of forecasts are."""

from domain.interval import Interval
from infrastructure.statistics.ratios import interval_of_windows
from infrastructure.tasks.scored import Outcomes
from infrastructure.tasks.series.scoring.metrics import KNOWN, POINTS
from infrastructure.tasks.series.scoring.rivals import RIVALS


def intervals_of_forecasts(outcomes: Outcomes, overlap: int) -> dict[str, Interval]:
    """Give the interval of each score that windows in the order of time have; `overlap` successive ones share targets.

    Of a score that `outcomes` has by window: the others are of single quantiles, horizons or targets.
    """
    intervals = {}
    for name, means in outcomes.items():
        if name not in (POINTS, KNOWN):
            points = outcomes[KNOWN if name.startswith(RIVALS) else POINTS]
            intervals[name] = interval_of_windows(means * points, points, overlap)
    return intervals
