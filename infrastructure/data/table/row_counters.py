"""Columns that tell nothing beside a clock: they count rows, or say again what the clock says."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from infrastructure.data.clock.clocks import month_of
from infrastructure.data.clock.stamps import DAY, SECOND
from infrastructure.data.table.values import CHUNK_ROWS, map_rows

FIRST_ROWS = 64  # settle most columns
_UNITS = (0.001, 1, 1_000, SECOND, 60 * SECOND, 3600 * SECOND, DAY)
FEWEST_ROWS = 20  # that a column without the name of an index must count
# As pandas writes an index; it ascends with holes where rows were taken out.
_WRITTEN_INDEX = re.compile(r"|unnamed: ?\d+|level_\d+|__index_level_\d+__", re.IGNORECASE)
_INDEX = re.compile(
    r"index|idx|id|_id|nr|no|num|number|#|n|i|obs|record|seq|sequence"
    r"|rows?|rows?[ _]?(id|idx|index|nr|no|num|number|count)|(record|sequence|serial)[ _]?(id|nr|no|num|number)",
    re.IGNORECASE,
)


class RowCounters:
    """Watches which columns [C] ascend in whole numbers, and which of them by one each row."""

    def __init__(self, num_columns: int) -> None:
        self.ascends = np.ones(num_columns, dtype=bool)
        self.by_one = np.ones(num_columns, dtype=bool)
        self.starts_low = np.ones(num_columns, dtype=bool)
        self._last: np.ndarray | None = None

    def add(self, values: np.ndarray) -> None:
        """Look at a block [n, C]."""
        if not len(values):
            return
        if self._last is None:
            self.starts_low = (values[0] == 0) | (values[0] == 1)
        self._add(values[:FIRST_ROWS])
        self._add(values[FIRST_ROWS:])

    def _add(self, values: np.ndarray) -> None:
        live = np.flatnonzero(self.ascends)
        if not len(live) or not len(values):
            return
        rows = values[:, live]
        whole = np.all(rows == np.floor(rows), axis=0)  # a missing value is none
        before = rows[:1] - 1 if self._last is None else self._last[None, live]
        with np.errstate(over="ignore"):  # of values near the limits of fp64, which count nothing
            steps = np.diff(rows, axis=0, prepend=before)
        self.ascends[live] &= whole & np.all(steps > 0, axis=0)
        self.by_one[live] &= np.all(steps == 1, axis=0)
        self._last = values[-1]


def left_out(
    names: Sequence[str],
    counters: RowCounters,
    empty: np.ndarray,
    values: Path,
    wall: np.ndarray | None,
    stamps: np.ndarray | None = None,
) -> dict[str, str]:
    """Find the columns to leave out, each with what it does; those that have nothing to say stay if no other would.

    `empty` [C] have no values; `wall` [N] are the `stamps` [N] as clocks show them, None without a clock.
    """
    num_rows = 0 if wall is None else len(wall)
    found: dict[str, str] = {}
    for number, name in enumerate(names):
        ascends, by_one = counters.ascends[number], counters.ascends[number] and counters.by_one[number]
        any_name = wall is not None and num_rows >= FEWEST_ROWS and counters.starts_low[number]
        if not name and empty[number]:
            found[name] = "is empty"
        elif (ascends and _WRITTEN_INDEX.fullmatch(name)) or (by_one and (_INDEX.fullmatch(name) or any_name)):
            found[name] = "counts rows"
    if wall is not None:
        data = map_rows(values, len(names))
        for number, name in enumerate(names):
            part = _PARTS.get(re.sub("[^a-z]", "", name.lower()))
            if name in found:
                continue
            if part is not None and _says_the_same(data[:, number], wall, part):
                found[name] = "says what the clock says"
            elif counters.ascends[number] and not counters.by_one[number]:
                clocks = (wall,) if stamps is None else (stamps, wall)
                if any(_counts_time(data[:, number], clock) for clock in clocks):
                    found[name] = "says what the clock says"
    if len(found) < len(names):
        return found
    keep = next((name for name in names if name and not _INDEX.fullmatch(name)), names[0])
    return {name: what for name, what in found.items() if name != keep}


def told(found: Mapping[str, str]) -> Iterator[str]:
    """Say what was left out."""
    for what in dict.fromkeys(found.values()):
        names = [name or "a column without a name" for name, reason in found.items() if reason == what]
        if len(names) == 1:
            yield f"{names[0]} {what} and is left out; name it in columns to take it."
        else:
            yield f"{', '.join(names)}: each {what} and is left out; name it in columns to take it."


def _says_the_same(column: np.ndarray, wall: np.ndarray, part: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Compare a column with a part of the clock, whatever number the first of its cycle has."""
    shift: float | None = None
    for start in range(0, len(wall), CHUNK_ROWS):
        values, told = np.asarray(column[start : start + CHUNK_ROWS]), part(wall[start : start + CHUNK_ROWS])
        shifts = np.unique((values - told) % 7 if part is _weekday else values - told)
        if len(shifts) != 1 or shifts[0] != np.floor(shifts[0]) or (shift is not None and shifts[0] != shift):
            return False
        shift = shifts[0]
    return shift is not None and (part is _weekday or abs(shift) <= 1)


def _counts_time(column: np.ndarray, clock: np.ndarray) -> bool:
    """Tell whether a column goes on as the clock does, in some unit of time."""
    if len(clock) < FEWEST_ROWS:
        return False
    whole = float(column[-1]) - float(column[0])
    units = [unit for unit in _UNITS if abs((int(clock[-1]) - int(clock[0])) / unit - whole) <= 1e-9 * whole]
    for start in range(0, len(clock) if units else 0, CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        since = (np.asarray(clock[rows]) - clock[0]) / units[0]
        if not np.allclose(np.asarray(column[rows]) - column[0], since, rtol=1e-9, atol=1e-3):
            return False
    return bool(units)


def _year(stamps: np.ndarray) -> np.ndarray:
    return month_of(stamps) // 12 + 1970


def _days_since(stamps: np.ndarray, unit: str) -> np.ndarray:
    start = stamps.astype("datetime64[us]").astype(f"datetime64[{unit}]").astype("datetime64[D]").astype(np.int64)
    days: np.ndarray = stamps // DAY - start
    return days


def _weekday(stamps: np.ndarray) -> np.ndarray:
    return (stamps // DAY + 3) % 7


def _week(stamps: np.ndarray) -> np.ndarray:
    thursday = (stamps // DAY - _weekday(stamps) + 3) * DAY
    return _days_since(thursday, "Y") // 7 + 1


_PARTS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "year": _year,
    "yr": _year,
    "quarter": lambda stamps: month_of(stamps) % 12 // 3 + 1,
    "month": lambda stamps: month_of(stamps) % 12 + 1,
    "week": _week,
    "weekofyear": _week,
    "day": lambda stamps: _days_since(stamps, "M") + 1,
    "dayofmonth": lambda stamps: _days_since(stamps, "M") + 1,
    "dayofyear": lambda stamps: _days_since(stamps, "Y") + 1,
    "weekday": _weekday,
    "dayofweek": _weekday,
    "dow": _weekday,
    "hour": lambda stamps: stamps % DAY // (3600 * SECOND),
    "hourofday": lambda stamps: stamps % DAY // (3600 * SECOND),
    "minute": lambda stamps: stamps // (60 * SECOND) % 60,
}
