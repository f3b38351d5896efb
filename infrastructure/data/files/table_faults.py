"""Faults of a table, gathered by row and told by line."""

from collections.abc import Callable, Mapping

import numpy as np

from domain.exceptions import DatasetError
from infrastructure.data.files.row import MAX_FAULTS_SHOWN


class TableFaults:
    """Remembers the first rows of each kind of fault and counts the rest.

    Rows are counted from 0 behind the header; `raise_any` turns them into lines, which costs a second reading of the
    file and so happens only when there is something to tell.
    """

    def __init__(self) -> None:
        self.count = 0
        self._of_file: list[str] = []
        self._of_lines: list[tuple[int, str]] = []
        self._of_rows: dict[str, list[tuple[int, str, str]]] = {}
        self._counts: dict[str, int] = {}

    def add(self, problem: str, remedy: str) -> None:
        """Remember a fault of the table as a whole."""
        self.count += 1
        self._of_file.append(f"{problem}: {remedy}")

    def add_lines(self, lines: list[int], count: int, problem: str, remedy: str) -> None:
        """Remember `count` faults of which the first stand at `lines`."""
        self.count += count
        self._of_lines += [(line, f"{problem}: {remedy}") for line in lines]

    def add_rows(self, kind: str, rows: np.ndarray, say: Callable[[int], tuple[str, str]]) -> None:
        """Remember a fault of each of `rows`, ascending; `say` gives problem and remedy of the n-th of them."""
        self.count += len(rows)
        self._counts[kind] = self._counts.get(kind, 0) + len(rows)
        kept = self._of_rows.setdefault(kind, [])
        for number in range(min(len(rows), MAX_FAULTS_SHOWN - len(kept))):
            kept.append((int(rows[number]), *say(number)))

    def count_of(self, kind: str) -> int:
        """Count the faults of a kind."""
        return self._counts.get(kind, 0)

    def forget(self, kind: str) -> tuple[int, str, str] | None:
        """Take back the faults of a kind and give the first: one sentence about all will stand for them."""
        self.count -= self._counts.pop(kind, 0)
        return next(iter(self._of_rows.pop(kind, [])), None)

    def raise_any(self, name: str, lines_of: Callable[[list[int]], Mapping[int, int]]) -> None:
        """Raise a DatasetError with the first faults and their number if there are any."""
        if not self.count:
            return
        rows = sorted((fault for kept in self._of_rows.values() for fault in kept), key=lambda fault: fault[0])
        rows = rows[:MAX_FAULTS_SHOWN]
        lines = lines_of([row for row, _, _ in rows]) if rows else {}
        told = [(lines[row], f"{problem}: {remedy}") for row, problem, remedy in rows] + self._of_lines
        told.sort(key=lambda fault: fault[0])
        faults = [f"{name}: {fault}" for fault in self._of_file] + [f"{name}:{line}: {fault}" for line, fault in told]
        faults = faults[:MAX_FAULTS_SHOWN]
        if self.count > len(faults):
            faults.append(f"{name}: {self.count:,} faults in all, the first {len(faults)} are shown.")
        raise DatasetError.of(faults)
