"""Columns of a few texts: each text is a category, and its number stands for it."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow
import pyarrow.compute

from infrastructure.data.columnar.plain_columns import is_utf8, plain
from infrastructure.data.files.table_faults import TableFaults
from infrastructure.data.table.numbers import MISSING, cut, is_number

MOST_CATEGORIES = 1_000
UNKNOWN = 0  # the number of a category that training has not seen; those that are known count from 1


def find_categories(
    names: Sequence[str], blocks: Iterable[Sequence[pyarrow.Array]], faults: TableFaults
) -> dict[str, tuple[str, ...]]:
    """Find the columns that hold categories, each with its categories, sorted.

    Those do of whose different values most are no numbers: a holiday that is 0, a, b or c is a category, and a single
    word among prices is a mistake. Columns of more than 1,000 texts go to `faults`.
    """
    values: dict[str, dict[str, None]] = {name: {} for name in names}
    for block in blocks:
        for name, cells in zip(names, block, strict=True):
            if name in values and not is_utf8(cells.type):
                del values[name]
            if name not in values:
                continue
            known = values[name]
            known.update(dict.fromkeys(text for text in _texts(cells).unique().to_pylist() if text is not None))
            if len(known) > MOST_CATEGORIES:
                if not _are_numbers(known):
                    shown = ", ".join(cut(text) for text in list(known)[:3])
                    faults.add(
                        f"{name} holds more than {MOST_CATEGORIES:,} different texts ({shown}, ...), too many for"
                        " categories",
                        "Name the columns to read with columns, or name it among the columns that tell series apart.",
                    )
                del values[name]
        if not values:
            break
    return {name: tuple(sorted(known)) for name, known in values.items() if known and not _are_numbers(known)}


class CategoryCodes:
    """Turns the texts of columns into the numbers of their categories, and counts those that are unknown."""

    def __init__(self, categories: Mapping[str, Sequence[str]]) -> None:
        self._known = {name: pyarrow.array(texts, pyarrow.large_string()) for name, texts in categories.items()}
        self._unknown: dict[str, dict[str, None]] = {name: {} for name in categories}

    def coded(self, name: str, cells: pyarrow.Array) -> pyarrow.Array:
        """Give numbers for the texts of a column of categories, null where none stands; any other column as it is."""
        if pyarrow.types.is_boolean(cells.type) and name not in self._known:
            return cells.cast(pyarrow.int8())
        if name not in self._known:
            return cells
        texts = _texts(cells)
        places = pyarrow.compute.index_in(texts, value_set=self._known[name])
        unknown = pyarrow.compute.and_(texts.is_valid(), places.is_null())
        self._unknown[name].update(dict.fromkeys(texts.filter(unknown).unique().to_pylist()))
        numbers = pyarrow.compute.add(places, 1).fill_null(UNKNOWN)
        return pyarrow.compute.if_else(texts.is_valid(), numbers, pyarrow.scalar(None, numbers.type))

    def warnings(self) -> list[str]:
        """Say what was not known."""
        return [
            f"{name}: {len(found):,} of its values are not known from training and count as unknown:"
            f" {', '.join(cut(text) for text in list(found)[:5])}{', ...' if len(found) > 5 else ''}."
            for name, found in self._unknown.items()
            if found
        ]


def _texts(cells: pyarrow.Array) -> pyarrow.Array:
    """Give cells as texts without blanks around them, null where one stands for a missing value."""
    texts = pyarrow.compute.utf8_trim_whitespace(plain(cells).cast(pyarrow.large_string()))
    words = pyarrow.array(MISSING, pyarrow.large_string())
    missing = pyarrow.compute.is_in(pyarrow.compute.utf8_lower(texts), value_set=words)
    return pyarrow.compute.if_else(missing, pyarrow.scalar(None, texts.type), texts)


def _are_numbers(texts: Iterable[str]) -> bool:
    """Tell whether at least half of the texts are numbers."""
    return bool(np.mean([is_number(text) for text in texts]) >= 0.5)
