"""What the values of targets can be: what settings say, and what the training part shows where they leave it open."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import ceil, floor
from typing import Any

import numpy as np

from application.groups.values import ValueSettings
from application.training import QuantileTraining
from domain.exceptions import DatasetError
from domain.values import AUTO, LEAST_ZEROS, LOG, NONE, PLAIN, for_each
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.series.scaler import CHUNK_ROWS
from infrastructure.data.series.series import Series, SeriesRecipe
from infrastructure.data.series.target_values import TargetValues
from infrastructure.data.series.value_scale import ValueScale, suits_log
from infrastructure.data.some_rows import spread
from infrastructure.data.table.table import Table
from infrastructure.data.windowed.names import listed

MOST_VALUES = 1_000_000  # are looked at for a scale; more would say the same


def with_values(
    request: QuantileTraining, table: Table, series: Series, columns: np.ndarray, is_past: np.ndarray
) -> Series:
    """Say what values of the targets, `columns` [N, T], can be and on which scale they are learnt: in the recipe.

    The rows that are past [N], of the training part, tell of `auto`. Raises: ConfigurationError for another number of
    values than of targets, DatasetError where the table holds what settings say cannot be.
    """
    recipe = series.recipe
    assert recipe is not None
    said = [for_each(name, getattr(request, name), recipe.target_names) for name in ValueSettings.model_fields]
    faults = [
        fault
        for name, column, *of_target in zip(recipe.target_names, columns.T, *said, strict=True)
        for fault in _contradictions(table, name, column, *of_target)
    ]
    if faults:
        raise DatasetError.of(faults)
    values: list[TargetValues] = []
    scales: list[ValueScale] = []
    for number, (low, high, whole, kind) in enumerate(zip(*said, strict=True)):
        scales.append(_scale_of(series, number, is_past, kind))
        if low == AUTO and scales[-1].kind == LOG:
            low = 0.0
        values.append(_of_target(columns[:, number], is_past, low, high, whole))
    mapped = tuple(scales) if any(scale.kind != PLAIN for scale in scales) else ()
    return replace(series, recipe=replace(recipe, values=tuple(values), scales=mapped))


def facts_of_values(recipe: SeriesRecipe) -> Iterator[tuple[str, str]]:
    """Say in a line each what forecasts are kept to, and on which scale they are learnt where it is another."""
    targets = recipe.target_names
    if told := _told_of_each(targets, [str(of) if not of.are_free else "" for of in recipe.values]):
        yield "values", f"{told} (floor, ceiling, integers)"
    if told := _told_of_each(targets, [scale.kind if scale.kind != PLAIN else "" for scale in recipe.scales]):
        yield "scale", f"{told} (value_scale), that of train_loss and of no score"


def _told_of_each(targets: Sequence[str], told: Sequence[str]) -> str:
    """Name the targets of which the same is told, those of which nothing is aside."""
    of_each: dict[str, list[str]] = {}
    for target, sentence in zip(targets, told, strict=False):
        if sentence:
            of_each.setdefault(sentence, []).append(target)
    return "; ".join(f"{listed(names)}: {sentence}" for sentence, names in of_each.items())


def beyond_told(
    table: Table, names: Sequence[str], columns: np.ndarray, values: Sequence[TargetValues]
) -> Iterator[str]:
    """Say where targets [N, T] hold what forecasts cannot."""
    for name, column, of_target in zip(names, columns.T, values, strict=False):
        if of_target.are_free:
            continue
        count, row = _rows_where(column, lambda part, of_target=of_target: part != of_target.kept_to(part))  # type: ignore[misc]  # bound at once
        if count:
            rows = "a row holds" if count == 1 else f"{count:,} rows hold"
            yield (
                f"{table.path.name}: {rows} {name} of other values than {of_target}, such as {column[row]:.10g}"
                f" {_place(table, row)}; forecasts keep to what can be."
            )


def _scale_of(series: Series, number: int, is_past: np.ndarray, kind: str) -> ValueScale:
    """Measure the scale of a target on rows that are past, spread over all where there are many."""
    if kind == PLAIN:
        return ValueScale()
    rows = np.flatnonzero(is_past & series.observed[:, number])
    if kind == AUTO:
        first = rows[:-1][np.diff(rows) == 1]
        first = first[series.numbers_of(first) == series.numbers_of(first + 1)]
        first = first[spread(len(first), MOST_VALUES)]
        values, zero = series.values[:, number], series.zero[series.numbers_of(first), number]
        kind = LOG if suits_log(values[first], values[first + 1], zero) else PLAIN
    rows = rows[spread(len(rows), MOST_VALUES)]
    return ValueScale.fit(kind, series.values[rows, number], series.zero[series.numbers_of(rows), number])


def _of_target(column: np.ndarray, is_past: np.ndarray, low: Any, high: Any, whole: Any) -> TargetValues:
    count = num_zeros = 0
    least, are_whole = np.inf, True
    if AUTO in (low, whole):
        for start in range(0, len(column), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            known = column[rows][is_past[rows]]
            known = known[np.isfinite(known)]
            count, num_zeros = count + len(known), num_zeros + int((known == 0.0).sum())
            least = min(least, known.min(initial=np.inf))
            are_whole = are_whole and bool((known == np.rint(known)).all())
    if whole == AUTO:
        whole = bool(count) and are_whole
    if low == AUTO:
        low = 0.0 if count and least >= 0.0 and num_zeros >= LEAST_ZEROS * count else NONE
    low, high = (None if bound == NONE else bound for bound in (low, high))
    if whole:
        low, high = None if low is None else float(ceil(low)), None if high is None else float(floor(high))
    return TargetValues(low, high, whole)


def _contradictions(
    table: Table, name: str, column: np.ndarray, low: Any, high: Any, whole: Any, kind: str
) -> Iterator[str]:
    """Say where a column [N] holds what settings say cannot be."""
    if isinstance(low, float):
        yield from _fault(
            table, name, column, lambda part: part < low, f"lies below the floor {low:.10g}", "Lower floor"
        )
    if isinstance(high, float):
        rule = f"lies above the ceiling {high:.10g}"
        yield from _fault(table, name, column, lambda part: part > high, rule, "Raise ceiling")
    if whole is True:
        rule, remedy = "is no whole number (integers)", "Say integers=false"
        yield from _fault(table, name, column, lambda part: part != np.rint(part), rule, remedy)
    if kind == LOG:
        rule, remedy = "is below 0, where there is no logarithm (value_scale)", "Say value_scale=asinh"
        yield from _fault(table, name, column, lambda part: part < 0.0, rule, remedy)


def _fault(
    table: Table, name: str, column: np.ndarray, is_wrong: Callable[[np.ndarray], np.ndarray], rule: str, remedy: str
) -> Iterator[str]:
    count, row = _rows_where(column, is_wrong)
    if count:
        more = f", the first of {count:,}" if count > 1 else ""
        yield (
            f"{table.path.name}: {name} is {column[row]:.10g} {_place(table, row)}, which {rule}{more}."
            f" {remedy}, or correct the {'row' if count == 1 else 'rows'}."
        )


def _rows_where(column: np.ndarray, holds: Callable[[np.ndarray], np.ndarray]) -> tuple[int, int]:
    """Count the rows of a column [N] that hold a value of which something is true, and give the first one."""
    count, first = 0, -1
    for start in range(0, len(column), CHUNK_ROWS):
        part = np.asarray(column[start : start + CHUNK_ROWS])
        rows = np.flatnonzero(holds(part) & ~np.isnan(part))
        if len(rows) and not count:
            first = start + int(rows[0])
        count += len(rows)
    return count, first


def _place(table: Table, row: int) -> str:
    where = f"at {table.time_of(row)}" if table.stamps is not None else f"in row {row + 1:,}"
    return f"{where} ({table.series_of(row)})" if isinstance(table, LongTable) else where
