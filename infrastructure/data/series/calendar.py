"""What the clock says beside a value: hour, weekday, day of the month, month, place in the session, holidays."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from domain.exceptions import ConfigurationError
from infrastructure.data.clock.stamps import DAY
from infrastructure.data.series.public_holidays import Holidays

# How often the training part must have seen a cycle before its features are taken by themselves. What was seen a few
# times is a date and no season: on ETTh1, a year of hours, days of the month made the forecasts of the next year worse.
CYCLES_SEEN: Mapping[str, int] = {"hour": 7, "weekday": 8, "day_of_month": 24, "month": 4}
# Many series that went through the same two years tell the season from what was special about one of them.
CYCLES_SEEN_BY_MANY: Mapping[str, int] = {"hour": 7, "weekday": 8, "day_of_month": 24, "year": 2}
MANY = 8  # series
# Sessions end when a day's rows span less than this share of it.
SESSION_SHARE = 0.9
LONGEST_DAY = 1.5 * DAY  # between rows that are of one day each, however their clock trembles
CHUNK_ROWS = 1 << 16


@dataclass(frozen=True)
class Calendar:
    """Features of stamps by name, all between -1 and 1; sessions open at a time of day and last some microseconds."""

    names: tuple[str, ...] = ()
    session_open: int = 0
    session_length: int = DAY
    holidays: Holidays | None = None

    @property
    def session(self) -> tuple[int, int] | None:
        """When sessions open and how long they last; None where rows go on through the night."""
        return (self.session_open, self.session_length) if self.session_length < SESSION_SHARE * DAY else None

    @property
    def width(self) -> int:
        """Number of features F."""
        holidays = self.holidays.width if self.holidays else 0
        return sum(2 if name in _CYCLES else 1 for name in self.names) + holidays

    def features(self, stamps: np.ndarray) -> np.ndarray:
        """Give the features [N, F], fp32, of stamps [N] in microseconds; each depends on its own stamp alone."""
        features = np.empty((len(stamps), self.width), dtype=np.float32)
        # In pieces: in fp64, all rows at once take many times the memory of the result.
        for start in range(0, len(stamps), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            for place, column in enumerate(self._columns(stamps[rows])):
                features[rows, place] = column
        return features

    def _columns(self, stamps: np.ndarray) -> Iterator[np.ndarray]:
        for name in self.names:
            if name in _CYCLES:
                angle = 2.0 * np.pi * _CYCLES[name](stamps)
                yield np.sin(angle)
                yield np.cos(angle)
            else:
                place = (stamps % DAY - self.session_open) / self.session_length
                yield 2.0 * np.clip(place, 0.0, 1.0) - 1.0
        if self.holidays is not None:
            yield from self.holidays.columns(stamps)


def suitable_calendar(
    wanted: str | Sequence[str],
    stamps: np.ndarray | None,
    step: int | None,
    places: Sequence[str] = (),
    num_series: int = 1,
) -> Calendar:
    """Choose the features that the training part can teach, or take the named ones; `stamps` [N] are of that part.

    Public holidays are those of `places`. `num_series` is how many series saw them.
    Raises: ConfigurationError when features are named and the table has no clock, or holidays and its rows are longer
    than a day; DatasetError for years whose holidays nobody knows.
    """
    if stamps is None or step is None:
        if places and stamps is None:
            raise ConfigurationError(
                f"holidays is {list(places)}, but the table has no time column.",
                remedy="Drop holidays or name the column: --set time_column=NAME.",
            )
        if wanted and wanted != "auto" and stamps is None:
            raise ConfigurationError(
                f"calendar is {list(wanted)}, but the table has no time column.",
                remedy="Drop calendar or name the column: --set time_column=NAME.",
            )
        return Calendar()
    if places and step > LONGEST_DAY:
        raise ConfigurationError(
            f"holidays is {list(places)}, but the rows of the table are {step / DAY:,.0f} days apart, and which of"
            " these days a row is of cannot be told.",
            remedy="Drop holidays, or give the table by the day.",
        )
    holidays = Holidays.of(places, stamps) if places else None
    opening, length = _session(stamps)
    span = int(stamps[-1] - stamps[0])
    has_sessions = step < DAY <= span / 2 and length < SESSION_SHARE * DAY  # a whole day lies within two
    cycles = {"hour": DAY, "weekday": 7 * DAY, "day_of_month": 31 * DAY, "month": 366 * DAY, "year": 366 * DAY}
    least = CYCLES_SEEN_BY_MANY if num_series >= MANY else CYCLES_SEEN
    seen = [name for name, often in least.items() if 2 * step <= cycles[name] and often * cycles[name] <= span]
    names = tuple(seen + ["session"] * has_sessions) if wanted == "auto" else tuple(wanted)
    if not (has_sessions or "session" in names):
        return Calendar(names, holidays=holidays)
    return Calendar(names, opening, max(length, 1), holidays)


def _session(stamps: np.ndarray) -> tuple[int, int]:
    """Give the usual time of day of a day's first row, and how long its rows last, both in microseconds."""
    days = stamps // DAY
    starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    ends = np.append(starts[1:], len(stamps)) - 1
    if len(starts) > 2:  # the first and the last day may be cut off anywhere
        starts, ends = starts[1:-1], ends[1:-1]
    return int(np.median(stamps[starts] % DAY)), int(np.median(stamps[ends] - stamps[starts]))


def _share_of_month(stamps: np.ndarray) -> np.ndarray:
    days = stamps.astype("datetime64[us]").astype("datetime64[D]")
    return (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.float64) / 31.0


def _share_of_year(stamps: np.ndarray) -> np.ndarray:
    days = stamps.astype("datetime64[us]").astype("datetime64[D]")
    return (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.float64) / 366.0


def _share_of_year_by_month(stamps: np.ndarray) -> np.ndarray:
    months = stamps.astype("datetime64[us]").astype("datetime64[M]")
    return (months.astype(np.int64) % 12) / 12.0


_CYCLES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "hour": lambda stamps: (stamps % DAY) / DAY,
    # The first of January 1970 was a Thursday.
    "weekday": lambda stamps: ((stamps // DAY + 3) % 7) / 7.0,
    "day_of_month": _share_of_month,
    "month": _share_of_year_by_month,
    "year": _share_of_year,
}
