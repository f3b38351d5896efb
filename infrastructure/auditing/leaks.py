"""Projects, commits and times that a row of the evaluation part shares with the training part, or precedes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow
from numpy.typing import NDArray

from domain.audit import GroupLeak, TimeLeak
from domain.exceptions import DatasetError
from domain.reading import Reading
from infrastructure.auditing.columns_beside import MAX_CHARACTERS, NO_GROUP
from infrastructure.auditing.sides import Integers
from infrastructure.data.clock.stamps import KNOWN_FORMS
from infrastructure.data.files.table_faults import TableFaults
from infrastructure.data.time_column.column import StampColumn

MAX_EXAMPLES = 5
KINDS_OF_FAULTS = ("stamps", "frames")
REMEDY = f"Write times as {KNOWN_FORMS}, or name another column with --time-field."
Floats = NDArray[np.float64]


def group_leak(column: str, names: Sequence[str], train: Integers, evaluation: Integers) -> GroupLeak:
    """Count the values of a column that stand in both parts; `train` [T] and `evaluation` [E] number `names`."""
    known, scored = (np.unique(part[part != NO_GROUP]) for part in (train, evaluation))
    shared = np.intersect1d(known, scored, assume_unique=True)
    rows = np.isin(evaluation, shared)
    frequent = np.argsort(-np.bincount(evaluation[rows], minlength=len(names)), kind="stable")[:MAX_EXAMPLES]
    examples = tuple(names[value] for value in frequent.tolist() if value in shared)
    return GroupLeak(column, len(np.union1d(known, scored)), len(shared), int(rows.sum()), examples)


def time_leak(column: str, train: Floats, evaluation: Floats, written: Callable[[float], str]) -> TimeLeak | None:
    """Compare the times of both parts [T] and [E], NaN for none; None where a part has none at all.

    `written` writes a time for people.
    """
    known, scored = np.sort(train[np.isfinite(train)]), np.sort(evaluation[np.isfinite(evaluation)])
    if not len(known) or not len(scored):
        return None
    # Of all pairs those in which the row to be scored is older; a tie is no leak.
    older = (len(known) - np.searchsorted(known, scored, side="right")).sum() / (len(known) * len(scored))
    return TimeLeak(
        column,
        len(scored),
        int((scored < known[-1]).sum()),
        float(older),
        (written(known[0]), written(known[-1])),
        (written(scored[0]), written(scored[-1])),
    )


class Times:
    """A column of times [N] of both parts: numbers of any unit, or stamps of any form that a table may have.

    `name_of` names a row of them. Raises: DatasetError that names the first cell which is no time.
    """

    def __init__(self, column: str, cells: Sequence[Any], name_of: Callable[[int], str]) -> None:
        numbers = _numbers(cells)
        self._is_number = numbers is not None
        self.values: Floats = _stamps(column, cells, name_of) if numbers is None else numbers

    def text(self, value: float) -> str:
        """Write a time as a person reads it."""
        if self._is_number:
            return f"{value:.15g}"
        return str(np.datetime64(int(value), "us")).removesuffix(".000000").removesuffix("T00:00:00").replace("T", " ")


def _numbers(cells: Sequence[Any]) -> Floats | None:
    """Read counts such as years or seconds, NaN for none; None where a cell is something else."""
    found = np.full(len(cells), np.nan)
    for place, cell in enumerate(cells):
        if isinstance(cell, bool):
            return None
        try:
            found[place] = np.nan if _is_missing(cell) else float(cell)
        except (ValueError, TypeError):
            return None
        except OverflowError:  # no clock counts in hundreds of digits
            found[place] = np.nan
    return found


def _stamps(column: str, cells: Sequence[Any], name_of: Callable[[int], str]) -> Floats:
    found = np.full(len(cells), np.nan)
    there = np.flatnonzero([not _is_missing(cell) for cell in cells])
    texts = [str(cells[place])[:MAX_CHARACTERS] for place in there.tolist()]
    faults = TableFaults()
    stamps = StampColumn(column, Reading(), faults)
    stamps.block(pyarrow.array(texts, pyarrow.string()))
    micros, _ = stamps.finish()
    if faults.count:
        fault = next(filter(None, map(faults.forget, KINDS_OF_FAULTS)), None)
        if fault is None:
            raise DatasetError(f"the column {column!r} does not say in which order day and month stand.", remedy=REMEDY)
        raise DatasetError(f"{name_of(int(there[fault[0]]))}: {fault[1]}.", remedy=REMEDY)
    found[there] = micros
    return found


def _is_missing(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())
