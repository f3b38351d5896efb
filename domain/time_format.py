"""How stamps are written, as a setting: a format of `strptime`, or a word for counts."""

import re
from collections.abc import Iterator

from domain.showing import shown

# Counts since 1970 in UTC, and the days of spreadsheets.
UNIX_UNITS = {"unix_s": 1_000_000, "unix_ms": 1_000, "unix_us": 1, "unix_ns": 0}
SPREADSHEET = "spreadsheet"
WORDS = (*UNIX_UNITS, SPREADSHEET)
DIRECTIVES = "YymdeHIMSfpzbBhaAjGVu%"
WHOLE = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M", "D": "%m/%d/%y"}
EXAMPLE = "--set time_format='%d.%m.%Y %H:%M'"


def spelled_out(time_format: str) -> str:
    """Write directives that stand for several as those."""
    return re.sub(r"%([FTRD])", lambda found: WHOLE[found[1]], time_format)


def time_format_faults(time_format: str) -> Iterator[str]:
    """Say what is wrong with a format."""
    if time_format in WORDS or time_format == "%s":
        return
    if "%" not in time_format:
        yield (
            f"time_format is {shown(time_format)}, which names no part of a time."
            f" Write it as strptime does, for example {EXAMPLE}, or choose one of {', '.join(WORDS)}."
        )
        return
    parts = re.findall("%(.?)", spelled_out(time_format), re.DOTALL)
    unknown = [part for part in parts if not part or part not in DIRECTIVES]
    if unknown:
        known = ", ".join(f"%{letter}" for letter in DIRECTIVES)
        yield f"time_format has %{unknown[0]}, which is not known. Choose among {known}, or %s alone for Unix seconds."
        return
    names = [{"e": "d", "B": "b", "h": "b", "A": "a", "I": "H", "G": "Y", "y": "Y"}.get(part, part) for part in parts]
    names = ["m" if name == "b" else name for name in names]
    twice = [name for name in names if name != "%" and names.count(name) > 1]
    if twice:
        yield f"time_format is {shown(time_format)}, which names a part of the time twice. Name each once."
    if "Y" not in names:
        yield f"time_format is {shown(time_format)}, which names no year. Stamps need one: %Y, or %y for two digits."
