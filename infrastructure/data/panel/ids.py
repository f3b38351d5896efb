"""Which series each row of a long table is of."""

from collections.abc import Sequence

import numpy as np
import pyarrow

from infrastructure.data.columnar.plain_columns import plain
from infrastructure.data.files.table_faults import TableFaults
from infrastructure.data.table.numbers import cut

Id = tuple[str, ...]
MOST_SHOWN = 40  # letters of a name


class SeriesNumbers:
    """Numbers the series of a long table in the order in which they first appear, block by block."""

    def __init__(self, columns: Sequence[str], faults: TableFaults) -> None:
        self._columns, self._faults = columns, faults
        self._numbers: dict[Id, int] = {}
        self._blocks: list[np.ndarray] = []
        self._rows = 0

    @property
    def ids(self) -> list[Id]:
        """The series that were met: their values in the columns that tell them apart."""
        return list(self._numbers)

    def block(self, cells: Sequence[pyarrow.Array], num_rows: int) -> None:
        """Read a block of these columns; without one, all rows are of one series."""
        places = np.zeros(num_rows, dtype=np.int64)
        columns: list[tuple[list[str], np.ndarray]] = []
        for name, column in zip(self._columns, cells, strict=True):
            self._refuse_missing(name, column)
            encoded = plain(column).cast(pyarrow.large_string()).dictionary_encode()
            codes = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)
            columns.append((encoded.dictionary.to_pylist() or [""], codes))
            # Numbered anew column by column, so that the product of many columns stays a number.
            _, places = np.unique(places * len(columns[-1][0]) + codes, return_inverse=True)
        first = np.full(places.max(initial=-1) + 1, len(places))
        np.minimum.at(first, places, np.arange(len(places)))
        numbers = np.empty(len(first), dtype=np.int32)
        for place in np.argsort(first):
            series = tuple(texts[codes[first[place]]] for texts, codes in columns)
            numbers[place] = self._numbers.setdefault(series, len(self._numbers))
        self._blocks.append(numbers[places])
        self._rows += len(places)

    def _refuse_missing(self, name: str, column: pyarrow.Array) -> None:
        missing = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
        said = (
            f"{name}, which tells series apart, has no value",
            "Fill it in (NA and null are none), or remove the row.",
        )
        self._faults.add_rows(f"missing {name}", missing + self._rows, lambda _: said)

    def finish(self) -> np.ndarray:
        """Give the number of the series of each row [N]."""
        numbers = np.concatenate(self._blocks) if self._blocks else np.zeros(0, dtype=np.int32)
        self._blocks.clear()
        return numbers


def named(series: Id) -> str:
    """Write a series into a sentence."""
    return ", ".join(text if text.isprintable() and len(text) <= MOST_SHOWN else cut(text) for text in series)


def in_series(series: Id) -> str:
    """Say in which series, or that there is but one."""
    return f"in the series {named(series)}" if series else "in the table"
