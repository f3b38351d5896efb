"""How a data file is read, and how much of it is taken: what no honest file needs and a hostile one would use."""

import codecs
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.exceptions import ConfigurationError
from domain.rules import whole
from domain.showing import shown
from domain.time_format import time_format_faults

MIB = 1 << 20
MAX_ROW_MIB = 64
MOST_ROW_MIB = 1024  # a text is held whole, several times over, while it is checked and written
# A compressed file may always grow to this, and else to this many times its size: text seldom packs better than 20:1,
# repeated logs 100:1, and zeros 1000:1.
UNPACKED_AT_LEAST_MIB = 1024
UNPACKED_TIMES = 200
MAX_COLUMNS = 1_000  # of a table, read as numbers: a window of ten thousand takes a model many gigabytes
MAX_FIELDS = 100_000  # of one row
MAX_NAME_CHARACTERS = 1_000  # of a label
MAX_LABELS = 5_000  # each is scored against each
DELIMITERS = (",", ";", "\t", "|")
DECIMALS = (".", ",")
QUOTINGS = ("none", "double")
_CHOICES = {"delimiter": DELIMITERS, "quoting": QUOTINGS, "decimal": DECIMALS}


@dataclass(frozen=True)
class Reading:
    """How a data file is read; what is None is found out from the file.

    `delimiter`, `encoding`, `quoting` and `decimal` are of texts: a cell may stand between quotes, and doubles those
    within ("double"), or a quote is a letter ("none"); a point or a comma stands before the tenths. `sheet` names one
    of a workbook, `time_format` (as in `strptime`) and `time_zone` (a name such as Europe/Berlin) are of the clock of a
    table.
    A row, line or cell has at most `max_row_mib` (counted in characters), a compressed file `max_unpacked_mib` once
    unpacked; without that it may grow to 1 GiB or to 200 times its size, whichever is more.
    """

    delimiter: str | None = None
    encoding: str | None = None
    quoting: str | None = None
    decimal: str | None = None
    sheet: str | None = None
    time_format: str | None = None
    time_zone: str | None = None
    max_row_mib: int = MAX_ROW_MIB
    max_unpacked_mib: int | None = None

    @property
    def row_characters(self) -> int:
        """Greatest length of a row."""
        return self.max_row_mib * MIB

    @property
    def decisive(self) -> tuple[str | None, ...]:
        """What changes the rows that are read; the limits only refuse some."""
        return self.delimiter, self.encoding, self.quoting, self.decimal, self.sheet, self.time_format, self.time_zone

    def unpacked_bytes(self, packed_bytes: int) -> int:
        """Greatest size of what comes out of a compressed file of this size."""
        if self.max_unpacked_mib is not None:
            return self.max_unpacked_mib * MIB
        return max(UNPACKED_AT_LEAST_MIB * MIB, UNPACKED_TIMES * packed_bytes)

    @classmethod
    def given(cls, values: Mapping[str, Any], beside: Sequence[str] = ()) -> "Mapping[str, Any]":
        """Check settings that replace those of a model; others, named `beside` them, are checked elsewhere.

        Raises: ConfigurationError naming each that is wrong.
        """
        known = tuple(cls.__dataclass_fields__)
        faults = [
            f"setting {shown(name)} is not one of reading. Name one of {', '.join((*known, *beside))}."
            for name in values
            if name not in known
        ]
        if not faults:
            faults = list(cls(**values).faults())
        if faults:
            raise ConfigurationError.of(faults)
        return values

    def travelling(self) -> dict[str, Any]:
        """What a model takes along; the text of each file and its sheet are its own."""
        names = ("time_format", "time_zone", "max_row_mib", "max_unpacked_mib")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def faults(self) -> Iterator[str]:
        """Say what is wrong with what was asked for."""
        for name in ("encoding", "sheet", "time_format", "time_zone", *_CHOICES):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, str) and value):
                yield f"{name} is {shown(value)}, but must be a text. Correct it or leave it out."
                return
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value is not None and value not in choices:
                names = ", ".join(map(repr, choices))
                yield f"{name} is {shown(value)}, but must be one of {names}. Choose one of them."
        if self.encoding is not None and not _is_encoding(self.encoding):
            yield (
                f"encoding is {shown(self.encoding)}, which is the name of none."
                " Name one, such as utf-8, utf-16, windows-1252 or latin-1."
            )
        if self.time_zone is not None and not _is_zone(self.time_zone):
            yield (
                f"time_zone is {shown(self.time_zone)}, which is the name of none."
                " Name one as the tz database does, such as UTC or Europe/Berlin."
            )
        if self.time_format is not None:
            yield from time_format_faults(self.time_format)
        yield from whole("max_row_mib", self.max_row_mib, at_least=1)
        if type(self.max_row_mib) is int and self.max_row_mib > MOST_ROW_MIB:
            yield f"max_row_mib is {self.max_row_mib}, but must be at most {MOST_ROW_MIB}. Split such rows before."
        if self.max_unpacked_mib is not None:
            yield from whole("max_unpacked_mib", self.max_unpacked_mib, at_least=1)


AS_FOUND = Reading()


def _is_encoding(name: str) -> bool:
    try:
        return bool(codecs.lookup(name)) and isinstance("".encode(name), bytes)
    except (LookupError, ValueError):  # no codec, or one of bytes alone
        return False


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return False
    return True
