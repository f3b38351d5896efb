"""Where forecasts of a table start, and whether what lies before says enough."""

from collections.abc import Sequence

import numpy as np

from domain.exceptions import DatasetError
from infrastructure.data.table.table import Table


def require_history(table: Table, known: np.ndarray, names: Sequence[str], context_length: int) -> None:
    """Want a value of one target at least in the last rows that the model sees.

    Shapes: known [N, T] True where a target was observed, names [T]. Raises: DatasetError.
    """
    if known[-context_length:].any():
        return
    name, targets = table.path.name, " or ".join(names)
    found = np.flatnonzero(known.any(axis=1))
    if not found.size:
        raise DatasetError(
            f"{name} holds no value of {targets}, so there is nothing to forecast from.",
            remedy="Give a table with what was observed so far.",
        )
    last = int(found[-1])
    rows = f"the last {len(known) - 1 - last:,} rows"
    raise DatasetError(
        f"{rows} of {name} hold no value of {targets}, and the model sees {context_length:,}: forecasts start behind"
        " the last row, and there would be nothing to forecast from.",
        remedy=f"Leave out {rows}: forecasts then start behind {_place(table, last)}.",
    )


def start_told(
    table: Table, known: np.ndarray, names: Sequence[str], context_length: int, assumed: Sequence[bool] = ()
) -> tuple[str, bool]:
    """Say where forecasts start and how much history they had, and tell whether that is as usual.

    Shapes: known [N, T], names [T], `assumed` [T] True where the band is that of the training part.
    """
    recent = known[-context_length:]
    counts = recent.sum(axis=0)
    since = [int(column[::-1].argmax()) if column.any() else None for column in recent.T]
    short = len(recent) < context_length or 2 * int(counts.min()) < context_length
    is_usual = not short and not any(since) and None not in since and not any(assumed)
    told = f"forecasts start behind {_place(table, len(known) - 1)}, with {int(counts.min()):,} of {context_length:,}"
    told += " rows of history"
    for name, rows in zip(names, since, strict=True):
        if rows is None:
            told += f"; {name} was not observed in them"
        elif rows:
            told += f"; {name} was last observed {rows:,} {'row' if rows == 1 else 'rows'} before"
    for name, is_assumed in zip(names, assumed, strict=False):
        if is_assumed:
            told += f"; the band of {name} is as wide as the training part, for its history does not vary enough to say"
    return f"{told}.", is_usual


def _place(table: Table, row: int) -> str:
    return table.time_of(row) if table.stamps is not None else f"row {row + 1:,}"
