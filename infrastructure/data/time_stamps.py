"""Stamps of a table, read from texts and numbers."""

import datetime
import re

import numpy as np
import pyarrow
import pyarrow.compute

SECOND = 1_000_000  # microseconds, the unit of every stamp
DAY = 86_400 * SECOND
FIRST = -719_162 * DAY  # year 1
LAST = 2_932_897 * DAY - 1  # year 9999
_TEXT = re.compile(
    r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})"
    r"(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s?(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?)?"
)
_UNIX = re.compile(r"(\d{9,19})(?:\.0+)?")
# A count below the first bound would be before 1973, and is more likely a row number or a day written as 20200131.
_UNITS = ((10**8, "seconds"), (10**11, "milliseconds"), (10**14, "microseconds"), (10**17, "nanoseconds"))
NO_STAMP = "no stamp"
KNOWN_FORMS = "2024-01-31, 2024-01-31 13:45:00 (also with T, a fraction, Z or +02:00), 2024/01/31 or Unix seconds"


def read_stamp(text: str) -> tuple[int, str] | None:
    """Read one stamp: its microseconds since 1970 on the wall clock, and its frame; None when it is no stamp.

    A frame is the zone (`""`, `"Z"`, `"+02:00"`), or the unit of a Unix count, which stands in UTC.
    """
    text = text.strip()
    count = _UNIX.fullmatch(text)
    if count:
        return _unix(int(count[1]))
    match = _TEXT.fullmatch(text)
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


def _unix(count: int) -> tuple[int, str] | None:
    units = [unit for bound, unit in _UNITS if count >= bound]
    if not units:
        return None
    return _micros(np.array([count], dtype=np.uint64), units[-1])[0].item(), f"Unix {units[-1]}"


def _micros(counts: np.ndarray, unit: str) -> np.ndarray:
    if unit == "nanoseconds":
        return (counts // 1000).astype(np.int64)
    return counts.astype(np.int64) * {"seconds": SECOND, "milliseconds": 1000, "microseconds": 1}[unit]


def zone_of_frame(frame: str) -> str:
    """Give what stands behind a stamp of this frame: Unix counts are of UTC."""
    return "Z" if frame.startswith("Unix") else frame


def read_stamps(column: pyarrow.Array) -> tuple[np.ndarray, np.ndarray]:
    """Read a block of stamps [n]: int64 microseconds and the frame of each, `NO_STAMP` where it is none.

    Takes texts, whole numbers, dates and times of Arrow. A time zone with a name is counted in UTC: its distance from
    UTC may change within the table.
    """
    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        return read_stamps(column.dictionary_decode())
    if pyarrow.types.is_timestamp(kind) or pyarrow.types.is_date(kind):
        return _arrow_stamps(column)
    if not pyarrow.types.is_string(kind):
        # Numbers too: the few forms that are stamps are told apart by their digits.
        whole = pyarrow.types.is_integer(kind) or pyarrow.types.is_large_string(kind)
        if not whole:
            return np.zeros(len(column), np.int64), np.full(len(column), NO_STAMP, dtype=object)
        column = column.cast(pyarrow.string())
    quick = _alike(column) if len(column) and not column.null_count else None
    if quick is not None and np.all((quick[0] >= FIRST) & (quick[0] <= LAST)):
        return quick[0], np.full(len(column), quick[1], dtype=object)
    read = [None if text is None else read_stamp(text) for text in column.to_pylist()]
    micros = np.array([stamp[0] if stamp else 0 for stamp in read], dtype=np.int64)
    return micros, np.array([stamp[1] if stamp else NO_STAMP for stamp in read], dtype=object)


def _alike(texts: pyarrow.Array) -> tuple[np.ndarray, str] | None:
    """Read texts that are all of the form of the first, many at once; None if not all are."""
    try:
        first = texts[0].as_py()
        known = read_stamp(first)
        if known is None:
            return None
        if known[1].startswith("Unix"):
            counts = texts.cast(pyarrow.uint64()).to_numpy(zero_copy_only=False)
            frames = {frame[1] if frame else None for frame in (_unix(int(counts.min())), _unix(int(counts.max())))}
            return (_micros(counts, known[1].removeprefix("Unix ")), known[1]) if frames == {known[1]} else None
        match = _TEXT.fullmatch(first)
        zone = (match[9] or "") if match else ""
        if zone:
            if not pyarrow.compute.all(pyarrow.compute.ends_with(texts, zone)).as_py():
                return None
            texts = pyarrow.compute.utf8_slice_codeunits(texts, 0, -len(zone))
        texts = pyarrow.compute.replace_substring(texts, "/", "-")
        return texts.cast(pyarrow.timestamp("us")).cast(pyarrow.int64()).to_numpy(zero_copy_only=False), known[1]
    except pyarrow.ArrowInvalid:
        return None


def _arrow_stamps(column: pyarrow.Array) -> tuple[np.ndarray, np.ndarray]:
    zone = getattr(column.type, "tz", None) or ""
    fixed = re.fullmatch(r"[+-]\d{2}:?\d{2}", zone)
    day_unit = "D" if column.type.bit_width == 32 else "ms"
    unit = day_unit if pyarrow.types.is_date(column.type) else column.type.unit
    ticks = {"D": DAY, "s": SECOND, "ms": 1000, "us": 1, "ns": 1}[unit]
    raw = column.view(pyarrow.int32() if unit == "D" else pyarrow.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    raw = raw.astype(np.int64) // (1000 if unit == "ns" else 1)
    # Seconds since 1970 may stand for years that microseconds in 64 bits cannot tell.
    fits = (raw >= FIRST // ticks) & (raw <= LAST // ticks) & column.is_valid().to_numpy(zero_copy_only=False)
    micros = np.where(fits, raw, 0) * ticks
    frame = ""
    if fixed:
        frame = _zone(zone)
        sign = -1 if zone[0] == "-" else 1
        micros = micros + sign * (int(zone[1:3]) * 60 + int(zone[-2:])) * 60 * SECOND
    elif zone:
        frame = "Z"
    return micros, np.where(fits, frame, NO_STAMP).astype(object)


def commonest_step(stamps: np.ndarray) -> int | None:
    """Give the most frequent distance of neighbours, the shortest of several; None for fewer than two stamps."""
    if len(stamps) < 2:
        return None
    distances, counts = np.unique(np.diff(stamps), return_counts=True)
    return int(distances[counts.argmax()])
