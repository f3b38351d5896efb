"""Tables of several series below each other: their stamps repeat, and a column says which series a row is of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Protocol

import numpy as np
import pyarrow
import pyarrow.compute

from domain.exceptions import DatasetError
from infrastructure.data.columnar.plain_columns import plain

# The first rows of a large table tell, and all of them only where those do not: their texts are held at once.
FIRST_ROWS = 1 << 18
MOST_COLUMNS = 200
MOST_PAIRED = 8
LEAST_REPEATED = 0.1  # share of rows that repeat a stamp: fewer are mistakes, or an hour that a clock showed twice
LEAST_EXPLAINED = 0.98  # share of rows that are the only one of their stamp and series
SERIES_PER_STAMP = 3  # a column of numbers has at most so many times more values than a stamp has rows
_IDS = ("unique_id", "series_id", "item_id", "series", "id", "ticker", "symbol", "sku", "store", "shop", "group")
NAMES_OF_SERIES = ("unique_id", "series_id", "item_id", "ticker", "symbol")
_TIMES = ("time", "hour", "hr", "hh", "minute", "stunde", "hour_ending", "hour ending", "time of day", "hhmm")


class LongFormatError(DatasetError):
    """A table of many series, read as one; `columns` tell them apart."""

    def __init__(self, problem: str, columns: tuple[str, ...]) -> None:
        super().__init__(problem)
        self.columns = columns


class Blocks(Protocol):
    """A source of a table."""

    def blocks(self, written: Sequence[str]) -> Iterator[list[pyarrow.Array]]:
        """Read some columns."""
        ...


@dataclass(frozen=True)
class _Column:
    """A column that may name series: the number of each row's value, and how many there are."""

    codes: np.ndarray
    number: int
    is_number: bool
    is_time: bool


@dataclass(frozen=True)
class LongFormat:
    """Columns that tell series apart, and how many series there are, or `at_least` are."""

    columns: tuple[str, ...]
    num_series: int
    is_time: bool = False
    why: str = "stamps repeat, as "
    at_least: bool = False

    def error(self, name: str, time: str) -> DatasetError:
        """Refuse a table as one series."""
        told = "{}: {}: {}".format(name, *self.fault(time))
        return DatasetError(told) if self.is_time else LongFormatError(told, self.columns)

    def fault(self, time: str) -> tuple[str, str]:
        """Say what the table is, and what to do."""
        names = " and ".join(self.columns)
        if self.is_time:
            return (
                f"stamps of {time} repeat, as the time of day stands in a column of its own, {names}",
                f"Write both into {time}, such as 2024-01-31 13:00, and take {names} out.",
            )
        return (
            f"{self.why}this is a table of {'at least ' if self.at_least else ''}{self.num_series:,} series in long"
            f" format, told apart by {names}",
            f"Give one table a series, the rows with one {names}; or pivot it to one row a stamp and one column a"
            " series.",
        )


def long_format(source: Blocks, names: Sequence[tuple[str, str]], stamps: np.ndarray) -> LongFormat | None:
    """Find what tells apart the rows with one stamp; None where nothing does.

    `names` are columns as they are used and as they are written, `stamps` [N] those of the rows as they stand.
    """
    if len(stamps) > FIRST_ROWS:
        found = _explained(_First(source), names, stamps[:FIRST_ROWS])
        if found is not None:
            return replace(found, at_least=True)
    return _explained(source, names, stamps)


class _First:
    """The first rows of a source."""

    def __init__(self, source: Blocks) -> None:
        self._source = source

    def blocks(self, written: Sequence[str]) -> Iterator[list[pyarrow.Array]]:
        """Read some columns."""
        left = FIRST_ROWS
        for block in self._source.blocks(written):
            yield [cells[:left] for cells in block]
            left -= len(block[0])
            if left <= 0:
                return


