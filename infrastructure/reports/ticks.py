"""Chooses the rows of a table with a clock that are named below a picture, and how."""

from collections.abc import Callable, Sequence
from datetime import datetime, time

MAX_TICKS = 5
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def choose_ticks(stamps: Sequence[str]) -> list[tuple[int, str]]:
    """Give up to five rows where a new year, month, day, hour, minute or second begins, each with a short text.

    The unit, or a multiple of it as three hours, is the one with the most such rows, and the coarsest among equals.
    Days without rows, as weekends, do no harm: a row begins a unit when the row before it lies in an earlier one.
    Gives nothing where the stamps are no ISO dates, or all in the same second.
    """
    times = _parse(stamps)
    best: list[tuple[int, str]] = []
    for number_of, multiples, text_of in _UNITS:
        numbers = [number_of(at) for at in times]
        for multiple in multiples:
            begins = [row for row in range(1, len(times)) if numbers[row] // multiple != numbers[row - 1] // multiple]
            if len(best) < len(begins) <= MAX_TICKS:
                best = [(row, text_of(times[row])) for row in begins]
    return best


def name_rows(stamps: Sequence[str]) -> list[tuple[int, str]]:
    """Give the rows of `choose_ticks`, with the day below a time and the year below a day or month where it is new."""
    times, ticks = _parse(stamps), choose_ticks(stamps)
    named: list[tuple[int, str]] = []
    before: datetime | None = None
    for row, text in ticks:
        at = times[row]
        if ":" in text:
            new = before is None or before.date() != at.date()
            below = _day(at)
        else:
            new = (before is None or before.year != at.year) and text != str(at.year)
            below = str(at.year)
        named.append((row, f"{text}\n{below}" if new else text))
        before = at
    return named


def name_time(stamp: str) -> str:
    """Give a stamp without what says nothing: seconds that are zero, a time that is midnight; a time zone goes too."""
    times = _parse([stamp])
    if not times:
        return stamp
    if times[0].time() == time():
        return times[0].date().isoformat()
    return times[0].isoformat(" ", "minutes" if not times[0].second else "seconds")


def _parse(stamps: Sequence[str]) -> list[datetime]:
    """Read the clock on the wall: the zone is left out, for its offset may change within one table."""
    try:
        return [datetime.fromisoformat(stamp.strip()).replace(tzinfo=None) for stamp in stamps]
    except ValueError:
        return []


def _month(at: datetime) -> str:
    return str(at.year) if at.month == 1 else _MONTHS[at.month - 1]


def _day(at: datetime) -> str:
    return f"{at.day} {_MONTHS[at.month - 1]}"


def _hour(at: datetime) -> str:
    return _day(at) if at.time() == time() else f"{at:%H:%M}"


def _minutes(at: datetime) -> int:
    return (at.toordinal() * 24 + at.hour) * 60 + at.minute


# From coarse to fine: the number of the unit since the calendar began, its multiples, the text of a tick.
_UNITS: tuple[tuple[Callable[[datetime], int], tuple[int, ...], Callable[[datetime], str]], ...] = (
    (lambda at: at.year, (500, 200, 100, 50, 20, 10, 5, 2, 1), lambda at: str(at.year)),
    (lambda at: 12 * at.year + at.month - 1, (6, 3, 2, 1), _month),
    (lambda at: at.toordinal() - 1, (14, 7, 4, 3, 2, 1), _day),  # day 1 of the calendar was a Monday: weeks begin there
    (lambda at: _minutes(at) // 60, (12, 6, 3, 2, 1), _hour),
    (_minutes, (30, 15, 10, 5, 2, 1), _hour),
    (lambda at: 60 * _minutes(at) + at.second, (30, 15, 5, 1), lambda at: f"{at:%H:%M:%S}"),
)
