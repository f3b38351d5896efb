"""Stamps written as digits alone: dates without separators or counts since 1970, told apart by a whole column."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from domain.time_format import SPREADSHEET, UNIX_UNITS
from infrastructure.data.clock.finding import cost_of, find_clock
from infrastructure.data.clock.stamps import DAY, SECOND

# Digits of year, month, day, hour, minute, second and milliseconds, by how many there are in all.
_FORMATS = {
    4: "%Y",
    6: "%Y%m",
    8: "%Y%m%d",
    10: "%Y%m%d%H",
    12: "%Y%m%d%H%M",
    14: "%Y%m%d%H%M%S",
    17: "%Y%m%d%H%M%S%f",
}
_YEARS = (1700, 2200)
# A count of seconds below the first bound would be before 1973, and is more likely a row number or a day of 8 digits;
# one above the second would be after 2100.
_SECONDS = (10**8, 4_102_444_800)
_SPREADSHEET_EPOCH = -25_569 * DAY  # 30 December 1899
YEAR_NAMES = ("year", "yr", "date", "ds", "jahr")
LIKELY = 0.5  # share of values that parse, from which the others are taken for mistakes
REGULAR = 0.5  # most places and stamps that do not fit the clock, as a share of the stamps
CHUNK_ROWS = 1 << 16
COMPARED_ROWS = 10_000  # the first ones show which reading is the regular one
MUCH_LESS = 4  # times fewer misfits make one reading of two the only plausible one


@dataclass(frozen=True)
class CountReading:
    """How the counts of a column are read: wall clock or UTC in microseconds [N], which are some."""

    time_format: str
    micros: np.ndarray
    valid: np.ndarray

    @property
    def zone(self) -> str:
        """What stands behind stamps of this reading."""
        return "Z" if self.time_format in UNIX_UNITS else ""


def counts_as(time_format: str, counts: np.ndarray, fractions: np.ndarray | None) -> CountReading:
    """Read counts [N] as a setting says; `fractions` [N] are microseconds of one."""
    if time_format == SPREADSHEET:
        part = 0 if fractions is None else fractions * (DAY // SECOND)
        valid = (counts >= 1) & (counts < 2_958_466)
        return CountReading(time_format, np.where(valid, _SPREADSHEET_EPOCH + counts * DAY + part, 0), valid)
    if time_format in UNIX_UNITS:
        unit = UNIX_UNITS[time_format]
        valid = np.abs(counts) < 2**62 // max(unit, 1)
        whole = np.where(valid, counts, 0) * unit if unit else counts // 1000
        part = 0 if fractions is None else fractions * unit // SECOND
        return CountReading(time_format, whole + part, valid)
    digits = next(number for number, known in _FORMATS.items() if known == time_format)
    return _dates(counts, digits)


def plausible_reading(
    name: str, counts: np.ndarray, fractions: np.ndarray | None, usual: str | None = None
) -> CountReading | tuple[str, str]:
    """Decide how the counts [N] of a whole column are read, or say what is wrong and what to do.

    Where two readings are plausible, the `usual` format decides.
    """
    whole = fractions is None
    dates = _likely_dates(name, counts) if whole else None
    unix = _unix(counts, fractions)
    if dates is None:
        if unix is None:
            return _unknown(name, counts, whole)
        return unix
    if unix is None or not dates.valid.all():
        return dates
    for reading in (dates, unix):
        if reading.time_format == usual:
            return reading
    as_dates, as_unix = (_irregularity(reading.micros[:COMPARED_ROWS]) for reading in (dates, unix))
    if as_dates <= REGULAR and MUCH_LESS * as_dates < as_unix:
        return dates
    if as_unix <= REGULAR and MUCH_LESS * as_unix < as_dates:
        return unix
    both = " and as ".join(f"{reading.time_format} ({_first(reading)})" for reading in (dates, unix))
    return (
        f"{name} is {counts[0]}, which can be read as {both}",
        f"Say which: --set time_format={dates.time_format} or --set time_format={unix.time_format}.",
    )


def _likely_dates(name: str, counts: np.ndarray) -> CountReading | None:
    for digits in _FORMATS:
        fits = (counts >= 10 ** (digits - 1)) & (counts < 10**digits)
        if digits == 4 and name.strip().lower() not in YEAR_NAMES:
            continue
        if fits.mean() <= LIKELY:
            continue
        found = _dates(counts, digits)
        years = found.micros[found.valid].astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
        if found.valid.mean() > LIKELY and years.min() >= _YEARS[0] and years.max() <= _YEARS[1]:
            return found
    return None


def _dates(counts: np.ndarray, digits: int) -> CountReading:
    micros, valid = np.empty(len(counts), dtype=np.int64), np.empty(len(counts), dtype=bool)
    for start in range(0, len(counts), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        micros[rows], valid[rows] = _dates_of_rows(counts[rows], digits)
    return CountReading(_FORMATS[digits], micros, valid)


def _dates_of_rows(counts: np.ndarray, digits: int) -> tuple[np.ndarray, np.ndarray]:
    valid = (counts >= 10 ** (digits - 1)) & (counts < 10**digits)
    rest = counts * 10 ** (17 - digits)  # the missing parts become 0
    parts: list[np.ndarray] = []
    for size in (10**3, 10**2, 10**2, 10**2, 10**2, 10**2):
        rest, part = np.divmod(rest, size)
        parts.append(part)
    millis, second, minute, hour, day, month = parts
    month, day = (np.full_like(month, 1) if digits < least else part for part, least in ((month, 6), (day, 8)))
    valid = valid & (month >= 1) & (month <= 12) & (hour < 24) & (minute < 60) & (second < 60)
    months = np.where(valid, (rest - 1970) * 12 + month - 1, 0)
    start, end = (at.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) for at in (months, months + 1))
    valid &= (day >= 1) & (start + day <= end)
    micros = (start + day - 1) * DAY + ((hour * 60 + minute) * 60 + second) * SECOND + millis * 1000
    return np.where(valid, micros, 0), valid


def _unix(counts: np.ndarray, fractions: np.ndarray | None) -> CountReading | None:
    low, high = int(counts.min()), int(counts.max())
    for number, unit in enumerate(UNIX_UNITS):
        if _SECONDS[0] * 1000**number <= low and high <= _SECONDS[1] * 1000**number:
            return counts_as(unit, counts, fractions)
    return None


def _irregularity(stamps: np.ndarray) -> float:
    """Give what the clock of stamps in any order leaves to explain, as a share of them."""
    ordered = np.unique(stamps)
    found = find_clock(ordered)
    return 0.0 if found is None else cost_of(found.clock, ordered) / len(ordered)


def _first(reading: CountReading) -> str:
    return str(reading.micros[:1].astype("datetime64[us]").astype("datetime64[s]")[0])


def _unknown(name: str, counts: Sequence[int] | np.ndarray, whole: bool) -> tuple[str, str]:
    low, high = int(np.min(counts)), int(np.max(counts))
    if high < _SECONDS[0]:
        problem = f"no cell of {name} is a stamp ({len(counts):,} are none; here {name} is {counts[0]})"
    else:
        problem = f"{name} is {low} to {high}, which are no stamps in any one form"
    if low >= 20_000 and high < 80_000:
        return problem, f"If these are the days of a spreadsheet, --set time_format={SPREADSHEET}; {_ELSE}"
    if whole and low >= 1_000 and high < 3_000:
        return problem, f"If these are years, --set time_format=%Y; {_ELSE}"
    words = ", ".join(UNIX_UNITS)
    return problem, f"Name its form with --set time_format=%Y%m%d or the like, or one of {words}; {_ELSE}"


_ELSE = "else name another time_column, or --set time_column=none."
