"""Regular clocks: places in time that are numbered, so that rows can be counted, filled in and continued."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from infrastructure.data.clock.stamps import DAY, SECOND
from infrastructure.data.clock.time_zones import localised, wall_clock

WEEK = 7 * DAY
MONDAY = 4 * DAY  # 1970-01-05 was the first Monday
ALL_DAYS = tuple(range(7))
WEEKDAYS = tuple(range(5))
_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last", -2: "last but one"}


class Clock(Protocol):
    """Places in time, ascending with their number."""

    @property
    def by_calendar(self) -> bool:
        """Tell whether places are not all as far apart."""
        ...

    def stamps(self, places: np.ndarray) -> np.ndarray:
        """Give the stamps of places [n]."""
        ...

    def places(self, stamps: np.ndarray) -> np.ndarray:
        """Give the places [n] that stamps hold, exactly or nearly."""
        ...

    def __str__(self) -> str:
        """Say when the places are."""
        ...


@dataclass(frozen=True)
class Even:
    """Places `step` apart, one of them at `origin`."""

    origin: int
    step: int
    by_calendar = False

    def stamps(self, places: np.ndarray) -> np.ndarray:
        """Give the stamps of places [n]."""
        return self.origin + np.asarray(places, dtype=np.int64) * self.step

    def places(self, stamps: np.ndarray) -> np.ndarray:
        """Give the nearest places [n] of stamps."""
        return (stamps - self.origin + self.step // 2) // self.step

    def __str__(self) -> str:
        return f"every {duration(self.step).removeprefix('1 ')}"


@dataclass(frozen=True)
class Weekly:
    """Places that come again each week: runs of them `step` apart, each with its start behind Monday 0:00."""

    step: int
    runs: tuple[tuple[int, int], ...]
    by_calendar = True

    @classmethod
    def of(cls, slots: np.ndarray, step: int) -> "Weekly":
        """Take ascending times of the week, in microseconds behind its Monday."""
        starts = np.flatnonzero(np.diff(slots, prepend=slots[0] - step - 1) != step)
        counts = np.diff(np.append(starts, len(slots)))
        return cls(step, tuple(zip(slots[starts].tolist(), counts.tolist(), strict=True)))

    @cached_property
    def slots(self) -> np.ndarray:
        """Times of the week."""
        return np.concatenate([start + self.step * np.arange(count) for start, count in self.runs])

    def stamps(self, places: np.ndarray) -> np.ndarray:
        """Give the stamps of places [n]."""
        places = np.asarray(places, dtype=np.int64)
        return MONDAY + places // len(self.slots) * WEEK + self.slots[places % len(self.slots)]

    def places(self, stamps: np.ndarray) -> np.ndarray:
        """Give the places [n] of stamps: the nearest, but the next only where it is less than half a step away."""
        weeks, times = np.divmod(stamps - MONDAY, WEEK)
        last = weeks * len(self.slots) + np.searchsorted(self.slots, times, side="right") - 1
        before, after = self.stamps(last), self.stamps(last + 1)
        return last + (2 * (after - stamps) < np.minimum(after - before, self.step))

    def __str__(self) -> str:
        days = sorted({int(day) for day in self.slots // DAY})
        times = len(self.slots) / len(days)
        on = "every day" if len(days) == 7 else _day_names(days)
        return on if times == 1 else f"{on}, about {times:.0f} times a day, mostly {duration(self.step)} apart"


@dataclass(frozen=True)
class MonthDay:
    """The n-th day of a month among those with these weekdays (0 is Monday), from its end where n is below 0."""

    number: int
    weekdays: tuple[int, ...] = ALL_DAYS

    def days(self, months: np.ndarray) -> np.ndarray:
        """Give days since 1970 in months [n] since then; where a month has too few, its last or first."""
        start, end = _month_start(months), _month_start(months + 1)
        if self.weekdays == ALL_DAYS:
            return np.minimum(start + self.number, end) - 1 if self.number > 0 else np.maximum(end + self.number, start)
        days = start[:, None] + np.arange(31)
        counts = (days < end[:, None]) & np.isin((days + 3) % 7, self.weekdays)
        if self.number < 0:
            counts = counts[:, ::-1]
        nth = np.minimum(abs(self.number), counts.sum(axis=1))
        found = (np.cumsum(counts, axis=1) == nth[:, None]).argmax(axis=1)
        return start + (found if self.number > 0 else 30 - found)

    def __str__(self) -> str:
        if self.weekdays == ALL_DAYS and self.number > 0:
            return f"day {self.number}"
        what = "day" if self.weekdays == ALL_DAYS else "weekday" if len(self.weekdays) > 1 else _NAMES[self.weekdays[0]]
        return f"the {_ORDINALS.get(self.number, f'number {self.number}')} {what}"


@dataclass(frozen=True)
class Monthly:
    """Places on some days of each month that is `phase` beyond a multiple of `months`, at a time of day."""

    months: int
    phase: int
    days: tuple[MonthDay, ...]
    time: int = 0
    by_calendar = True

    def stamps(self, places: np.ndarray) -> np.ndarray:
        """Give the stamps of places [n]."""
        turns, which = np.divmod(np.asarray(places, dtype=np.int64), len(self.days))
        months = turns * self.months + self.phase
        found = np.empty(months.shape, dtype=np.int64)
        for number, day in enumerate(self.days):
            here = which == number
            found[here] = day.days(months[here])
        return found * DAY + self.time

    def places(self, stamps: np.ndarray) -> np.ndarray:
        """Give the nearest places [n] of stamps: in their own month, where it has one place."""
        turns = (month_of(stamps) - self.phase) // self.months
        if len(self.days) == 1:
            return turns
        near = turns[:, None] * len(self.days) + np.arange(-1, len(self.days) + 1)
        nearest = np.abs(self.stamps(near.reshape(-1)).reshape(near.shape) - stamps[:, None]).argmin(axis=1)
        return near[np.arange(len(stamps)), nearest]

    def __str__(self) -> str:
        every = {1: "every month", 3: "every quarter", 12: "every year"}.get(self.months, f"every {self.months} months")
        return f"{' and '.join(map(str, self.days))} of {every}" if self.months == 1 else f"{every} on {self.days[0]}"


@dataclass(frozen=True)
class Zoned:
    """A clock on the walls of a named zone, whose stamps are instants."""

    wall: Clock
    zone: str
    by_calendar = True

    def stamps(self, places: np.ndarray) -> np.ndarray:
        """Give the stamps of places [n]."""
        return localised(self.wall.stamps(places), self.zone)[0]

    def places(self, stamps: np.ndarray) -> np.ndarray:
        """Give the nearest places [n] of stamps."""
        return self.wall.places(wall_clock(stamps, self.zone))

    def __str__(self) -> str:
        return f"{self.wall} in {self.zone}"


def exact_on(clock: Clock, stamps: np.ndarray) -> np.ndarray:
    """Tell which stamps [N] stand exactly on a place."""
    return clock.stamps(clock.places(stamps)) == stamps


def following(clock: Clock, last: int, count: int) -> np.ndarray:
    """Give the stamps of the `count` places behind that of the stamp `last`."""
    return clock.stamps(clock.places(np.array([last])) + np.arange(1, count + 1))


def month_of(stamps: np.ndarray) -> np.ndarray:
    """Give the months since 1970 of stamps [N]."""
    return np.asarray(stamps).astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)


def duration(micros: int) -> str:
    """Say how long a step is, in the largest unit that it has whole."""
    units = ((WEEK, "week"), (DAY, "day"), (3600 * SECOND, "hour"), (60 * SECOND, "minute"), (SECOND, "second"))
    for unit, name in units:
        if micros % unit == 0:
            number = micros // unit
            return f"{number:,} {name}" if number == 1 else f"{number:,} {name}s"
    return f"{micros / SECOND:g} seconds"


def _month_start(months: np.ndarray) -> np.ndarray:
    return np.asarray(months).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _day_names(days: Sequence[int]) -> str:
    breaks = [number for number, day in enumerate(days) if (day - 1) % 7 not in days]
    if len(days) > 2 and len(breaks) == 1:
        days = [*days[breaks[0] :], *days[: breaks[0]]]
        return f"{_NAMES[days[0]]} to {_NAMES[days[-1]]}"
    return ", ".join(_NAMES[day] for day in days)
