"""Stamps written as digits alone: what they count is decided when all of them are known."""

import re

import numpy as np
import pyarrow
import pyarrow.compute

from domain.time_format import UNIX_UNITS
from infrastructure.data.clock.forms import NAIVE
from infrastructure.data.clock.stamps import FIRST, LAST, SECOND
from infrastructure.data.columnar.plain_columns import is_utf8
from infrastructure.data.files.table_faults import TableFaults
from infrastructure.data.time_column.counts import CountReading, counts_as, plausible_reading

_COUNT = r"^\s*(?P<whole>-?\d{1,18}|[1-8]\d{18})(?:\.(?P<part>\d*))?\s*$"
_LARGEST = 2**62


def is_count(text: str) -> bool:
    """Tell whether a text is digits alone, perhaps with a fraction."""
    return re.fullmatch(_COUNT, text) is not None


class CountColumn:
    """Keeps the counts of a column; `time_format` None finds out what they count, `usual` decides between two."""

    def __init__(self, name: str, time_format: str | None, usual: str | None = None) -> None:
        self.in_utc = False
        self.found_format: str | None = None
        self._name, self._time_format, self._usual = name, time_format, usual
        self._counts: list[np.ndarray] = []
        self._fractions: list[np.ndarray | None] = []

    def add(self, cells: pyarrow.Array) -> tuple[np.ndarray, int | np.ndarray]:
        """Read a block: which cells [n] may be stamps, and how many minutes ahead of UTC they stand."""
        counts, fractions, valid = _of_texts(cells) if is_utf8(cells.type) else _of_numbers(cells)
        self._counts.append(np.where(valid, counts, 0))
        self._fractions.append(fractions if np.any(fractions) else None)
        return valid, NAIVE

    def finish(self, faults: TableFaults, notes: list[str]) -> np.ndarray:
        """Give the stamps [N] as they are meant, in microseconds; what cannot be decided is a fault."""
        counts = np.concatenate(self._counts)
        fractions = self._all_fractions()
        if self._time_format is not None:
            found: CountReading | tuple[str, str] = counts_as(self._time_format, counts, fractions)
        else:
            found = plausible_reading(self._name, counts, fractions, self._usual)
        if isinstance(found, tuple):
            faults.add_rows("count", np.zeros(1, dtype=np.int64), lambda _: found)
            return np.zeros(0, dtype=np.int64)
        bad = np.flatnonzero(~found.valid | (found.micros < FIRST) | (found.micros > LAST))
        faults.add_rows(
            "count",
            bad,
            lambda number: (
                f"{self._name} is {counts[bad[number]]}, which is no stamp in the form {found.time_format}",
                "Correct it, or name another form with time_format.",
            ),
        )
        self.found_format = found.time_format
        self.in_utc = found.time_format in UNIX_UNITS
        if self._time_format is None:
            notes.append(f"{self._name} is read as {found.time_format}.")
        return found.micros

    def _all_fractions(self) -> np.ndarray | None:
        if all(part is None for part in self._fractions):
            return None
        pairs = zip(self._fractions, self._counts, strict=True)
        return np.concatenate([np.zeros(len(counts), np.int64) if part is None else part for part, counts in pairs])


def _of_numbers(cells: pyarrow.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    valid = cells.is_valid().to_numpy(zero_copy_only=False)
    numbers = cells.fill_null(0).to_numpy(zero_copy_only=False)
    if pyarrow.types.is_integer(cells.type):
        valid = valid & (numbers <= _LARGEST) if numbers.dtype == np.uint64 else valid
        return np.where(valid, numbers, 0).astype(np.int64), np.zeros(len(cells), np.int64), valid
    valid = valid & np.isfinite(numbers) & (np.abs(np.nan_to_num(numbers)) < _LARGEST)
    numbers = np.where(valid, numbers, 0.0)
    whole = np.floor(numbers)
    return whole.astype(np.int64), np.rint((numbers - whole) * SECOND).astype(np.int64), valid


def _of_texts(cells: pyarrow.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    try:  # almost always there are no fractions, and nothing but digits
        counts = cells.cast(pyarrow.int64())
        valid = counts.is_valid().to_numpy(zero_copy_only=False)
        return counts.fill_null(0).to_numpy(zero_copy_only=False), np.zeros(len(cells), np.int64), valid
    except pyarrow.ArrowInvalid:
        found = pyarrow.compute.extract_regex(cells, _COUNT)
    valid = found.is_valid().to_numpy(zero_copy_only=False)
    whole = pyarrow.compute.if_else(found.is_valid(), found.field("whole"), "0").cast(pyarrow.int64())
    part = pyarrow.compute.utf8_slice_codeunits(found.field("part").fill_null(""), 0, 6)
    part = pyarrow.compute.utf8_rpad(part, 6, "0").cast(pyarrow.int64())
    return whole.to_numpy(zero_copy_only=False), part.to_numpy(zero_copy_only=False), valid