def _explained(source: Blocks, names: Sequence[tuple[str, str]], stamps: np.ndarray) -> LongFormat | None:
    _, rows, counts = np.unique(stamps, return_inverse=True, return_counts=True)
    repeated = len(stamps) - len(counts) >= LEAST_REPEATED * len(stamps)
    coded = _coded(source, names[:MOST_COLUMNS], len(stamps), int(counts.max()))

    if not repeated:
        back = np.flatnonzero(np.diff(stamps) < 0)
        if not len(back):
            return None
        behind_each_other = (
            LongFormat((name,), column.number, why="stamps run back, as ")
            for name, column in coded.items()
            if not column.is_number and _changes_where(column, back)
        )
        return min(behind_each_other, key=_likelihood, default=None)

    def explains(codes: np.ndarray, num_values: int) -> bool:
        pairs = np.unique(codes.astype(np.int64) * len(counts) + rows)
        return num_values >= 2 and len(pairs) >= LEAST_EXPLAINED * len(stamps)

    found = [
        LongFormat((name,), column.number, column.is_time)
        for name, column in coded.items()
        if explains(column.codes, column.number)
    ]
    if not found:
        few = [name for name in coded if coded[name].number <= len(stamps) / 4][:MOST_PAIRED]
        for pair in combinations(few, 2):
            first, second = coded[pair[0]], coded[pair[1]]
            joint = first.codes.astype(np.int64) * second.number + second.codes
            values, codes = np.unique(joint, return_inverse=True)
            if explains(codes, len(values)):
                found.append(LongFormat(pair, len(values)))
    return min(found, key=_likelihood, default=None)


def named_series(source: Blocks, names: Sequence[tuple[str, str]], num_rows: int) -> LongFormat | None:
    """Find series that a column with such a name tells apart, though no stamp repeats or runs back.

    They stand one behind the other, or have as many rows as each other.
    """
    for name, column in _coded(source, names, num_rows, 1).items():
        in_pieces = _changes_where(column, np.zeros(0, dtype=np.int64))
        if column.number >= 2 and (in_pieces or len(np.unique(np.bincount(column.codes))) == 1):
            return LongFormat((name,), column.number, why="")
    return None


def _likelihood(found: LongFormat) -> tuple[bool, int, int]:
    places = [_IDS.index(name.lower()) if name.lower() in _IDS else len(_IDS) for name in found.columns]
    return not found.is_time, min(places), found.num_series


def _changes_where(column: _Column, back: np.ndarray) -> bool:
    """Tell whether each value stands in one piece, and stamps run back only where another begins."""
    changes = np.diff(column.codes) != 0
    return 2 <= column.number == np.count_nonzero(changes) + 1 and bool(changes[back].all())


def _coded(source: Blocks, names: Sequence[tuple[str, str]], num_rows: int, rows_of_stamp: int) -> dict[str, _Column]:
    """Number the values of each column that may name series: texts, and whole numbers of few values."""
    chunks: list[list[pyarrow.Array]] = [[] for _ in names]
    for block in source.blocks([written for _, written in names]):
        for cells, kept in zip(block, chunks, strict=True):
            kept.append(_as_texts(cells))
    coded: dict[str, _Column] = {}
    for (name, _), kept in zip(names, chunks, strict=True):
        encoded = pyarrow.chunked_array(kept).combine_chunks().dictionary_encode()
        values, codes = encoded.dictionary, encoded.indices
        number = len(values)
        if codes.null_count or not number or (number > num_rows / 2 and name.lower() not in _TIMES):
            continue
        numeric = pyarrow.compute.match_substring_regex(values, r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$")
        whole = pyarrow.compute.match_substring_regex(values, r"^\s*[+-]?\d+(\.0*)?\s*$")
        is_number = bool(pyarrow.compute.all(numeric).as_py())
        if is_number:
            few = name.lower() in _TIMES or number <= SERIES_PER_STAMP * rows_of_stamp or name.lower() in _IDS
            if not pyarrow.compute.all(whole).as_py() or not few:
                continue
        times = pyarrow.compute.match_substring_regex(values, r"^\s*\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(\s?[AaPp][Mm])?\s*$")
        is_time = name.lower() in _TIMES or bool(pyarrow.compute.all(times).as_py())
        coded[name] = _Column(codes.to_numpy(zero_copy_only=False), number, is_number, is_time)
    return coded


def _as_texts(cells: pyarrow.Array) -> pyarrow.Array:
    try:
        return plain(cells).cast(pyarrow.large_string())
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError):  # lists and the like name no series
        return pyarrow.nulls(len(cells), pyarrow.large_string())
