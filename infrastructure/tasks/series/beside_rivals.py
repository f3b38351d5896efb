"""Whether forecasts are worth more than those that need no model, and what usually helps where they are not."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from application.training import QuantileTraining
from domain.headlines import BASELINES
from domain.interval import UNKNOWN, Interval
from domain.metrics import is_undefined
from domain.rivals import rival_told
from infrastructure.data.windowed.parts import SplitSeries, lacks_rows
from infrastructure.statistics.ratios import interval_of_windows
from infrastructure.tasks.scored import Outcomes
from infrastructure.tasks.series.scoring.metrics import KNOWN
from infrastructure.tasks.series.scoring.rivals import RIVALS

METRIC = "mae"  # a rival is one number, and by it a band counts for nothing


def beside_rivals(
    request: QuantileTraining, dataset: SplitSeries, metrics: Mapping[str, Any], outcomes: Outcomes, overlap: int
) -> Sequence[str]:
    """Say it where the best rival does as well in the MAE, or cannot be told apart by the windows, and what helps.

    The two are compared window by window; `overlap` successive ones share targets.
    """
    reached = ((name, metrics.get(f"{name}_{METRIC}")) for name in RIVALS)
    known = {name: float(value) for name, value in reached if value is not None and not is_undefined(value)}
    if request.quick or is_undefined(metrics.get(METRIC)) or not known:
        return ()
    best = min(known, key=lambda name: known[name])
    points = outcomes[KNOWN]
    less = interval_of_windows((outcomes[METRIC] - outcomes[f"{best}_{METRIC}"]) * points, points, overlap)
    beside = Interval(known[best] + less.low, known[best] + less.high) if less.is_known else UNKNOWN
    told = rival_told(METRIC, float(metrics[METRIC]), {BASELINES[best]: known[best]}, request.words, beside)
    if not told:
        return ()
    helps = list(_helps(request, dataset))
    return (f"{told} What usually helps: {', '.join(helps)}." if helps else told,)


def _helps(request: QuantileTraining, dataset: SplitSeries) -> Iterator[str]:
    season = dataset.season
    if request.gaps == "keep" and lacks_rows(dataset.table):
        yield "gaps=fill, for rows are missing and a horizon counts rows"
    if season is None:
        yield f"a longer history (context_length={2 * request.context_length})"
        return
    if request.context_length < 2 * season.rows:
        yield f"a history of two seasons (context_length={2 * season.rows})"
    if request.patch_length != season.rows:
        yield f"one season a token (patch_length={season.rows})"
