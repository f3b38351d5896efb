"""Whether errors still hold a season: their means by hour, weekday, day of the month and month."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from domain.interval import CONFIDENCE
from infrastructure.data.clock.clocks import month_of
from infrastructure.data.clock.stamps import DAY
from infrastructure.reports.page.blocks import Axis, Band, Block, Cell, Chart, Choice, Column, Line, Paragraph, Table
from infrastructure.statistics.cycles import PhaseMeans, phase_means
from infrastructure.tasks.series.page.seen import Seen, listed, points

HOUR, WEEK, MONTH, YEAR = DAY // 24, 7 * DAY, 30 * DAY, 365 * DAY
MAX_SERIES = 50  # looked at one by one
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NOT_SYMMETRIC = "Where values are skewed, a median that is right leaves such means too."


@dataclass(frozen=True)
class Season:
    """A cycle of the clock: rows `step` apart and closer tell it, and stamps [N] lie in a cycle and a phase of it."""

    name: str
    length: int
    longest_step: int
    cycle: Callable[[np.ndarray], np.ndarray]
    phase: Callable[[np.ndarray], np.ndarray]
    text: Callable[[int], str]


SEASONS = (
    Season("hour of the day", DAY, 8 * HOUR, lambda at: at // DAY, lambda at: at % DAY // HOUR, lambda h: f"{h:02}:00"),
    # The first of January 1970 was a Thursday.
    Season(
        "weekday",
        WEEK,
        DAY,
        lambda at: (at // DAY + 3) // 7,
        lambda at: (at // DAY + 3) % 7,
        lambda day: _WEEKDAYS[day],
    ),
    Season("day of the month", MONTH, DAY, month_of, lambda at: _day_of_month(at), lambda day: f"day {day}"),
    Season("month", YEAR, 31 * DAY, lambda at: month_of(at) // 12, lambda at: month_of(at) % 12, lambda m: _MONTHS[m]),
)


def _day_of_month(at: np.ndarray) -> np.ndarray:
    days = at.astype("datetime64[us]").astype("datetime64[D]")
    return np.asarray((days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1)


def seasons(seen: Seen) -> list[Block]:
    """Draw mean errors by the phases that the clock has, and say in words which stand out."""
    table = seen.windows.table
    if table is None or table.wall is None or not table.step:
        return [Paragraph("The table has no clock, so errors cannot be told by hour, weekday or month.", "note")]
    step: int = table.step
    asked = [season for season in SEASONS if step <= season.longest_step]
    rows, errors = _by_row(seen)
    times = table.wall[rows]
    found = {season: _means(seen, season, step, times, _together(errors), len(asked)) for season in asked}
    told = {season: means for season, means in found.items() if means is not None}
    too_short = [season.name for season in asked if season not in told]
    blocks: list[Block] = [Paragraph(sentence) for sentence in _sentences(seen, told, errors)]
    if too_short:
        blocks.append(Paragraph(f"There are too few cycles to tell errors by {listed(too_short)}.", "note"))
    if told:
        views = {season.name: _chart(seen, season, means) for season, means in told.items()}
        blocks.append(Choice("Mean error by", views))
    if told and 1 < len(seen.each) <= MAX_SERIES:
        blocks += _of_series(seen, list(told), step, rows, times, errors)
    return blocks


def _by_row(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Average the errors of all windows that forecast a row: rows [R] and errors [R, T], NaN where none is known."""
    rows = seen.anchors[:, None] + seen.horizons  # [K, H]
    kinds, place = np.unique(rows, return_inverse=True)
    place = place.reshape(-1)
    errors = np.full((len(kinds), len(seen.names)), np.nan)
    in_units = seen.errors * seen.units[..., None]
    for target in range(len(seen.names)):
        known = seen.known[:, target].reshape(-1)
        sums = np.bincount(place[known], in_units[:, target].reshape(-1)[known], len(kinds))
        counts = np.bincount(place[known], minlength=len(kinds))
        np.divide(sums, counts, out=errors[:, target], where=counts > 0)
    return kinds, errors


