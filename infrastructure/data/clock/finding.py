"""Which regular clock the stamps of a table follow, in spite of rows that are missing or beside it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from infrastructure.data.clock.clocks import (
    ALL_DAYS,
    WEEK,
    WEEKDAYS,
    Clock,
    Even,
    MonthDay,
    Monthly,
    Weekly,
    Zoned,
    exact_on,
    month_of,
)
from infrastructure.data.clock.stamps import DAY, SECOND, commonest_step
from infrastructure.data.clock.time_zones import is_named, wall_clock

MONTH = 146_097 * DAY // 4_800  # mean of the 400 years after which the calendar repeats
LEARNT_ROWS = 200_000  # the last ones tell as well as all
MOST_TIMES = 100_000  # of a day, in a clock that comes again each week
# What a run of places that comes again each week must explain before it is believed: rows missing or beside the clock.
RUN_COST = 2.0
ROWS_OF_A_RUN = 4  # of a day, at least, before it is taken for one
ON_MONTH_DAYS = 0.8  # share of stamps that a day of the month must explain; holidays move the others
MOST_DAYS_OF_MONTH = 6  # with rows, in a clock that comes again each month
FEW_ROWS = 8
USUAL_STEPS = tuple(
    number * unit
    for unit, numbers in {
        SECOND: (1, 2, 5, 10, 15, 20, 30),
        60 * SECOND: (1, 2, 5, 10, 15, 20, 30),
        3600 * SECOND: (1, 2, 3, 4, 6, 8, 12),
        DAY: (1, 7),
    }.items()
    for number in numbers
)
LOOSE = 0.1  # share of stamps beside the clock above which it is a guess


@dataclass(frozen=True)
class FoundClock:
    """A clock, how many stamps lie beside it, and why it may not be the true one.

    A `loose` one has so many beside it that rows are better counted from one to the next.
    """

    clock: Clock
    beside: int = 0
    doubt: str = ""
    loose: bool = False


def find_clock(stamps: np.ndarray, zone: str = "") -> FoundClock | None:
    """Find the clock of ascending stamps [N]; None for fewer than two.

    Stamps of a named zone are instants: hours go by UTC, days and sessions by the clocks on its walls.
    """
    step = commonest_step(stamps)
    if step is None:
        return None
    if not is_named(zone):
        return _found(stamps, *_best(stamps[-LEARNT_ROWS:], step))
    wall = wall_clock(stamps, zone)
    in_utc, on_walls = (_best(moments[-LEARNT_ROWS:], commonest_step(moments) or step) for moments in (stamps, wall))
    costs = [cost_of(found[0], moments[-LEARNT_ROWS:]) for found, moments in ((in_utc, stamps), (on_walls, wall))]
    # Where no clock was changed meanwhile both fit: days and sessions are those of the place, hours those of UTC.
    by_walls = costs[1] <= costs[0] if step >= DAY or on_walls[0].by_calendar else costs[1] < costs[0]
    if not by_walls:
        return _found(stamps, *in_utc)
    return _found(stamps, Zoned(on_walls[0], zone), [Zoned(rival, zone) for rival in on_walls[1]])


def _found(stamps: np.ndarray, clock: Clock, rivals: list[Clock]) -> FoundClock:
    beside = int(len(stamps) - exact_on(clock, stamps).sum())
    if isinstance(clock, Even) and beside > LOOSE * len(stamps):
        clock = Even(clock.origin, _usual_step(stamps, clock.step))
    doubt = ""
    if beside > LOOSE * len(stamps):
        doubt = f"{beside:,} of {len(stamps):,} stamps lie beside it"
    elif len(stamps) < FEW_ROWS:
        doubt = f"{len(stamps):,} stamps tell little"
    elif rivals:
        doubt = f"the stamps go as well with {rivals[0]}"
    return FoundClock(clock, beside, doubt, beside > LOOSE * len(stamps))


def _usual_step(stamps: np.ndarray, step: int) -> int:
    """Take the step that people would name for stamps that tremble: the one that the whole span has, if it is usual."""
    steps = np.maximum((np.diff(stamps) + step // 2) // step, 1)
    mean = (int(stamps[-1]) - int(stamps[0])) / int(steps.sum())
    nearest = min(USUAL_STEPS, key=lambda usual: abs(usual - mean))
    return nearest if abs(nearest - mean) <= 0.01 * nearest else step


def _best(stamps: np.ndarray, step: int) -> tuple[Clock, list[Clock]]:
    """Choose the clock that leaves least to explain, and give others that do as well and go on otherwise."""
    if step < DAY and np.all(np.diff(stamps) == step):
        return Even(int(stamps[-1]), step), []
    by_month = list(_by_month(stamps))
    if by_month:
        return by_month[0], _rivals(stamps, by_month)
    even = _even(stamps, step)
    cost = cost_of(even, stamps)
    no_weekend = step == DAY and not np.any(_weekday(stamps) >= 5)
    costs: list[tuple[float, Clock]] = [(cost + 3 * no_weekend, even)]
    if step <= WEEK and cost + no_weekend:
        costs += [(cost_of(clock, stamps), clock) for clock in _by_week(stamps, step)]
    if step >= 6 * DAY or np.median(np.diff(stamps)) >= 9 * DAY:
        costs += [(_misfit(clock, stamps) + RUN_COST, clock) for clock in _by_days_of_month(stamps)]
    return min(costs, key=lambda known: known[0])[1], []


def cost_of(clock: Clock, stamps: np.ndarray) -> float:
    """Say what a clock costs: places without a stamp, stamps without a place, and the runs it has in a week."""
    runs = len(clock.runs) if isinstance(clock, Weekly) else 0
    return _misfit(clock, stamps) + RUN_COST * runs


def _misfit(clock: Clock, stamps: np.ndarray) -> int:
    places = clock.places(stamps)
    on = places[clock.stamps(places) == stamps]
    there = len(np.unique(on))
    return int(places[-1] - places[0]) + 1 - there + len(stamps) - there


def _even(stamps: np.ndarray, step: int) -> Even:
    phases, counts = np.unique((stamps - stamps[0]) % step, return_counts=True)
    # From the last stamp backwards, so that an even clock of few rows passes through it.
    phase = int(phases[counts.argmax()]) if counts.max() > 1 else int((stamps[-1] - stamps[0]) % step)
    return Even(int(stamps[0]) + phase, step)


def _weekday(stamps: np.ndarray) -> np.ndarray:
    return (stamps // DAY + 3) % 7


def _by_week(stamps: np.ndarray, step: int) -> Iterator[Weekly]:
    """Offer clocks that come again each week: times of day on all days or some, and times of the week."""
    times, which, counts = np.unique(stamps % DAY, return_inverse=True, return_counts=True)
    if len(times) > MOST_TIMES:
        return
    usual = times[2 * counts >= counts.max()]
    if len(usual) > 1 and (counts.max() < 2 or ROWS_OF_A_RUN * len(Weekly.of(usual, step).runs) > len(stamps)):
        return
    days = np.unique(stamps // DAY)
    seen = np.bincount((days + 3) % 7, minlength=7)
    possible = np.bincount((np.arange(days[0], days[-1] + 1) + 3) % 7, minlength=7)
    for chosen in {ALL_DAYS, _working_days(seen, possible)}:
        yield Weekly.of((np.array(chosen)[:, None] * DAY + usual).reshape(-1), step)
    if possible.min() >= 3:
        slots, there = np.unique(_weekday(stamps) * DAY + times[which], return_counts=True)
        yield Weekly.of(slots[2 * there >= np.quantile(there, 0.9)], step)


def _working_days(seen: np.ndarray, possible: np.ndarray) -> tuple[int, ...]:
    """Choose the days of the week on which there usually is a row.

    What a short table cannot tell is taken as usual: work from Monday to Friday, unless a weekend was seen.
    """
    rate = seen / np.maximum(possible, 1)
    chosen = {int(day) for day in np.flatnonzero(2 * rate >= rate.max())}
    weekend = bool(chosen & {5, 6})
    for day in np.flatnonzero(possible < 2):
        if seen[day] or (day < 4 and possible[day]) or (not possible[day] and (day in WEEKDAYS or weekend)):
            chosen.add(int(day))
    return tuple(sorted(chosen))


def _by_month(stamps: np.ndarray) -> Iterator[Monthly]:
    """Offer clocks with a place a month, quarter or year, the likeliest first: those that explain most stamps."""
    median = float(np.median(np.diff(stamps)))
    every = round(median / MONTH)
    turns = month_of(stamps)
    if median < 25 * DAY or abs(median - every * MONTH) > 5 * DAY or np.any(np.diff(turns) < 1):
        return
    steps, counts = np.unique(np.diff(turns), return_counts=True)
    every = int(steps[counts.argmax()])
    time = _commonest(stamps % DAY)
    phase = _commonest(turns % every)
    shares = []
    for day in _days_of_month(stamps, turns):
        clock = Monthly(every, phase, (day,), time)
        shares.append((float(exact_on(clock, stamps).mean()), clock))
    best = max(share for share, _ in shares)
    if best >= ON_MONTH_DAYS:
        yield from (clock for share, clock in shares if share == best)


def _days_of_month(stamps: np.ndarray, turns: np.ndarray) -> Iterator[MonthDay]:
    days = stamps // DAY
    in_month = days - MonthDay(1).days(turns) + 1
    weekday = _commonest(_weekday(stamps))
    yield MonthDay(-1)
    yield MonthDay(int(in_month.max()))
    yield MonthDay(_commonest(in_month))
    yield MonthDay(-1, WEEKDAYS)
    yield MonthDay(1, WEEKDAYS)
    yield MonthDay(_commonest((in_month - 1) // 7 + 1), (weekday,))
    yield MonthDay(-1, (weekday,))


def _by_days_of_month(stamps: np.ndarray) -> Iterator[Monthly]:
    """Offer a clock with a few places a month: the days on which there usually is a row."""
    turns = month_of(stamps)
    is_last = MonthDay(-1).days(turns) == stamps // DAY
    days, counts = np.unique(np.where(is_last, 31, stamps // DAY - MonthDay(1).days(turns) + 1), return_counts=True)
    usual = days[2 * counts >= counts.max()]
    if 2 <= len(usual) <= MOST_DAYS_OF_MONTH:
        chosen = tuple(MonthDay(-1 if day == 31 else int(day)) for day in usual)
        yield Monthly(1, 0, chosen, _commonest(stamps % DAY))


def _rivals(stamps: np.ndarray, clocks: list[Monthly]) -> list[Clock]:
    first = clocks[0]
    place = int(first.places(stamps[-1:])[0])
    ahead = np.arange(place + 1, place + 13)
    return [clock for clock in clocks[1:] if np.any(clock.stamps(ahead) != first.stamps(ahead))]


def _commonest(numbers: np.ndarray) -> int:
    values, counts = np.unique(numbers, return_counts=True)
    return int(values[counts.argmax()])
