"""What the values of targets can be: what settings say, and what the training part shows where they leave it open."""

from collections.abc import Callable, Iterator, Sequence
from math import ceil, floor
from typing import Any

import numpy as np

from application.training import QuantileTraining
from domain.exceptions import DatasetError
from domain.values import AUTO, LEAST_ZEROS, NONE, for_each
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.series.series import CHUNK_ROWS
from infrastructure.data.series.target_values import TargetValues
from infrastructure.data.table.table import Table

MOST_NAMES = 10


def values_of(
    request: QuantileTraining, table: Table, names: Sequence[str], columns: np.ndarray, is_past: np.ndarray
) -> tuple[TargetValues, ...]:
    """Say what values of the targets [N, T] can be; the rows that are past [N], of the training part, tell of `auto`.

    Raises: ConfigurationError for another number of values than of targets, DatasetError where the table holds what
    settings say cannot be.
    """
    floors, ceilings, integers = (
        for_each(name, getattr(request, name), names) for name in ("floor", "ceiling", "integers")
    )
    found: list[TargetValues] = []
    faults: list[str] = []
    for number, name in enumerate(names):
        said = floors[number], ceilings[number], integers[number]
        faults += _contradictions(table, name, columns[:, number], *said)
        found.append(_of_target(columns[:, number], is_past, *said))
    if faults:
        raise DatasetError.of(faults)
    return tuple(found)


def values_told(
    table: Table, names: Sequence[str], columns: np.ndarray, values: Sequence[TargetValues]
) -> Iterator[str]:
    """Say in a line what forecasts of targets [N, T] are kept to, and where the table holds other values."""
    of_each: dict[TargetValues, list[str]] = {}
    for name, of_target in zip(names, values, strict=False):
        if not of_target.are_free:
            of_each.setdefault(of_target, []).append(name)
    if of_each:
        told = "; ".join(f"{_listed(targets)}: {of_target}" for of_target, targets in of_each.items())
        yield f"{table.path.name}: forecasts are kept to what values can be (floor, ceiling, integers): {told}."
    yield from beyond_told(table, names, columns, values)


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
                f"{table.path.name}: {rows} {name} of other values than {of_target}, such as {column[row]:g}"
                f" {_place(table, row)}; forecasts keep to what can be."
            )


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


def _contradictions(table: Table, name: str, column: np.ndarray, low: Any, high: Any, whole: Any) -> Iterator[str]:
    """Say where a column [N] holds what settings say cannot be."""
    if isinstance(low, float):
        yield from _fault(table, name, column, lambda part: part < low, f"lies below the floor {low:g}", "Lower floor")
    if isinstance(high, float):
        rule = f"lies above the ceiling {high:g}"
        yield from _fault(table, name, column, lambda part: part > high, rule, "Raise ceiling")
    if whole is True:
        rule, remedy = "is no whole number (integers)", "Say integers=false"
        yield from _fault(table, name, column, lambda part: part != np.rint(part), rule, remedy)


def _fault(
    table: Table, name: str, column: np.ndarray, is_wrong: Callable[[np.ndarray], np.ndarray], rule: str, remedy: str
) -> Iterator[str]:
    count, row = _rows_where(column, is_wrong)
    if count:
        more = f", as {count - 1:,} more do" if count > 1 else ""
        yield (
            f"{table.path.name}: {name} is {column[row]:g} {_place(table, row)}, which {rule}{more}."
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


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
