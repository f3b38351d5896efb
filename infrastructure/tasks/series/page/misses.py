"""Which series and which windows are forecast worst."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from infrastructure.data.series.naive import SEASONAL
from infrastructure.reports.page.blocks import Block, Cell, Column, Paragraph, Table
from infrastructure.tasks.series.page.seen import STANDARDISED, OneSeries, Seen

MAX_MISSES = MAX_SHOWN = 50
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


def errors_of_many(per_series: Mapping[str, Sequence[Any]], seen: Seen) -> list[Block]:
    """List the scores of the series of a long table, over all windows; of many the worst ones and the best ones.

    `per_series` are columns as `SeriesNames` gives them.
    """
    of_rivals = {f"{SEASONAL}_mae_original": "seasonal naive", "repeat_last_mae_original": "repeat last"}
    rival, called = next((name, called) for name, called in of_rivals.items() if name in per_series)
    share = next((name for name in ("picp_80", *per_series) if name in per_series and name.startswith("picp_")), None)
    shown = {
        "num_windows": Column("windows", "count"),
        "mae_original": Column("mean absolute error, in its unit", "number"),
        rival: Column(f"of {called}", "number"),
        "less": Column(f"less than {called}", "share"),
        "mase": Column("MASE", "number"),
        "wql": Column("WQL", "number"),
        "loss": Column("pinball loss, standardised", "number"),
    }
    if share is not None:
        shown[share] = Column(f"within {share.removeprefix('picp_')} %", "share")
    names = list(per_series)[: list(per_series).index("num_windows")]
    cells = dict(per_series)
    ours_and_theirs = zip(per_series["mae_original"], per_series[rival], strict=True)
    cells["less"] = [None if ours is None or not theirs else 1 - ours / theirs for ours, theirs in ours_and_theirs]
    order = _from_worst(per_series)
    told = []
    if len(order) > 2 * MAX_SHOWN:
        sentence = f"The {MAX_SHOWN} worst and the {MAX_SHOWN} best of {len(order):,} by MASE are listed."
        told = [Paragraph(sentence, "note")]
        order = [*order[:MAX_SHOWN], *order[-MAX_SHOWN:]]
    series = [", ".join(str(cells[name][row]) for name in names) or seen.names[0] for row in order]
    rows = [[name, *(cells[column][row] for column in shown)] for name, row in zip(series, order, strict=True)]
    return [*told, Table("Errors by series, the worst first", [Column("series"), *shown.values()], rows, rows_shown=10)]


def _from_worst(per_series: Mapping[str, Sequence[Any]]) -> list[int]:
    """Put rows in the order of their MASE, and those that have none behind them in that of their error."""
    keys = [
        (-mase, 0.0) if mase is not None else (np.inf, -(error or 0.0))
        for mase, error in zip(per_series["mase"], per_series["mae"], strict=True)
    ]
    return sorted(range(len(keys)), key=keys.__getitem__)


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
