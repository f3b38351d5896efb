"""From a table of many series to the arrays that windows are cut from, and to the windows of each part."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from infrastructure.data.clock.stamps import commonest_step
from infrastructure.data.clock.time_zones import wall_clock
from infrastructure.data.panel.categories import MOST_CATEGORIES
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.panel.panel import Panel
from infrastructure.data.series.calendar import Calendar
from infrastructure.data.series.covariates import CovariateRecipe, Covariates
from infrastructure.data.series.naive import MOST_SEASONS_BACK
from infrastructure.data.series.season import DAY, MAX_PLACES, MAX_SERIES, Season, find_season
from infrastructure.data.series.series import Series, SeriesRecipe
from infrastructure.data.series.split import anchors_of_series
from infrastructure.data.some_rows import spread
from infrastructure.data.windowed.panel_scales import (
    Moments,
    as_ratios,
    never_negative,
    pooled_scaler,
    ratio_columns,
    scales_of_series,
    series_batches,
)

Vocabulary = Mapping[str, Sequence[str]]  # the texts of columns of categories, in the order of their numbers
LEAST_SEEN = 4  # a history holds at least one in so many of its rows; the others are masked


def least_history(context_length: int) -> int:
    """Give how many rows of a series must have been before it is forecast."""
    return max(2, -(-context_length // LEAST_SEEN))


@dataclass(frozen=True)
class Columns:
    """Where the columns of a panel stand that a model reads as numbers, and as categories: targets, past, known."""

    numbers: tuple[int, ...]
    num_known: int
    categories: tuple[int, ...]
    num_known_categories: int
    static: tuple[int, ...]
    static_categories: tuple[int, ...]

    @classmethod
    def of(cls, panel: Panel) -> "Columns":
        """Tell them apart by what was found to be a category."""
        first_known = len(panel.names) - panel.num_known
        is_category = [name in panel.categories for name in panel.names]
        numbers = [place for place, is_one in enumerate(is_category) if not is_one]
        categories = [place for place, is_one in enumerate(is_category) if is_one]
        of_static = [name in panel.categories for name in panel.static_names]
        return cls(
            tuple(numbers),
            sum(place >= first_known for place in numbers),
            tuple(categories),
            sum(place >= first_known for place in categories),
            tuple(place for place, is_one in enumerate(of_static) if not is_one),
            tuple(place for place, is_one in enumerate(of_static) if is_one),
        )

    def recipe(self, panel: Panel, ratios: Sequence[int], ends: np.ndarray) -> CovariateRecipe:
        """Say how they are read, by what the rows up to `ends` [S] hold, and the series that have any."""
        names, static_names = panel.names, panel.static_names
        of_series = panel.static[ends > panel.offsets[:-1]]
        static = Moments(len(self.static))
        static.add(of_series[:, list(self.static)])
        categories = tuple(names[place] for place in self.categories)
        static_categories = tuple(static_names[place] for place in self.static_categories)
        shared = _shared_columns(panel, ends)
        return CovariateRecipe(
            known=tuple(names[place] for place in self.numbers[len(self.numbers) - self.num_known :]),
            ratios=tuple(names[place] for place in ratios),
            categories=categories,
            num_known=self.num_known_categories,
            static=tuple(static_names[place] for place in self.static),
            static_scaler=static.scaler(),
            static_categories=static_categories,
            shared=tuple(shared),
            vocabulary=(
                *_seen_categories(panel, self.categories, ends),
                *(_texts(panel, static_names[place], of_series[:, place]) for place in self.static_categories),
                *shared.values(),
            ),
        )


def _shared_columns(panel: Panel, ends: np.ndarray) -> dict[str, tuple[str, ...]]:
    """Find the columns that tell series apart in which series agree, two on average at least: what they hold.

    Of shop and product, both say something of a series; a number of its own says nothing of any other.
    """
    ids = [panel.ids[number] for number in np.flatnonzero(ends > panel.offsets[:-1])]
    found = zip(panel.series_columns, (sorted({*texts}) for texts in zip(*ids, strict=True)), strict=False)
    return {name: tuple(texts) for name, texts in found if 2 * len(texts) <= len(ids) and len(texts) <= MOST_CATEGORIES}


def _seen_categories(panel: Panel, columns: Sequence[int], ends: np.ndarray) -> Iterator[tuple[str, ...]]:
    seen: list[set[float]] = [set() for _ in columns]
    for batch in series_batches(panel, columns) if columns else ():
        for codes, values in zip(seen, batch.up_to(ends, batch.values).T, strict=True):
            codes.update(np.unique(values).tolist())
    for codes, column in zip(seen, columns, strict=True):
        yield _texts(panel, panel.names[column], np.array(sorted(codes)))


def _texts(panel: Panel, name: str, codes: np.ndarray) -> tuple[str, ...]:
    """Give the texts that some numbers of a column of categories stand for, in their order."""
    return tuple(panel.categories[name][code - 1] for code in np.unique(codes[codes > 0]).astype(int))


def _coded(panel: Panel, name: str, codes: np.ndarray, known: Sequence[str]) -> np.ndarray:
    """Give the numbers in `known` for those of a panel, 0 for what is missing or not known."""
    numbers = np.array([0, *_numbers_in(known, panel.categories[name])], dtype=np.int32)
    return np.asarray(numbers[np.nan_to_num(codes).astype(np.int32)])


def _numbers_in(known: Sequence[str], texts: Iterable[str]) -> list[int]:
    number_of = {text: number for number, text in enumerate(known, 1)}
    return [number_of.get(text, 0) for text in texts]


def knowing(recipe: SeriesRecipe, vocabulary: Vocabulary, series_columns: Sequence[str]) -> SeriesRecipe:
    """Copy with the categories that a model knows: it has learnt what their numbers mean."""
    beside = recipe.covariates
    assert beside is not None
    if not vocabulary:
        return recipe
    texts = {**dict(zip(beside.coded, beside.vocabulary, strict=True)), **vocabulary}
    known = replace(beside, shared=tuple(name for name in series_columns if name in vocabulary))
    known = replace(known, vocabulary=tuple(tuple(texts[name]) for name in known.coded))
    return replace(recipe, covariates=known)


def panel_recipe(
    panel: Panel, ends: np.ndarray, calendar: Calendar, context_length: int, horizons: tuple[int, ...]
) -> SeriesRecipe:
    """Say how a panel is read, its scales measured on the rows up to `ends` [S]."""
    columns = Columns.of(panel)
    known = columns.numbers[len(columns.numbers) - columns.num_known :]
    ratios = ratio_columns(panel, known, ends) if known else []
    return SeriesRecipe(
        names=tuple(panel.names[place] for place in columns.numbers),
        num_targets=panel.num_targets,
        scaler=pooled_scaler(panel, columns.numbers, ratios, ends),
        calendar=calendar,
        context_length=context_length,
        horizons=horizons,
        covariates=replace(columns.recipe(panel, ratios, ends), ratio_targets=never_negative(panel, ends)),
    )


def series_of_panel(table: LongTable, recipe: SeriesRecipe, ends: np.ndarray) -> Series:
    """Make a panel ready, each series on the scale of its rows up to `ends` [S]."""
    panel, beside = table.series, recipe.covariates
    assert beside is not None
    columns = Columns.of(panel)
    num_targets = recipe.num_targets
    level, unit = scales_of_series(panel, num_targets, ends, recipe.target_scales)
    which = np.isin([panel.names[place] for place in columns.numbers], beside.ratios)
    mean, scale = np.array(recipe.scaler.mean), np.array(recipe.scaler.scale)
    values = np.empty((int(panel.offsets[-1]), len(columns.numbers)), dtype=np.float32)
    categories = np.zeros((len(values), len(columns.categories)), dtype=np.int32)
    for batch in series_batches(panel, columns.numbers):
        read = as_ratios(batch, which, ends)
        with np.errstate(over="ignore"):  # what fp32 cannot hold becomes infinite, and counts as missing
            own = level[batch.series][batch.number], unit[batch.series][batch.number]
            values[batch.rows, :num_targets] = (read[:, :num_targets] - own[0]) / own[1]
            values[batch.rows, num_targets:] = ((read - mean) / scale)[:, num_targets:]
    if columns.categories:
        for batch in series_batches(panel, columns.categories):
            for place, (name, known) in enumerate(zip(beside.categories, beside.vocabulary, strict=False)):
                categories[batch.rows, place] = _coded(panel, name, batch.values[:, place], known)
    observed = np.isfinite(values)
    values[~observed] = 0.0
    stamps, moments = np.unique(panel.stamps, return_inverse=True)
    static = beside.static_scaler.scaled(panel.static[:, list(columns.static)])
    static[~np.isfinite(static)] = 0.0
    return Series(
        values,
        observed,
        recipe.calendar.features(wall_clock(stamps, panel.zone)),
        num_targets,
        recipe,
        offsets=panel.offsets,
        moments=moments.astype(np.int32),
        level=level,
        unit=unit,
        covariates=Covariates(
            columns.num_known,
            columns.num_known_categories,
            categories,
            static,
            _static_categories(panel, columns.static_categories, beside),
        ),
    )


def _static_categories(panel: Panel, places: Sequence[int], beside: CovariateRecipe) -> np.ndarray:
    """Give the numbers [S, E] of what is a category in each series, and of what it shares with others."""
    vocabulary = iter(beside.vocabulary[len(beside.categories) :])
    found: list[Sequence[int] | np.ndarray] = [
        _coded(panel, panel.static_names[place], panel.static[:, place], next(vocabulary)) for place in places
    ]
    for name in beside.shared:
        column = panel.series_columns.index(name)
        found.append(_numbers_in(next(vocabulary), (series[column] for series in panel.ids)))
    return np.array(found, dtype=np.int32).reshape(-1, len(panel)).T


def places_in_series(table: LongTable) -> np.ndarray:
    """Count the places of the clock from the first of each series to its rows [N]; rows themselves without a clock."""
    panel = table.series
    start = np.repeat(panel.offsets[:-1], np.diff(panel.offsets))
    rows: np.ndarray = np.arange(len(panel.stamps)) - start
    if table.clock is None or table.clock.loose or not table.step:
        return rows
    if table.step < 28 * DAY:
        places = (panel.stamps - panel.stamps[start] + table.step // 2) // table.step
    else:
        places = table.clock.clock.places(panel.stamps)
        places = places - places[start]
    is_first = rows == 0
    return np.asarray(places) if np.all((np.diff(places, prepend=-1) > 0) | is_first) else rows


def apart(table: LongTable, places: np.ndarray, season: Season | None, reach: int) -> np.ndarray:
    """Move the places [N] of each series so far behind those before that no season reaches there."""
    panel = table.series
    last = places[panel.offsets[1:] - 1]
    room = reach + (MOST_SEASONS_BACK + 2) * (season.length if season else 1)
    shifts = np.concatenate(([0], np.cumsum(last[:-1] + room)))
    return np.asarray(places + np.repeat(shifts, np.diff(panel.offsets)))


def season_of_panel(table: LongTable, ends: np.ndarray, horizons: Sequence[int]) -> Season | None:
    """Find the season that the series have together, by some of them, on their rows up to `ends` [S]."""
    panel, step = table.series, table.step
    is_timed = table.clock is not None and not table.clock.loose and bool(step) and (step or 0) < 28 * DAY
    columns, places = [], []
    for number in spread(len(panel), MAX_SERIES):
        rows = slice(int(panel.offsets[number]), int(ends[number]))
        if rows.stop <= rows.start:
            continue
        stamps = np.asarray(panel.stamps[rows])
        places.append(stamps // (step or 1) if is_timed else np.arange(len(stamps)))
        columns.append(np.asarray(panel.values[rows, : panel.num_targets]))
    if not columns:
        return None
    first = max(min(int(of[0]) for of in places), max(int(of[-1]) for of in places) + 1 - MAX_PLACES)
    length = max(int(of[-1]) for of in places) + 1 - first
    grid = np.full((length, len(columns) * panel.num_targets), np.nan)
    for number, (of, values) in enumerate(zip(places, columns, strict=True)):
        inside = of >= first
        here = slice(number * panel.num_targets, (number + 1) * panel.num_targets)
        grid[of[inside] - first, here] = values[inside]
    there = np.flatnonzero(np.isfinite(grid).any(axis=1))
    return find_season(grid[there], there, step, horizons) if len(there) else None


def changes_of_series(
    table: LongTable, places: np.ndarray, ends: np.ndarray, season: Season | None, unit: np.ndarray
) -> np.ndarray:
    """Give the mean absolute change of each target of each series over a season [S, T], in its units.

    Over a row where there is no season; NaN for one that is never seen twice so far apart. `places` [N] are as `apart`
    gives them, and rows up to `ends` [S] count.
    """
    panel = table.series
    back = season.length if season else 1
    changes = np.full((len(panel), panel.num_targets), np.nan)
    for batch in series_batches(panel, range(panel.num_targets)):
        here = places[batch.rows]
        before = np.searchsorted(here, here - back)
        values = batch.up_to(ends, batch.values)
        with np.errstate(over="ignore"):  # of values near the limits of fp64
            differences = np.abs(values - values[before]) / unit[batch.series][batch.number]
        differences[here[before] != here - back] = np.nan
        known = np.isfinite(differences)
        count = np.add.reduceat(known.astype(np.int64), batch.starts, axis=0)
        total = np.add.reduceat(np.where(known, differences, 0.0), batch.starts, axis=0)
        np.divide(total, count, out=changes[batch.series], where=count > 0)
    return changes


def series_that_change(panel: Panel, target: int, ends: np.ndarray) -> np.ndarray:
    """Tell of each series [S] whether a target takes more than one value in its rows up to `ends` [S]."""
    found = np.zeros(len(panel), dtype=bool)
    for batch in series_batches(panel, [target]):
        values = batch.up_to(ends, batch.values)[:, 0]
        low, high = (extreme.reduceat(values, batch.starts) for extreme in (np.fmin, np.fmax))
        found[batch.series] = low < high
    return found


def training_stamps(table: LongTable, end: int) -> tuple[np.ndarray, int | None]:
    """Give the distinct stamps before `end` on the wall clock, and their commonest distance."""
    times = np.unique(table.series.stamps)
    past = wall_clock(times[times < end], table.zone)
    return past, commonest_step(past)


def in_order_of_time(table: LongTable, anchors: np.ndarray) -> np.ndarray:
    """Put anchors [N] in the order of their stamps: windows of different series at one time are one piece of news."""
    return anchors[np.argsort(table.series.stamps[anchors], kind="stable")]


def all_anchors(table: LongTable, context_length: int, reach: int) -> np.ndarray:
    """Give the anchors of every window of a panel in the order of time."""
    offsets = table.series.offsets
    found = anchors_of_series(offsets[:-1], offsets[:-1], offsets[1:], least_history(context_length), reach)
    return in_order_of_time(table, found)
