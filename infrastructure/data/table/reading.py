"""What becomes known of a table while its blocks pass."""

import json
import re
import shlex
from collections.abc import Callable, Container, Sequence

import numpy as np
import pyarrow

from infrastructure.data.files.table_faults import TableFaults
from infrastructure.data.table.numbers import UNKNOWN_REMEDY, number_fault, read_numbers
from infrastructure.data.table.row_counters import RowCounters


class TableReading:
    """Turns blocks into numbers, and remembers counts, extremes and faults.

    For each block: `numbers`, and its length added to `rows`.
    """

    def __init__(
        self,
        columns: tuple[str, ...],
        needed: tuple[str, ...],
        missing_values: str,
        faults: TableFaults,
    ) -> None:
        self.rows = 0
        self.columns, self._needed, self._missing_values = columns, needed, missing_values
        self._faults = faults
        self._missing = np.zeros(len(columns), dtype=np.int64)
        self._low = np.full(len(columns), np.inf)
        self._high = np.full(len(columns), -np.inf)
        self.counters = RowCounters(len(columns))

    def numbers(self, block: Sequence[pyarrow.Array]) -> np.ndarray:
        """Read the columns of a block as float64 [n, C], NaN where a value is missing or at fault."""
        values = np.empty((len(block[0]), len(block)))
        for number, (name, cells) in enumerate(zip(self.columns, block, strict=True)):
            column, bad = read_numbers(cells)
            values[:, number] = column
            self._note_text(name, cells, np.flatnonzero(bad))
            infinite = np.flatnonzero(np.isinf(column))
            self._faults.add_rows(
                f"infinite {name}", infinite + self.rows, _always(f"{name} is infinite", UNKNOWN_REMEDY)
            )
            missing = np.isnan(column) & ~bad
            self._missing[number] += missing.sum()
            if self._missing_values == "refuse":
                rows = np.flatnonzero(missing) + self.rows
                say = _always(f"{name} has no value", "Fill it in, or --set missing_values=mask.")
                self._faults.add_rows(f"missing {name}", rows, say)
            if len(column):  # column by column, for rows of a table are too short to go through quickly
                self._low[number] = np.fmin(self._low[number], np.fmin.reduce(column))
                self._high[number] = np.fmax(self._high[number], np.fmax.reduce(column))
        if len(values):
            self.counters.add(values)
        return values

    @property
    def empty(self) -> np.ndarray:
        """Tell which columns [C] have had no number."""
        return self._low == np.inf

    def _note_text(self, name: str, cells: pyarrow.Array, bad: np.ndarray) -> None:
        self._faults.add_rows(
            f"text {name}", bad + self.rows, lambda number: number_fault(name, cells[int(bad[number])].as_py())
        )

    def judge_columns(self) -> None:
        """Tell of columns without a single number; call it behind the last block."""
        has_number = [name for name, low in zip(self.columns, self._low, strict=True) if low < np.inf]
        for name in self.columns:
            if name in has_number or self._faults.count_of(f"infinite {name}"):
                continue
            count = self._faults.count_of(f"text {name}")
            first = self._faults.forget(f"text {name}")
            if first is not None:
                problem = first[1].replace(", but must be a number", "")
                remedy = f"Leave it out: {columns_setting(has_number)}." if has_number else first[2]
                said = f"no cell of {name} is a number ({count:,} are text; here {problem})"
                self._faults.add_rows(f"text {name}", np.array([first[0]]), _always(said, remedy))
            elif name in self._needed:
                self._faults.add(f"the target {name!r} has no values", "Fill it in, or name another target.")

    def warnings(self, without: Container[str] = ()) -> list[str]:
        """Say what a reader of the results should know of the columns, but for some."""
        told = []
        of = [number for number, name in enumerate(self.columns) if name not in without]
        missing = [f"{self.columns[number]} {self._missing[number]:,}" for number in of if self._missing[number]]
        if missing:
            told.append(f"missing values, of {self.rows:,} rows: {', '.join(missing)}; they are masked.")
        empty = [self.columns[number] for number in of if self.empty[number]]
        if empty:
            told.append(f"{', '.join(empty)}: no values at all.")
        same = (self._low == self._high) & (self.rows - self._missing > 1)
        constant = [self.columns[number] for number in of if same[number]]
        if constant:
            told.append(f"{', '.join(constant)}: always the same value, from which nothing can be learned.")
        return told


def columns_setting(names: Sequence[str]) -> str:
    """Write the setting that reads just these columns."""
    return list_setting("columns", names)


def list_setting(setting: str, names: Sequence[str]) -> str:
    """Write a setting that holds names, as a shell takes it."""
    if all(re.fullmatch(r"[\w.%-]+", name) for name in names):
        return f"--set {setting}=[{','.join(names)}]"
    return f"--set {shlex.quote(f'{setting}={json.dumps(list(names), ensure_ascii=False, allow_nan=False)}')}"


def _always(problem: str, remedy: str) -> Callable[[int], tuple[str, str]]:
    return lambda _: (problem, remedy)
