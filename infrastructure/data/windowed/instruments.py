"""From many instruments to windows in three parts: one model over all, no window across the border between two."""

from dataclasses import replace

import numpy as np

from application.training import SeriesTraining
from domain.exceptions import DatasetError
from domain.forecast import steps_ahead
from domain.showing import counted
from infrastructure.data.clock.time_zones import wall_clock
from infrastructure.data.panel.ids import named
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.panel.order import SHOWN
from infrastructure.data.series.calendar import suitable_calendar
from infrastructure.data.series.scaler import Scaler
from infrastructure.data.series.series import Series, SeriesRecipe
from infrastructure.data.series.split import PARTS, WHOLE, anchors_of_series, part_ends_of_series, window_faults
from infrastructure.data.series.windows import Windows
from infrastructure.data.windowed.panel_series import all_anchors, in_order_of_time, least_history, training_stamps
from infrastructure.data.windowed.panels import MOST_JUDGED
from infrastructure.data.windowed.parts import Inputs, SplitSeries


def split_instruments(request: SeriesTraining, table: LongTable, inputs: Inputs) -> SplitSeries:
    """Cut all instruments at the same times, measure one scale on the training part of all, make windows.

    Features of markets are changes and mean the same whatever the price. Raises: DatasetError.
    """
    panel, ends = table.series, part_ends_of_series(table, request.split)
    longest = int((ends[0] - panel.offsets[:-1]).max())
    if request.volatility_window is not None and request.volatility_window >= longest:
        raise DatasetError(
            f"volatility_window is {request.volatility_window:,}, but no instrument has more than"
            f" {counted(longest, 'row')} in the training part.",
            remedy="Lower volatility_window, or give longer series or another split.",
        )
    last_time = max(int(panel.stamps[end - 1]) for end in ends[0] if end) + 1
    is_past = np.arange(len(panel.stamps)) < np.repeat(ends[0], np.diff(panel.offsets))
    recipe = SeriesRecipe(
        names=inputs.names,
        num_targets=inputs.num_targets,
        scaler=Scaler.fit(inputs.columns[is_past]),
        calendar=suitable_calendar(request.calendar, *training_stamps(table, last_time), request.holidays or ()),
        context_length=request.context_length,
        horizons=steps_ahead(request.horizons),
    )
    series, least, reach = (
        series_of_instruments(table, inputs, recipe),
        least_history(recipe.context_length),
        max(recipe.horizons),
    )
    windows: list[Windows] = []
    faults: list[str] = []
    for number, (part, start, end) in enumerate(zip(PARTS, (panel.offsets[:-1], *ends), ends, strict=False)):
        stride = request.window_stride if number == 0 else 1
        anchors = in_order_of_time(table, anchors_of_series(panel.offsets[:-1], start, end, least, reach, stride))
        windows.append(_windows(table, inputs, recipe, series, anchors))
        faults += window_faults(windows[-1], part, int((end - start).max()))
    if faults:
        raise DatasetError.of(faults)
    return SplitSeries(
        table,
        recipe,
        windows[2] if len(windows) > 2 else None,
        train=windows[0],
        evaluation=windows[1],
        warnings=(*table.warnings, *_unlearnt(table, windows[0])),
    )


def judged(windows: Windows, part: str) -> tuple[Windows, tuple[str, ...]]:
    """Give at most so many windows of many instruments as are judged of any table of many series, and say so."""
    if not isinstance(windows.table, LongTable) or len(windows) <= MOST_JUDGED:
        return windows, ()
    told = f"{windows.table.path.name}: {MOST_JUDGED:,} of {len(windows):,} windows of the {part} are scored."
    return windows.few(MOST_JUDGED), (told,)


def all_windows_of_instruments(table: LongTable, inputs: Inputs, recipe: SeriesRecipe) -> Windows:
    """Make every window of instruments for a recipe that is known. Raises: DatasetError when there is none."""
    series = series_of_instruments(table, inputs, recipe)
    anchors = all_anchors(table, recipe.context_length, max(recipe.horizons))
    made = _windows(table, inputs, recipe, series, anchors)
    for fault in window_faults(made, WHOLE, int(np.diff(table.series.offsets).max())):
        raise DatasetError(fault)
    made.warnings = table.warnings
    return made


def series_of_instruments(table: LongTable, inputs: Inputs, recipe: SeriesRecipe) -> Series:
    """Make the inputs of instruments ready, one behind the other."""
    panel = table.series
    times, moments = np.unique(panel.stamps, return_inverse=True)
    series = recipe.series(inputs.columns, None)
    calendar = recipe.calendar.features(wall_clock(times, panel.zone))
    return replace(series, calendar=calendar, offsets=panel.offsets, moments=moments.astype(np.int32))


def _windows(table: LongTable, inputs: Inputs, recipe: SeriesRecipe, series: Series, anchors: np.ndarray) -> Windows:
    place = recipe.context_length, recipe.horizons, table.path.name, table.sha256
    return Windows(series, anchors, *place, inputs.labels, table)


def _unlearnt(table: LongTable, train: Windows) -> tuple[str, ...]:
    """Say which instruments have no window that is learnt from."""
    panel = table.series
    counts = np.bincount(train.series.numbers_of(train.anchors), minlength=len(panel))
    without = np.flatnonzero(counts == 0)
    if not len(without):
        return ()
    shown = "; ".join(named(panel.ids[number]) for number in without[:SHOWN])
    more = "; ..." if len(without) > SHOWN else ""
    return (
        f"{table.path.name}: nothing is learnt from {len(without):,} of {len(panel):,} series, which have no window in"
        f" the training part: {shown}{more}.",
    )
