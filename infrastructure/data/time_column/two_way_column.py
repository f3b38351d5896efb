"""Stamps whose day and month may stand in either order: the column as a whole says which, or is refused."""

import numpy as np
import pyarrow

from infrastructure.data.clock.forms import TWO_WAYS, formats_of, read_both_ways
from infrastructure.data.files.table_faults import TableFaults

DAY_FIRST, MONTH_FIRST = "day first", "month first"
FORMATS = {DAY_FIRST: "%d/%m/%Y", MONTH_FIRST: "%m/%d/%Y"}


class TwoWayColumn:
    """Reads both ways until a cell allows one alone."""

    in_utc = False

    def __init__(self, name: str, first: str, usual: str | None = None) -> None:
        self.found_format: str | None = None
        self._name, self._example, self._usual = name, first, usual
        self._micros: dict[str, list[np.ndarray]] = {DAY_FIRST: [], MONTH_FIRST: []}
        self._rows = 0
        self._decided: dict[str, tuple[int, str]] = {}  # by way, the first row that it alone can read

    def add(self, cells: pyarrow.Array) -> tuple[np.ndarray, int | np.ndarray]:
        """Read a block: which cells [n] may be stamps, and how many minutes ahead of UTC they stand."""
        day_first, month_first = read_both_ways(cells, TWO_WAYS)
        for way, one, other in ((DAY_FIRST, day_first, month_first), (MONTH_FIRST, month_first, day_first)):
            self._micros[way].append(one.micros)
            alone = np.flatnonzero(one.valid & ~other.valid)
            if len(alone) and way not in self._decided:
                self._decided[way] = self._rows + int(alone[0]), cells[int(alone[0])].as_py().strip()
        if len(self._decided) == 1:
            self._micros = {way: self._micros[way] for way in self._decided} | {
                way: [] for way in self._micros if way not in self._decided
            }
        self._rows += len(cells)
        return day_first.valid | month_first.valid, day_first.minutes

    def finish(self, faults: TableFaults, notes: list[str]) -> np.ndarray:
        """Give the stamps [N] as they are meant, in microseconds; what cannot be decided is a fault."""
        if len(self._decided) == 1:
            ((way, (_, text)),) = self._decided.items()
            self.found_format = FORMATS[way]
            notes.append(f"{self._name} is read with the {way}, as {text} allows nothing else.")
            return np.concatenate(self._micros[way])
        if self._decided:
            (row, text), (_, other) = self._decided[MONTH_FIRST], self._decided[DAY_FIRST]
            faults.add_rows(
                "two ways",
                np.array([row]),
                lambda _: (
                    f"{self._name} is {text}, which has the month first, but {other} has the day first",
                    "Write all stamps in one way, such as 2024-01-31.",
                ),
            )
            return np.zeros(0, dtype=np.int64)
        if self._usual in FORMATS.values():
            way = next(way for way, usual in FORMATS.items() if usual == self._usual)
            self.found_format = self._usual
            notes.append(f"{self._name} is read with the {way}, as in training.")
            return np.concatenate(self._micros[way])
        formats = formats_of(self._example, TWO_WAYS)
        faults.add(
            f"every {self._name} can be read with the {DAY_FIRST} and with the {MONTH_FIRST}, as {self._example} can",
            " or ".join(f"--set time_format='{form}'" for form in formats).join(("Say which: ", ".")),
        )
        return np.zeros(0, dtype=np.int64)
