"""Which series and which windows are forecast worst."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from infrastructure.data.series.naive import SEASONAL
from infrastructure.reports.page.blocks import Block, Cell, Column, Table
from infrastructure.tasks.series.page.seen import STANDARDISED, OneSeries, Seen

MAX_MISSES = 50
_MOST_LOOKED_AT = 100_000


def errors_by_series(seen: Seen, per_target: Mapping[str, Mapping[str, Any]]) -> list[Block]:
    """List the metrics of each series, over all windows."""
    share = next((name for name in next(iter(per_target.values())) if name.startswith("picp_")), None)
    columns = [Column("series"), Column("mean absolute error", "number"), Column("of repeat last", "number")]
    columns += [Column("less than repeat last", "share"), Column("pinball loss", "number")]
    seasonal = f"{SEASONAL}_mae"
    is_seasonal = all(seasonal in found for found in per_target.values())
    columns += [Column("of seasonal naive", "number")] if is_seasonal else []
    if share is not None:
        columns.append(Column(f"within {share.removeprefix('picp_')} %", "share"))
    columns.append(Column("mean absolute error, in its unit", "number"))
    rows: list[list[Cell]] = []
    for place, name in enumerate(seen.names):
        found = per_target[name]
        error, repeat = found["mae"], found["repeat_last_mae"]
        row: list[Cell] = [name, error, repeat, 1 - error / repeat if repeat else None, found["loss"]]
        row += [found[seasonal]] if is_seasonal else []
        row += [] if share is None else [found[share]]
        rows.append([*row, error * seen.recipe.target_scales[place]])
    return [Table(f"Errors by series, in {STANDARDISED}", columns, rows)]


def misses(seen: Seen) -> list[Block]:
    """List the windows and series with the largest errors."""
    alone = len(seen.each) == 1
    columns = [Column("forecast made after"), *([] if alone else [Column("series")])]
    columns += [Column(name, "number") for name in ("mean absolute error, in its unit", "in deviations", "times usual")]
    rows: list[list[Cell]] = []
    for place, one, error in _largest(seen):
        row: list[Cell] = [seen.clock.name(int(seen.anchors[place])), *([] if alone else [one.name])]
        usual = float(np.nanmedian(seen.error_of_windows[one.places, one.target]))
        times = error / usual if usual > 0 else None
        window = seen.windows.row_id(int(seen.rows[place]))
        rows.append([*row, error * seen.deviation(one), error, times, window])
    caption = "Windows with the largest errors; of those that overlap the worst one"
    return [Table(caption, [*columns, Column("window")], rows, rows_shown=10)]


def _largest(seen: Seen) -> Iterator[tuple[int, OneSeries, float]]:
    """Give window, series and mean absolute error where that is largest, of windows that overlap the worst alone."""
    errors = np.nan_to_num(seen.error_of_windows, nan=-1.0)
    each = {(one.number, one.target): one for one in seen.each}
    reach = int(seen.horizons[-1])
    taken: dict[tuple[int, int], list[int]] = {}
    count = 0
    for flat in np.argsort(-errors, axis=None, kind="stable")[:_MOST_LOOKED_AT].tolist():
        place, target = divmod(flat, errors.shape[1])
        anchor, series = int(seen.anchors[place]), (int(seen.numbers[place]), target)
        if errors[place, target] < 0 or count == MAX_MISSES:
            return
        if all(abs(anchor - other) >= reach for other in taken.setdefault(series, [])):
            taken[series].append(anchor)
            count += 1
            yield place, each[series], float(errors[place, target])
