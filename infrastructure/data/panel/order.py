"""Rows of a long table, series by series and each in the order of time, on disk."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from domain.showing import counted
from infrastructure.data.clock.clocks import Clock
from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.files.row import MAX_FAULTS_SHOWN
from infrastructure.data.files.table_faults import TableFaults
from infrastructure.data.panel.ids import Id, in_series, named
from infrastructure.data.table.choice import TableSchema
from infrastructure.data.table.order import MOST_FILLED, filled_rows, merged_rows
from infrastructure.data.table.values import CHUNK_ROWS, append_rows, map_rows

SHOWN = 5  # series that a sentence names


class PanelRows:
    """Rows [N] of a file, their stamps and series, through one policy after the other.

    `numbers` [N] are those of the series in `ids`. `faults` takes what a policy refuses, by the row of the table as it
    was read; `notes` tells what was repaired. Behind `group` the rows of series i are those from `offsets[i]` up to
    `offsets[i + 1]`.
    """

    def __init__(
        self, path: Path, num_columns: int, stamps: np.ndarray, numbers: np.ndarray, ids: Sequence[Id], zone: str
    ) -> None:
        self.stamps, self.ids = stamps, list(ids)
        self.offsets = np.zeros(1, dtype=np.int64)
        self.faults = TableFaults()
        self.notes: list[str] = []
        self._numbers, self._zone = numbers, zone
        self._rows_read: np.ndarray | None = None
        self._path, self._columns = path, num_columns

    @property
    def values(self) -> np.ndarray:
        """The rows as they lie on disk [N, C]."""
        return map_rows(self._path, self._columns)

    def group(self, schema: TableSchema, categories: Sequence[int]) -> None:
        """Put rows in order and make one of those with one stamp, or refuse; a mean of `categories` is the last."""
        order = self._sorted(schema.unsorted_stamps)
        if self.faults.count:
            return
        stamps = self.stamps if order is None else self.stamps[order]
        numbers = self._numbers if order is None else self._numbers[order]
        repeats = np.flatnonzero((numbers[1:] == numbers[:-1]) & (stamps[1:] == stamps[:-1])) + 1
        if len(repeats) and schema.duplicate_stamps == "refuse":
            remedy = (
                "Keep one row for each stamp of a series, or --set duplicate_stamps=last (or first, or mean); if the"
                " rows are of different series, name further columns that tell them apart."
            )
            self._refuse("repeats", repeats, order, "{here} stands {series} already", remedy)
            return
        if order is not None:
            old = self.values
            self._rewrite(old[order[start : start + CHUNK_ROWS]] for start in range(0, len(order), CHUNK_ROWS))
        if len(repeats):
            starts = np.setdiff1d(np.arange(len(stamps)), repeats, assume_unique=True)
            self._rewrite(_merged(self.values, starts, schema.duplicate_stamps, categories))
            stamps, numbers = stamps[starts], numbers[starts]
            kept = (
                "their mean was taken"
                if schema.duplicate_stamps == "mean"
                else f"the {schema.duplicate_stamps} was kept"
            )
            self.notes.append(f"{counted(len(repeats), 'row')} repeated a stamp of their series: {kept}.")
            order = starts if order is None else order[starts]
        self.stamps, self._numbers, self._rows_read = stamps, numbers, order
        self.offsets = np.concatenate(([0], np.cumsum(np.bincount(numbers, minlength=len(self.ids)))))

    def refuse_change(self, column: int, name: str, low: np.ndarray, high: np.ndarray, remedy: str) -> None:
        """Refuse a column that should stay the same in each series, by its extremes there [S]."""
        changing = np.flatnonzero(low < high)
        rows = []
        for series in changing[:MAX_FAULTS_SHOWN]:
            start, end = self.offsets[series : series + 2]
            values = np.asarray(self.values[start:end, column])
            there = np.flatnonzero(~np.isnan(values))
            place = int(start + there[np.flatnonzero(values[there] != values[there[0]])[0]])
            rows.append((place if self._rows_read is None else int(self._rows_read[place]), int(series)))
        rows.sort()

        def say(number: int) -> tuple[str, str]:
            series = self.ids[rows[number][1]]
            return f"{name} changes {in_series(series)}", remedy

        self.faults.add_rows(f"changing {name}", np.array([row for row, _ in rows], dtype=np.int64), say)
        self.faults.count += len(changing) - len(rows)

    def keep(self, kept: np.ndarray) -> None:
        """Leave just some series [S]."""
        if kept.all():
            return
        rows = np.repeat(kept, np.diff(self.offsets))
        old = self.values
        self._rewrite(
            old[start : start + CHUNK_ROWS][rows[start : start + CHUNK_ROWS]]
            for start in range(0, len(rows), CHUNK_ROWS)
        )
        self.stamps = self.stamps[rows]
        self.ids = [series for series, is_kept in zip(self.ids, kept, strict=True) if is_kept]
        self.offsets = np.concatenate(([0], np.cumsum(np.diff(self.offsets)[kept])))

    def keep_columns(self, kept: Sequence[int]) -> None:
        """Leave just some columns."""
        old = self.values
        self._rewrite(old[start : start + CHUNK_ROWS][:, list(kept)] for start in range(0, len(old), CHUNK_ROWS))
        self._columns = len(kept)

    def treat_gaps(self, clock: Clock, policy: str) -> None:
        """Keep, fill with rows of NaN, or refuse places of a clock that are left out within a series."""
        places = clock.places(self.stamps)
        first, last = places[self.offsets[:-1]], places[self.offsets[1:] - 1]
        missing = last - first + 1 - np.diff(self.offsets)
        if policy == "fill":
            beside = np.flatnonzero(clock.stamps(places) != self.stamps)
            if len(beside):
                at = int(beside[0])
                text = stamp_texts(self.stamps[at : at + 1], self._zone, None)[0]
                self.faults.add(
                    f"{counted(len(beside), 'stamp')} of series do not lie on the clock of the table ({clock}), the"
                    f" first of them {text} {self._series_of(at)}",
                    "Correct them, or set gaps=keep.",
                )
                return
        if not missing.any():
            return
        told = self._told(missing)
        if policy == "refuse":
            self.faults.add(told, "Add the rows, or --set gaps=keep (or fill).")
        elif policy == "keep":
            self.notes.append(f"{told}; they were kept.")
        elif missing.sum() > MOST_FILLED * len(self.stamps):
            self.faults.add(
                f"filling would add {missing.sum():,} rows to {len(self.stamps):,}: {told}", "Set gaps=keep."
            )
        else:
            offsets = np.concatenate(([0], np.cumsum(last - first + 1)))
            # Places are counted on from series to series, so that each row has its own.
            shifts = np.repeat(offsets[:-1] - first, np.diff(self.offsets))
            total = int(offsets[-1])
            self._rewrite(filled_rows(self.values, places + shifts, total))
            stamps = clock.stamps(np.arange(total) - np.repeat(offsets[:-1] - first, np.diff(offsets)))
            stamps[places + shifts] = self.stamps
            self.stamps, self.offsets = stamps, offsets
            self.notes.append(f"{told}; filled in with missing values.")

    def _sorted(self, policy: str) -> np.ndarray | None:
        """Give the order [N] in which rows stand series by series, None where they do already."""
        order = None
        if np.any(self._numbers[1:] < self._numbers[:-1]):
            order = np.argsort(self._numbers, kind="stable")
        stamps = self.stamps if order is None else self.stamps[order]
        numbers = self._numbers if order is None else self._numbers[order]
        backwards = np.flatnonzero((numbers[1:] == numbers[:-1]) & (stamps[1:] < stamps[:-1])) + 1
        if not len(backwards):
            return order
        if policy == "refuse":
            remedy = "Sort the table, or --set unsorted_stamps=sort."
            problem = "time runs back from {before} to {here} {series}"
            self._refuse("backwards", backwards, order, problem, remedy)
            return order
        self.notes.append(f"{counted(len(backwards), 'stamp')} ran backwards: series were sorted by their stamps.")
        sorted_rows: np.ndarray = np.lexsort((self.stamps, self._numbers))
        return sorted_rows

    def _refuse(self, kind: str, places: np.ndarray, order: np.ndarray | None, problem: str, remedy: str) -> None:
        rows = places if order is None else order[places]
        before = places - 1 if order is None else order[places - 1]
        ascending = np.argsort(rows)

        def say(number: int) -> tuple[str, str]:
            row, earlier = rows[ascending[number]], before[ascending[number]]
            texts = stamp_texts(self.stamps[[earlier, row]], self._zone, None)
            series = in_series(self.ids[self._numbers[row]])
            return problem.format(before=texts[0], here=texts[1], series=series), remedy

        self.faults.add_rows(kind, rows[ascending], say)

    def _series_of(self, row: int) -> str:
        return in_series(self.ids[int(np.searchsorted(self.offsets, row, side="right")) - 1])

    def _told(self, missing: np.ndarray) -> str:
        most, told = int(missing.argmax()), f"{counted(int(missing.sum()), 'row')} missing between others"
        if not self.ids[most]:
            return told
        return (
            f"{told} of {np.count_nonzero(missing):,} of {len(missing):,} series, most in {named(self.ids[most])}"
            f" ({missing[most]:,})"
        )

    def _rewrite(self, chunks: Iterator[np.ndarray]) -> None:
        """Replace all rows by those of `chunks`, which are read from the old ones meanwhile."""
        aside = self._path.with_suffix(".new")
        with aside.open("wb") as file:
            for chunk in chunks:
                append_rows(file, chunk)
        aside.replace(self._path)


def batches(offsets: np.ndarray) -> Iterator[tuple[int, int]]:
    """Give runs of whole series with about as many rows as are read at once, as numbers of series."""
    start = 0
    while start < len(offsets) - 1:
        end = int(np.searchsorted(offsets, offsets[start] + CHUNK_ROWS, side="right")) - 1
        end = max(start + 1, end)
        yield start, end
        start = end


def extremes(values: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the least and the largest value of each column in each series [S, C], NaN where it has none."""
    low, high = (np.empty((len(offsets) - 1, values.shape[1])) for _ in range(2))
    for start, end in batches(offsets):
        rows = np.asarray(values[offsets[start] : offsets[end]])
        starts = offsets[start:end] - offsets[start]
        low[start:end] = np.fmin.reduceat(rows, starts, axis=0)
        high[start:end] = np.fmax.reduceat(rows, starts, axis=0)
    return low, high


def counts_of_rows_with_a_value(values: np.ndarray, offsets: np.ndarray, num_targets: int) -> np.ndarray:
    """Count the rows of each series [S] in which one of the first columns has a value."""
    counts = np.empty(len(offsets) - 1, dtype=np.int64)
    for start, end in batches(offsets):
        there = ~np.isnan(np.asarray(values[offsets[start] : offsets[end], :num_targets])).all(axis=1)
        counts[start:end] = np.add.reduceat(there.astype(np.int64), offsets[start:end] - offsets[start])
    return counts


def _merged(old: np.ndarray, starts: np.ndarray, policy: str, categories: Sequence[int]) -> Iterator[np.ndarray]:
    last = merged_rows(old, starts, "last")
    for rows in merged_rows(old, starts, policy):
        if policy == "mean" and categories:
            rows[:, list(categories)] = next(last)[:, list(categories)]
        yield rows
