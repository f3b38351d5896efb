"""The unit and bounds of stamps, and one stamp in ISO 8601."""

import datetime
import re

import numpy as np

SECOND = 1_000_000  # microseconds, the unit of every stamp
DAY = 86_400 * SECOND
FIRST = -719_162 * DAY  # year 1
LAST = 2_932_897 * DAY - 1  # year 9999
_TEXT = re.compile(
    r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})"
    r"(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s?(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?)?"
)
KNOWN_FORMS = "2024-01-31, 2024-01-31 13:45:00 (also with T, a fraction, Z or +02:00) or 2024/01/31"


def read_stamp(text: str) -> tuple[int, str] | None:
    """Read one stamp in ISO 8601: its microseconds since 1970 on the wall clock, and its zone; None when it is none.

    A zone is `""`, `"Z"` or like `"+02:00"`.
    """
    match = _TEXT.fullmatch(text.strip())
    if not match:
        return None
    year, _, month, day, hour, minute, second, fraction, zone = match.groups(default="")
    try:
        when = datetime.datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)
        ) - datetime.datetime(1970, 1, 1)
    except ValueError:
        return None
    micros = (when.days * 86_400 + when.seconds) * SECOND + int(fraction.ljust(6, "0")[:6])
    return micros, _zone(zone)


def _zone(written: str) -> str:
    digits = re.sub(r"\D", "", written).ljust(4, "0")
    if not written or written in ("Z", "z", "UTC") or digits == "0000":
        return "Z" if written else ""
    return f"{written[0]}{digits[:2]}:{digits[2:4]}"


def commonest_step(stamps: np.ndarray) -> int | None:
    """Give the most frequent distance of neighbours, the shortest of several; None for fewer than two stamps."""
    if len(stamps) < 2:
        return None
    distances, counts = np.unique(np.diff(stamps), return_counts=True)
    return int(distances[counts.argmax()])
