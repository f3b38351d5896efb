"""Texts of stamps in the forms that people write, read a column at a time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow
import pyarrow.compute

from domain.time_format import spelled_out
from infrastructure.data.clock.stamps import DAY, SECOND

NAIVE = -10_000  # instead of the minutes that a stamp is ahead of UTC
_TIME = (
    r"(?:(?:\s*[T,:_]\s*|\s+)(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?(?:\[[A-Za-z_/+-]+\])?)?"
)
_WEEKDAY = r"(?:[A-Za-z]{3,9}\.?,?\s+)?"
_YEAR, _DAY, _NAME = r"(?P<year>\d{4})", r"(?P<day>\d{1,2})(?:st|nd|rd|th)?", r"(?P<name>[A-Za-z]{3,9})\.?"
_GAP = r"[-/. ,]+"
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july",
    "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH_NAMES = {spelling: number for number, name in enumerate(_MONTHS, 1) for spelling in (name, name[:3])}
_MONTH_NAMES["sept"] = 9
ISO = rf"{_YEAR}[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}}){_TIME}"
# Day and month in either order: which of them is first, a column must say.
TWO_WAYS = rf"{_WEEKDAY}(?P<first>\d{{1,2}})[-/.](?P<then>\d{{1,2}})[-/.]{_YEAR}{_TIME}"
# A year of two digits may be a day as well: such texts are read once their form is named.
SHORT_YEARS = (
    rf"{_WEEKDAY}(?P<first>\d{{1,2}})[-/.](?P<then>\d{{1,2}})[-/.](?P<short>\d{{2}}){_TIME}",
    rf"{_WEEKDAY}(?P<first>\d{{1,2}})[-/. ](?P<name>[A-Za-z]{{3,9}})[-/. ](?P<short>\d{{2}}){_TIME}",
)
FORMS = (
    ISO,
    TWO_WAYS,
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})[T _-]?(?P<hour>\d{2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})"
    r"(?:[.,](?P<fraction>\d{1,9}))?)?)?\s*(?P<zone>Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?",
    rf"{_WEEKDAY}{_DAY}{_GAP}{_NAME}{_GAP}{_YEAR}{_TIME}",
    rf"{_WEEKDAY}{_NAME}{_GAP}{_DAY}{_GAP}{_YEAR}{_TIME}",
    rf"{_WEEKDAY}{_NAME}\s+{_DAY}\s+(?P<hour>\d{{1,2}}):(?P<minute>\d{{2}}):(?P<second>\d{{2}})\s+{_YEAR}",
    rf"{_YEAR}{_GAP}{_NAME}{_GAP}{_DAY}{_TIME}",
    r"(?P<year>\d{4})[-/.M](?P<month>\d{1,2})",
    r"(?P<month>\d{1,2})[-/.](?P<year>\d{4})",
    rf"{_NAME}{_GAP}{_YEAR}",
    rf"{_YEAR}{_GAP}{_NAME}",
    r"(?P<year>\d{4})-(?P<yearday>\d{3})",
    r"(?P<year>\d{4})[-/ ]?[Qq](?P<quarter>[1-4])",
    r"[Qq](?P<quarter>[1-4])[-/ ]?(?P<year>\d{4})",
    r"(?P<year>\d{4})-?[Ww](?P<week>\d{1,2})(?:-?(?P<weekday>[1-7]))?",
)
_DIRECTIVES = {
    "Y": r"(?P<year>\d{4})",
    "G": r"(?P<year>\d{4})",
    "y": r"(?P<short>\d{2})",
    "m": r"(?P<month>\d{1,2})",
    "d": r"(?P<day>\d{1,2})",
    "e": r"\s*(?P<day>\d{1,2})",
    "H": r"(?P<hour>\d{1,2})",
    "I": r"(?P<hour>\d{1,2})",
    "M": r"(?P<minute>\d{1,2})",
    "S": r"(?P<second>\d{1,2})",
    "f": r"(?P<fraction>\d{1,9})",
    "p": r"(?P<half>[AaPp]\.?[Mm]\.?)",
    "z": r"(?P<zone>Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)",
    "b": r"(?P<name>[A-Za-z]{3,9})\.?",
    "a": r"[A-Za-z]{2,9}\.?",
    "j": r"(?P<yearday>\d{1,3})",
    "V": r"(?P<week>\d{1,2})",
    "u": r"(?P<weekday>[1-7])",
    "%": "%",
}
_DIRECTIVES |= {"B": _DIRECTIVES["b"], "h": _DIRECTIVES["b"], "A": _DIRECTIVES["a"]}

_NO_DIGITS = "pzbBhaA%"


@dataclass(frozen=True)
class Stamps:
    """Stamps [n] of a block: wall clock in microseconds since 1970, which are readable, and minutes ahead of UTC.

    Minutes are one for all, or [n], with `NAIVE` where no zone was written.
    """

    micros: np.ndarray
    valid: np.ndarray
    minutes: int | np.ndarray = NAIVE


def form_of(text: str) -> str | None:
    """Find the form of a text; None when it has none of those that are known."""
    for form in FORMS:
        if re.fullmatch(form, text.strip()) and any(
            stamps.valid[0] for stamps in read_both_ways(pyarrow.array([text]), form)
        ):
            return form
    return None


def pattern_of(time_format: str) -> str:
    """Translate a format of `strptime` that was checked."""
    written = spelled_out(time_format)
    parts = re.split("%(.)", written, flags=re.DOTALL)
    texts = [re.sub(r"\\?\s+", r"\\s+", re.escape(part)) for part in parts[0::2]]
    letters, pattern = parts[1::2], texts[0]
    for number, letter in enumerate(letters):
        # Beside other digits, a day of one digit would be read with one of the month.
        before = number > 0 and not texts[number] and letters[number - 1] not in _NO_DIGITS
        after = number + 1 < len(letters) and not texts[number + 1] and letters[number + 1] not in _NO_DIGITS
        piece = _DIRECTIVES[letter]
        pattern += (piece.replace("{1,2}", "{2}") if before or after else piece) + texts[number + 1]
    return pattern


def formats_of(text: str, pattern: str) -> list[str]:
    """Write the formats of a text that matches a pattern: by day first and, where it says none, by month first."""
    found = re.fullmatch(pattern, text.strip())
    assert found is not None
    groups = {name: part for name, part in found.groupdict().items() if part}
    directives = {
        "name": "%b", "year": "%Y", "short": "%y", "hour": "%I" if "half" in groups else "%H", "minute": "%M",
        "second": "%S", "fraction": "%f", "half": "%p", "zone": "%z",
    }  # fmt: skip
    formats = []
    for first, then in (("%d", "%m"), ("%m", "%d")):
        directives |= {"first": first, "then": then}
        written, at = "", 0
        for name in sorted(groups, key=found.start):
            written += re.sub("[A-Za-z]{3,}", "%a", text[at : found.start(name)]) + directives[name]
            at = found.end(name)
        formats.append(written + text[at:])
    return formats if "then" in groups else formats[:1]


def read_texts(texts: pyarrow.Array, pattern: str) -> Stamps:
    """Read a block whose texts have a pattern that says the order of day and month."""
    return _stamps(_groups(texts, pattern))


def read_both_ways(texts: pyarrow.Array, pattern: str) -> list[Stamps]:
    """Read a block by day first and by month first, where its pattern leaves that open; else in its one way."""
    groups = _groups(texts, pattern)
    if "first" not in groups:
        return [_stamps(groups)]
    first, then = groups.pop("first"), groups.pop("then")
    return [_stamps({**groups, "day": day, "month": month}) for day, month in ((first, then), (then, first))]


def _groups(texts: pyarrow.Array, pattern: str) -> dict[str, pyarrow.Array]:
    found = pyarrow.compute.extract_regex(texts, rf"^\s*(?:{pattern})\s*$")
    fields = {field.name: found.field(field.name) for field in found.type}
    return {"": found.is_valid(), **fields}


def _stamps(groups: Mapping[str, pyarrow.Array]) -> Stamps:
    valid = groups[""].to_numpy(zero_copy_only=False).astype(bool)

    def number(name: str, default: int) -> np.ndarray:
        if name not in groups:
            return np.full(len(valid), default, dtype=np.int64)
        there = pyarrow.compute.if_else(pyarrow.compute.equal(groups[name], ""), None, groups[name])
        filled: np.ndarray = there.cast(pyarrow.int64()).fill_null(default).to_numpy(zero_copy_only=False)
        return filled

    year = number("year", 0)
    if "short" in groups:  # as POSIX: 69 is 1969, 68 is 2068
        short = number("short", 0)
        year = short + np.where(short < 69, 2000, 1900)
    month, day = number("month", 1), number("day", 1)
    if "name" in groups:
        month = _month_numbers(groups["name"])
    if "quarter" in groups:
        month = 3 * number("quarter", 1) - 2
    valid &= (year >= 1) & (year <= 9999) & (month >= 1) & (month <= 12)
    months = np.where(valid, (year - 1970) * 12 + month - 1, 0)
    start = _days_at(months)
    valid &= (day >= 1) & (start + day <= _days_at(months + 1))
    days = start + day - 1
    if "week" in groups:
        week = number("week", 1)
        monday = _first_monday(start)
        valid &= (week >= 1) & (monday + 7 * week <= _first_monday(_days_at(months + 12)))
        days = monday + 7 * (week - 1) + number("weekday", 1) - 1
    if "yearday" in groups:
        yearday = number("yearday", 1)
        valid &= (yearday >= 1) & (start + yearday <= _days_at(months + 12))
        days = start + yearday - 1
    hour, minute, second = number("hour", 0), number("minute", 0), number("second", 0)
    hour, sound = _of_day(hour, groups.get("half"))
    valid &= sound & (hour < 24) & (minute < 60) & (second < 60)
    micros = days * DAY + ((hour * 60 + minute) * 60 + second) * SECOND + _fraction(groups, len(valid))
    return Stamps(np.where(valid, micros, 0), valid, _minutes(groups.get("zone"), len(valid)))


def _month_numbers(names: pyarrow.Array) -> np.ndarray:
    place = pyarrow.compute.index_in(pyarrow.compute.utf8_lower(names), pyarrow.array(list(_MONTH_NAMES)))
    numbers = np.array([*_MONTH_NAMES.values(), 0])
    return numbers[place.fill_null(-1).to_numpy(zero_copy_only=False)]


def _of_day(hour: np.ndarray, half: pyarrow.Array | None) -> tuple[np.ndarray, np.ndarray]:
    """Give hours [n] of 24 from those of 12, and whether they are some."""
    if half is None:
        return hour, np.ones(len(hour), dtype=bool)
    first = pyarrow.compute.utf8_lower(pyarrow.compute.utf8_slice_codeunits(half, 0, 1)).fill_null("")
    letters = first.to_numpy(zero_copy_only=False)
    of_twelve = letters != ""
    told = np.where(of_twelve, hour % 12 + 12 * (letters == "p"), hour)
    return told, ~of_twelve | ((hour >= 1) & (hour <= 12))


def _fraction(groups: Mapping[str, pyarrow.Array], length: int) -> np.ndarray:
    if "fraction" not in groups:
        return np.zeros(length, dtype=np.int64)
    digits = pyarrow.compute.utf8_slice_codeunits(groups["fraction"].fill_null(""), 0, 6)
    digits = pyarrow.compute.utf8_rpad(digits, 6, "0")
    found: np.ndarray = digits.cast(pyarrow.int64()).to_numpy(zero_copy_only=False)
    return found


def _minutes(zones: pyarrow.Array | None, length: int) -> int | np.ndarray:
    if zones is None:
        return NAIVE
    coded = zones.fill_null("").dictionary_encode()
    known = np.array([minutes_ahead(zone) for zone in coded.dictionary.to_pylist()], dtype=np.int64)
    if len(set(known.tolist())) <= 1:
        return int(known[0]) if len(known) else NAIVE
    there: np.ndarray = known[coded.indices.to_numpy(zero_copy_only=False)]
    return there


def minutes_ahead(zone: str) -> int:
    """Read what stands behind a stamp."""
    if not zone:
        return NAIVE
    digits = re.sub(r"\D", "", zone).ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:4])
    return -minutes if zone[0] == "-" else minutes


def _days_at(months: np.ndarray) -> np.ndarray:
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _first_monday(new_year: np.ndarray) -> np.ndarray:
    """Give the Monday of the first ISO week: that of the fourth of January."""
    fourth = new_year + 3
    return fourth - (fourth + 3) % 7