def _together(errors: np.ndarray) -> np.ndarray:
    """Average errors [R, T] over the series that are known: [R]."""
    known = np.isfinite(errors)
    counts = known.sum(axis=1)
    return np.divide(np.sum(errors, axis=1, where=known), counts, out=np.full(len(errors), np.nan), where=counts > 0)


def _means(
    seen: Seen, season: Season, step: int, times: np.ndarray, errors: np.ndarray, num_asked: int
) -> PhaseMeans | None:
    reach = int(seen.horizons[-1]) * step / season.length  # in cycles: so far do forecasts hang together
    together = 1 if reach < 0.25 else int(np.ceil(reach)) + 1
    confidence = 1 - (1 - CONFIDENCE) / num_asked  # that none of all stands out by chance
    return phase_means(errors, season.cycle(times), season.phase(times), together, confidence)


def _sentences(seen: Seen, told: dict[Season, PhaseMeans], errors: np.ndarray) -> Iterator[str]:
    mean = float(np.nanmean(errors)) if np.isfinite(errors).any() else float("nan")
    side = "above" if mean > 0 else "below"
    yield f"On average what came lies {abs(mean):.3g} {side} the median, {seen.unit}."
    standing = [(season, means) for season, means in told.items() if means.stands_out.any()]
    for season, means in standing:
        high, low = int(np.argmax(means.means)), int(np.argmin(means.means))
        yield (
            f"Errors still hold a season by {season.name}: what comes is highest beside the median at"
            f" {season.text(int(means.phases[high]))} ({means.means[high]:+.3g}) and lowest at"
            f" {season.text(int(means.phases[low]))} ({means.means[low]:+.3g}). {_NOT_SYMMETRIC}"
        )
    if told and not standing:
        names = listed([season.name for season in told])
        yield f"No season stands out in what is left, by {names}: nothing that chance would not bring."


def _chart(seen: Seen, season: Season, means: PhaseMeans) -> Chart:
    x = means.phases.astype(float).tolist()
    stride = -(-len(x) // 8)
    ticks = [(x[at], season.text(int(means.phases[at]))) for at in range(0, len(x), stride)]
    line = points(means.means)
    found = "One or more stand out." if means.stands_out.any() else "None stands out."
    return Chart(
        f"Mean error by {season.name}, less that of the whole {_whole(season)}",
        Axis(season.name, ticks=ticks),
        Axis(f"what came less the median, {seen.unit}"),
        [
            Line("", [x[0], x[-1]], [0.0, 0.0], 2, "dashed"),
            Line("mean error", x, line, 0),
            Line("", x, line, 0, "dots"),
        ],
        f"Mean errors by {season.name}, with the margin that holds all of them together. {found}",
        [Band("within the margin of chance", x, points(-means.margins), points(means.margins), 3, 0.18)],
    )


def _whole(season: Season) -> str:
    return {DAY: "day", WEEK: "week", MONTH: "month", YEAR: "year"}[season.length]


def _of_series(
    seen: Seen, asked: list[Season], step: int, rows: np.ndarray, times: np.ndarray, errors: np.ndarray
) -> list[Block]:
    """List the series whose own errors hold a season."""
    found: list[list[Cell]] = []
    for one in seen.each:
        here = slice(*np.searchsorted(rows, seen.rows_of(one)))
        for season in asked:
            own = errors[here, one.target]
            means = _means(seen, season, step, times[here], own, len(asked) * len(seen.each))
            if means is not None and means.stands_out.any():
                largest = int(np.argmax(np.abs(means.means)))
                place = season.text(int(means.phases[largest]))
                found.append([one.name, season.name, place, float(means.means[largest])])
    if not found:
        return [Paragraph("Nor does one stand out in a series by itself.")]
    columns = [Column("series"), Column("season"), Column("largest at"), Column("mean error", "number")]
    return [Table(f"Series whose errors hold a season; errors {seen.unit}", columns, found)]
