"""Policies for stamps that are out of order, repeat or leave gaps, on rows that lie on disk."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from domain.showing import counted
from infrastructure.data.clock.clocks import Clock, Even, Monthly, Zoned, month_of
from infrastructure.data.clock.finding import FoundClock, find_clock
from infrastructure.data.clock.stamps import DAY, SECOND, commonest_step
from infrastructure.data.clock.time_zones import is_named
from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.files.table_faults import TableFaults
from infrastructure.data.table.choice import TableSchema
from infrastructure.data.table.values import append_rows, map_rows

CHUNK_ROWS = 1 << 16
HOUR = 3600 * SECOND
_SET_BACK = (3, 4, 5, 9, 10, 11)  # months in which summer time ends, in the south or the north
_SET_FORWARD = (3, 4, 5, 8, 9, 10, 11)
MOST_FILLED = 20  # rows to fill for each row there is: a stamp of another century is a mistake and no gap


class StampedRows:
    """Rows of a file and their stamps, through one policy after the other: `sort`, `merge`, `treat_gaps`.

    `faults` takes what a policy refuses, by the row of the table as it was read; `notes` tells what was repaired.
    `as_read` says that every row stands where it stood in the file, `clock` which clock ascending stamps follow.
    """

    def __init__(self, path: Path, num_columns: int, stamps: np.ndarray, faults: TableFaults, zone: str = "") -> None:
        self.stamps = stamps
        self.notes: list[str] = []
        self.as_read = True
        self.clock: FoundClock | None = None
        self._zone, self._has_zone = zone if is_named(zone) else "", bool(zone)
        self._path, self._columns, self._faults = path, num_columns, faults
        self._rows_read = np.arange(len(stamps))

    def put_in_order(self, schema: TableSchema) -> None:
        """Apply the policies of a schema."""
        self.sort(schema.unsorted_stamps)
        self.merge(schema.duplicate_stamps)
        if np.all(np.diff(self.stamps) > 0):
            self.treat_gaps(schema.gaps)

    def sort(self, policy: str) -> None:
        """Sort by stamp, equal ones as they stood, or refuse every row that runs backwards."""
        backwards = np.flatnonzero(self.stamps[1:] < self.stamps[:-1]) + 1
        if not len(backwards):
            return
        if policy == "refuse":
            remedy = self._summer_time(backwards) or "Sort the table, or --set unsorted_stamps=sort."
            self._refuse("backwards", backwards, "time runs back from {before} to {here}", remedy)
            return
        order = np.argsort(self.stamps, kind="stable")
        old = map_rows(self._path, self._columns)
        self._rewrite(old[order[start : start + CHUNK_ROWS]] for start in range(0, len(order), CHUNK_ROWS))
        self.stamps, self._rows_read = self.stamps[order], order
        self.notes.append(f"{counted(len(backwards), 'stamp')} ran backwards: the rows were sorted by their stamps.")

    def merge(self, policy: str) -> None:
        """Make one row of neighbours with the same stamp, or refuse every row that repeats the one before it."""
        repeats = np.flatnonzero(self.stamps[1:] == self.stamps[:-1]) + 1
        if not len(repeats):
            return
        if policy == "refuse":
            remedy = "Keep one row for each stamp, or --set duplicate_stamps=last (or first, or mean)."
            remedy = self._summer_time(repeats) or remedy
            self._refuse("repeats", repeats, "{here} repeats the stamp of the row before", remedy)
            return
        starts = np.flatnonzero(np.concatenate(([True], self.stamps[1:] != self.stamps[:-1])))
        self._rewrite(merged_rows(map_rows(self._path, self._columns), starts, policy))
        self.stamps, self._rows_read = self.stamps[starts], self._rows_read[starts]
        what = "their mean was taken" if policy == "mean" else f"the {policy} of each was kept"
        self.notes.append(f"{counted(len(repeats), 'row')} repeated the stamp of another: {what}.")

    def treat_gaps(self, policy: str) -> None:
        """Keep, fill with rows of NaN, or refuse the gaps of strictly ascending stamps.

        A gap is where places of the table's clock are left out (`find_clock`).
        """
        self.clock = find_clock(self.stamps, self._zone)
        if self.clock is None:
            return
        clock = self.clock.clock
        self._note_beside(self.clock)
        places = clock.places(self.stamps)
        places -= places[0]
        if policy == "fill" and not _each_has_a_place(clock, places):
            exact = clock.stamps(clock.places(self.stamps)) == self.stamps
            if not exact.all():
                self._refuse_off_clock(clock, np.flatnonzero(~exact))
                return
        # Without a calendar by distance and not by place, so that a clock that trembles has no gaps.
        step = clock.step if isinstance(clock, Even) else 0
        missing = (np.diff(self.stamps) + step // 2) // step - 1 if step else np.diff(places) - 1
        gaps = np.flatnonzero(missing > 0) + 1
        if not len(gaps):
            return
        if policy == "refuse":
            remedy = "Add the rows, or --set gaps=keep (or fill)."
            self._refuse("gaps", gaps, "rows are missing between {before} and {here}", remedy)
            return
        told = self._largest_gap(gaps, missing)
        total = int(places[-1]) + 1
        added = counted(total - len(self.stamps), "row")
        if policy == "keep":
            self.notes.append(f"{told}; they were kept.")
            if self._clocks_go_forward(gaps):
                self.notes.append(
                    "clocks are set forward for the summer where the gaps are: name the zone of these clocks,"
                    " --set time_zone=Europe/Berlin or the like, and there are none."
                )
        elif total > (MOST_FILLED + 1) * len(self.stamps):
            self._faults.add(f"filling would add {added} to {len(self.stamps):,} ({told})", "Set gaps=keep.")
        else:
            self._rewrite(filled_rows(map_rows(self._path, self._columns), places, total))
            first = clock.places(self.stamps[:1])
            filled = clock.stamps(first + np.arange(total))
            filled[places] = self.stamps
            self.stamps = filled
            self.notes.append(f"{told}; filled in with {added} of missing values.")

    def _note_beside(self, found: FoundClock) -> None:
        if found.beside:
            verb = "does" if found.beside == 1 else "do"
            self.notes.append(
                f"{found.beside:,} of {len(self.stamps):,} stamps {verb} not lie on a regular clock"
                f" ({found.clock}), by which forecasts are dated."
            )

    def _largest_gap(self, gaps: np.ndarray, missing: np.ndarray) -> str:
        largest = int(missing.argmax())
        before, after = stamp_texts(self.stamps[largest : largest + 2], self._zone, None)
        size = counted(int(missing[largest]), "row")
        return f"{counted(len(gaps), 'gap')} in the stamps, the largest of {size} between {before} and {after}"

    def _summer_time(self, rows: np.ndarray) -> str:
        """Tell what to do where stamps without a zone only run back in hours at which clocks are set back."""
        if self._has_zone or (commonest_step(self.stamps) or DAY) > HOUR:
            return ""
        stamps, back = self.stamps[rows], self.stamps[rows - 1] - self.stamps[rows]
        in_season = np.isin(month_of(stamps) % 12 + 1, _SET_BACK)
        # Mostly on Sunday, in some places at the end of Saturday, Thursday or Friday.
        day, hour = (stamps // DAY + 3) % 7, stamps % DAY // HOUR
        at_night = ((day == 6) & (hour < 4)) | (np.isin(day, (3, 4, 5)) & ((hour == 23) | (hour == 0)))
        if not np.all(in_season & at_night & (back < HOUR)):
            return ""
        return (
            "Clocks are set back there, and show an hour twice: write stamps with their distance from UTC, or name the"
            " zone of their clocks, --set time_zone=Europe/Berlin or the like."
        )

    def _clocks_go_forward(self, gaps: np.ndarray) -> bool:
        """Tell whether stamps without a zone only miss the hours by which clocks are set forward for the summer."""
        step = commonest_step(self.stamps) or DAY
        if self._has_zone or step > HOUR:
            return False
        after, lengths = self.stamps[gaps], self.stamps[gaps] - self.stamps[gaps - 1] - step
        in_season = np.isin(month_of(after) % 12 + 1, _SET_FORWARD)
        at_night = np.isin((after // DAY + 3) % 7, (4, 5, 6)) & (after % DAY <= 4 * HOUR) & (lengths == HOUR)
        return bool(np.all(in_season & at_night))

    def _refuse(self, kind: str, places: np.ndarray, problem: str, remedy: str) -> None:
        def say(number: int) -> tuple[str, str]:
            before, here = stamp_texts(self.stamps[places[number] - 1 : places[number] + 1], self._zone, None)
            return problem.format(before=before, here=here), remedy

        self._faults.add_rows(kind, self._rows_read[places], say)

    def _refuse_off_clock(self, clock: Clock, places: np.ndarray) -> None:
        if isinstance(clock, Even):
            problem = f"is no whole number of steps of {clock.step / 1e6:,g} seconds behind the first stamp"
        else:
            problem = f"does not lie on the clock of the table ({clock})"

        def say(number: int) -> tuple[str, str]:
            text = stamp_texts(self.stamps[places[number] : places[number] + 1], self._zone, None)[0]
            return f"{text} {problem}", "Correct it, or set gaps=keep."

        self._faults.add_rows("off the clock", self._rows_read[places], say)

    def _rewrite(self, chunks: Iterator[np.ndarray]) -> None:
        """Replace all rows by those of `chunks`, which are read from the old ones meanwhile."""
        self.as_read = False
        aside = self._path.with_suffix(".new")
        with aside.open("wb") as file:
            for chunk in chunks:
                append_rows(file, chunk)
        aside.replace(self._path)


def _each_has_a_place(clock: Clock, places: np.ndarray) -> bool:
    """Tell whether rows beside the clock are those of a month whose usual day is a holiday."""
    on_walls = clock.wall if isinstance(clock, Zoned) else clock
    return isinstance(on_walls, Monthly) and bool(np.all(np.diff(places) > 0))


def merged_rows(old: np.ndarray, starts: np.ndarray, policy: str) -> Iterator[np.ndarray]:
    """Make one row of those from each of `starts` up to the next: the first, the last or their mean."""
    ends = np.append(starts[1:], len(old))
    for at in range(0, len(starts), CHUNK_ROWS):
        first, last = starts[at : at + CHUNK_ROWS], ends[at : at + CHUNK_ROWS]
        if policy == "mean":
            rows = np.asarray(old[first[0] : last[-1]])
            there = ~np.isnan(rows)
            counts = np.add.reduceat(there, first - first[0], axis=0, dtype=np.int64)
            sums = np.add.reduceat(np.where(there, rows, 0.0), first - first[0], axis=0)
            yield np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        else:
            yield old[first if policy == "first" else last - 1]


def filled_rows(old: np.ndarray, places: np.ndarray, total: int) -> Iterator[np.ndarray]:
    """Put the rows of `old` at ascending places among `total`; the others hold NaN."""
    for start in range(0, total, CHUNK_ROWS):
        rows = slice(*np.searchsorted(places, (start, start + CHUNK_ROWS)))
        chunk = np.full((min(CHUNK_ROWS, total - start), old.shape[1]), np.nan)
        chunk[places[rows] - start] = old[rows]
        yield chunk
