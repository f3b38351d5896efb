"""Stamps of one table on one clock: of the wall, of UTC, or of a zone with a name."""

from collections.abc import Iterator

import numpy as np

from infrastructure.data.clock.forms import NAIVE
from infrastructure.data.clock.stamps import DAY, SECOND
from infrastructure.data.clock.time_zones import known_zone, localised, offset_text, second_instants
from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.files.table_faults import TableFaults

UTC_NAMES = ("UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "Universal", "Z")
EXAMPLE = "--set time_zone=Europe/Berlin or the like"
MINUTE = 60 * SECOND


def zone_text(minutes: int) -> str:
    """Write what stands behind stamps that are so far ahead of UTC, or have no zone."""
    if minutes == NAIVE:
        return ""
    return offset_text(minutes * MINUTE) if minutes else "Z"


def on_one_clock(
    name: str,
    micros: np.ndarray,
    minutes: int | np.ndarray,
    zone: str,
    wanted: str | None,
    faults: TableFaults,
    notes: list[str],
    series: np.ndarray | None = None,
) -> tuple[np.ndarray, str]:
    """Give the stamps [N] of a column and their zone: those of a zone with a name, `wanted` or known, are instants.

    Stamps with a `zone` are instants already, the others on the wall, `minutes` ahead of UTC. `series` [N] are the
    numbers of the series that rows are of, from 0 on, None where all are of one.
    """
    if zone or wanted:
        found = wanted or (zone if known_zone(zone) else "Z")
        if zone:
            instants = micros
        elif isinstance(minutes, int) and minutes == NAIVE:
            instants = _localised(name, micros, found, series, faults, notes)
        else:
            instants = micros - np.asarray(minutes, np.int64) * MINUTE
        return instants, "Z" if found in UTC_NAMES else found
    if isinstance(minutes, int):
        return micros, zone_text(minutes)
    instants = micros - minutes.astype(np.int64) * MINUTE
    shown = " and ".join(zone_text(int(number)) for number in np.unique(minutes))
    if len(np.unique(micros % DAY)) == 1 and len(np.unique(instants % DAY)) > 1:
        faults.add(
            f"the stamps of {name} are days of a place whose distance from UTC changes ({shown})",
            f"Name its zone, {EXAMPLE}, so that days go on by its clocks.",
        )
    notes.append(f"{name}: stamps are {shown} from UTC and shown in UTC; time_zone names the zone to show them in.")
    return instants, "Z"


def _localised(
    name: str, wall: np.ndarray, zone: str, series: np.ndarray | None, faults: TableFaults, notes: list[str]
) -> np.ndarray:
    """Find the instants of stamps without a zone: a doubled hour by the order of its rows in their series."""
    instants, doubled, never = localised(wall, zone)

    def shown(row: int) -> str:
        return stamp_texts(wall[row : row + 1], "", SECOND)[0]

    never_rows = np.flatnonzero(never)
    faults.add_rows(
        "never",
        never_rows,
        lambda number: (
            f"{name} is {shown(never_rows[number])}, which clocks of {zone} never show: they go forward there",
            "Correct it; or if the stamps are of another zone, such as UTC, name that one with time_zone.",
        ),
    )
    once = 0
    for of_day in _days_of_series(np.flatnonzero(doubled), wall, series):
        back = np.flatnonzero(np.diff(wall[of_day]) <= 0) + 1
        if len(back) > 1:
            row = int(min(of_day))
            faults.add_rows(
                "doubled",
                np.array([row]),
                lambda _, row=row: (  # type: ignore[misc]  # bound now: the loop goes on
                    f"{name} is {shown(row)}, an hour that clocks of {zone} show twice, and the order of the rows does"
                    " not tell which is meant",
                    "Write the stamps with their distance from UTC, such as +01:00, or in UTC.",
                ),
            )
        elif len(back):
            later = of_day[back[0] :]
            instants[later] = second_instants(wall[later], zone)
        else:
            once += len(of_day)
    if once:
        number = "1 stamp lies" if once == 1 else f"{once:,} stamps lie"
        notes.append(f"{name}: {number} in an hour that {zone} shows twice; the first is taken.")
    return instants


def _days_of_series(rows: np.ndarray, wall: np.ndarray, series: np.ndarray | None) -> Iterator[np.ndarray]:
    """Give the rows of each day of each series, backwards where the series goes back in time."""
    if not len(rows):
        return
    series = np.zeros(len(wall), dtype=np.int32) if series is None else series
    first = np.unique(series, return_index=True)[1]
    last = len(series) - 1 - np.unique(series[::-1], return_index=True)[1]
    days, of = wall[rows] // DAY, series[rows]
    order = np.lexsort((rows, of, days))
    breaks = np.flatnonzero((np.diff(days[order]) != 0) | (np.diff(of[order]) != 0)) + 1
    for part in np.split(rows[order], breaks):
        number = series[part[0]]
        yield part[::-1] if wall[first[number]] > wall[last[number]] else part
