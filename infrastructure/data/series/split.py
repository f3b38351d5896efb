"""Cutting a table in time: training first, then validation, then a test part that nobody looks at before the end."""

from collections.abc import Iterator, Sequence

import numpy as np

from domain.exceptions import ConfigurationError, DatasetError
from domain.forecast import Split
from infrastructure.data.clock.stamps import read_stamp
from infrastructure.data.clock.time_zones import from_instants, instants, is_named, localised
from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.series.windows import Windows
from infrastructure.data.table.table import Table

SHORTEST_CONTEXT = 2
PARTS = ("training part", "validation part", "test part")
WHOLE = "table"


def part_ends(table: Table, split: Split) -> tuple[int, ...]:
    """Give the row behind the last one of each part; rows beyond the last part are left out.

    `split` holds shares, numbers of rows, or dates before which the parts end.
    Raises: ConfigurationError, DatasetError when a part would be empty or the table has not so many rows.
    """
    num_rows = len(table.values)
    if any(isinstance(part, str) for part in split):
        ends = _ends_by_date(table, [str(part) for part in split])
    elif all(0.0 < float(part) < 1.0 for part in split):
        shares = np.cumsum([float(part) for part in split])
        ends = [num_rows if np.isclose(share, 1.0) else round(share * num_rows) for share in shares]
    else:
        ends = np.cumsum([int(part) for part in split]).tolist()
        if ends[-1] > num_rows:
            raise DatasetError(
                f"split asks for {ends[-1]:,} rows, but {table.path.name} has {num_rows:,}.",
                remedy="Ask for fewer, or give shares such as [0.7, 0.1, 0.2].",
            )
    for name, start, end in zip(PARTS, [0, *ends], ends, strict=False):
        if end <= start:
            raise DatasetError(
                f"the {name} of {table.path.name} is empty with split {list(split)}.",
                remedy="Give it a larger share or other dates.",
            )
    return tuple(int(end) for end in ends)


def part_ends_of_series(table: LongTable, split: Split) -> np.ndarray:
    """Give the row behind the last one of each part in each series [P, S]: all are cut at the same times.

    Shares and numbers of rows are those of the distinct stamps of all series together.
    Raises: ConfigurationError, DatasetError as `part_ends`.
    """
    times, panel = table.times, table.series
    assert times.stamps is not None
    ends = []
    for end in part_ends(times, split):
        if end == len(times.stamps):
            ends.append(panel.offsets[1:])
            continue
        before = (panel.stamps < times.stamps[end]).astype(np.int64)
        ends.append(panel.offsets[:-1] + np.add.reduceat(before, panel.offsets[:-1]))
    return np.array(ends)


def _ends_by_date(table: Table, dates: Sequence[str]) -> list[int]:
    if table.stamps is None:
        raise ConfigurationError(
            f"split names dates, but {table.path.name} has no time column.",
            remedy="Use shares such as [0.7, 0.1, 0.2], or name the column: --set time_column=NAME.",
        )
    ends = []
    for date in dates:
        stamp = _stamp_of(date, table)
        first, last = int(table.stamps[0]), int(table.stamps[-1])
        if not first < stamp <= last + (table.step or 1):
            low, high = stamp_texts(np.array([first, last]), table.zone, table.step)
            raise ConfigurationError(
                f"split has {date}, but {table.path.name} reaches from {low} to {high}.",
                remedy="Choose dates within the data.",
            )
        ends.append(int(np.searchsorted(table.stamps, stamp)))
    if sorted(set(ends)) != ends:
        raise ConfigurationError(
            f"split is {list(dates)}, but its dates must ascend with rows between them.", remedy="Put them in order."
        )
    return ends


def _stamp_of(date: str, table: Table) -> int:
    """Read a date of the split: a stamp in the zone of the table or in none, or a month, which is its first moment."""
    read = read_stamp(f"{date}-01" if len(date) == 7 else date)
    if read is None:
        raise ConfigurationError(
            f"split has {date!r}, which is no date.", remedy="Write it like 2024-03-31 or 2024-03-31T12:00."
        )
    stamp, zone = read
    if zone and table.zone:
        return int(from_instants(instants(np.array([stamp]), zone), table.zone)[0])
    if is_named(table.zone):
        return int(localised(np.array([stamp]), table.zone)[0][0])
    if zone not in ("", table.zone):
        raise ConfigurationError(
            f"split has {date}, but the stamps of {table.path.name} are without a zone.",
            remedy="Write it without its zone.",
        )
    return stamp


def anchors_of(start: int, end: int, context_length: int, reach: int, stride: int = 1) -> np.ndarray:
    """Give the anchors [N] of the windows whose targets all lie in rows `start` to `end`, the latter outside.

    A history may begin before `start`: what came earlier is known when a forecast is made. It is always whole.
    `reach` is the farthest step ahead.
    """
    return np.arange(max(start, context_length) - 1, end - reach, stride, dtype=np.int64)


def anchors_of_series(
    offsets: np.ndarray, start: np.ndarray, end: np.ndarray, least: int, reach: int, stride: int = 1
) -> np.ndarray:
    """Give the anchors [N] of windows whose targets lie in rows `start` [S] to `end` [S] of their series.

    `least` rows of a series, which begins at `offsets` [S], come before what is forecast; a history is masked where it
    reaches farther back.
    """
    first = np.maximum(start, offsets + least) - 1
    counts = np.maximum(0, -(-(end - reach - first) // stride))
    before = np.cumsum(counts) - counts
    return np.repeat(first - stride * before, counts) + stride * np.arange(counts.sum())


def window_faults(windows: Windows, part: str, num_rows: int, share: int = 1) -> Iterator[str]:
    """Want at least one window in a part of `num_rows` rows; histories of all but the training may begin before it.

    One in `share` of the rows of a history is enough.
    """
    if len(windows):
        return
    context, reach = max(SHORTEST_CONTEXT, -(-windows.context_length // share)), max(windows.horizons)
    need = reach if part in PARTS[1:] else context + reach
    if num_rows >= need:
        yield (
            f"no window of the {part} has anything to learn from or to be judged by: its {num_rows:,} rows lack the"
            " values to forecast, or all that is known before them. Fill them in, forecast another column, or choose"
            " other rows."
        )
        return
    least = "history" if share == 1 else f"history, 1 in {share} of context_length,"
    length = f"{context:,} of {least} and {reach:,}" if need > reach else f"{reach:,}"
    remedy = "Give a longer table."
    if part != WHOLE:
        lower = "horizons"
        if need > reach and num_rows >= reach + SHORTEST_CONTEXT:
            lower = f"context_length to {share * (num_rows - reach):,}"
        remedy = f"Lower {lower}, or give a longer series or another split."
    yield f"the {part} has {num_rows:,} rows, but one window takes {need:,} ({length} ahead). {remedy}"
