"""Time zones with names: between the wall clock of a place and UTC, for whole columns."""

import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from infrastructure.data.clock.stamps import DAY, FIRST, LAST, SECOND

_EPOCH = datetime.datetime(1970, 1, 1)


def is_named(zone: str) -> bool:
    """Tell whether a zone has a name, so that its distance from UTC may change."""
    return bool(zone) and zone != "Z" and zone[0] not in "+-"


def known_zone(name: str) -> bool:
    """Tell whether the tz database has a zone."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return False
    return True


def wall_clock(moments: np.ndarray, zone: str) -> np.ndarray:
    """Give what clocks of a named zone show at moments [N] of UTC; other zones change nothing."""
    return moments + offsets(moments, zone) if is_named(zone) else moments


def offsets(moments: np.ndarray, zone: str) -> np.ndarray:
    """Give how far a named zone is ahead of UTC at moments [N] of UTC, in microseconds."""
    place = ZoneInfo(zone)
    moments = np.asarray(moments, dtype=np.int64)

    def ahead(micros: int) -> int:
        when = (_EPOCH + datetime.timedelta(microseconds=micros)).replace(tzinfo=datetime.UTC)
        return _micros(when.astimezone(place).utcoffset())

    days, which = np.unique(moments // DAY, return_inverse=True)
    at_start, at_end = (np.array([ahead(_within(day)) for day in (days + end) * DAY], np.int64) for end in (0, 1))
    found = at_start[which]
    for row in np.flatnonzero((at_start != at_end)[which]):
        found[row] = ahead(int(moments[row]))
    return found


def localised(wall: np.ndarray, zone: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the instants [N] at which clocks of a named zone show `wall`, and which are doubled and which never shown.

    Of a doubled time the first instant is given, of one that is never shown the instant by the clock before it.
    """
    place = ZoneInfo(zone)
    wall = np.asarray(wall, dtype=np.int64)

    def both(micros: int) -> tuple[int, int]:
        when = (_EPOCH + datetime.timedelta(microseconds=micros)).replace(tzinfo=place)
        return _micros(when.utcoffset()), _micros(when.replace(fold=1).utcoffset())

    days, which = np.unique(wall // DAY, return_inverse=True)
    before, after = (np.array([both(_within(day))[fold] for day in (days + fold) * DAY], np.int64) for fold in (0, 1))
    ahead = before[which]
    doubled, never = np.zeros(len(wall), bool), np.zeros(len(wall), bool)
    for row in np.flatnonzero((before != after)[which]):
        first, second = both(int(wall[row]))
        ahead[row], doubled[row], never[row] = first, first > second, first < second
    return wall - ahead, doubled, never


def second_instants(wall: np.ndarray, zone: str) -> np.ndarray:
    """Give the later instants [N] at which clocks of a named zone show doubled times."""
    place = ZoneInfo(zone)
    whens = [(_EPOCH + datetime.timedelta(microseconds=int(micros))).replace(tzinfo=place, fold=1) for micros in wall]
    return np.asarray(wall, np.int64) - np.array([_micros(when.utcoffset()) for when in whens], np.int64)


def instants(stamps: np.ndarray, zone: str) -> np.ndarray:
    """Give the instants of stamps [N] of any zone."""
    return stamps if zone in ("", "Z") or is_named(zone) else stamps - _distance(zone)


def from_instants(moments: np.ndarray, zone: str) -> np.ndarray:
    """Give the stamps of any zone at moments [N] of UTC."""
    return moments if zone in ("", "Z") or is_named(zone) else moments + _distance(zone)


def _distance(zone: str) -> int:
    """Give how far a zone such as "+02:00" is ahead, in microseconds."""
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return (-1 if zone[0] == "-" else 1) * minutes * 60 * SECOND


def offset_text(micros: int) -> str:
    """Write a distance from UTC as ISO 8601 does."""
    minutes = abs(micros) // (60 * SECOND)
    return f"{'-' if micros < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


def _micros(offset: datetime.timedelta | None) -> int:
    assert offset is not None
    return (offset.days * 86_400 + offset.seconds) * SECOND


def _within(micros: np.int64) -> int:
    """Keep two days away from the ends of what Python dates can say."""
    return int(min(max(int(micros), FIRST + 2 * DAY), LAST - 2 * DAY))
