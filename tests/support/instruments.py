"""Long tables of prices: several instruments below each other, each with sessions of its own."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

MINUTE = timedelta(minutes=1)


def walk(count: int, seed: int, size: float = 0.01) -> np.ndarray:
    """Draw prices [N] of a random walk."""
    return np.asarray(50 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, size, count))).round(6))


def session_times(days: int, rows: int, opening: timedelta = timedelta(hours=9)) -> list[datetime]:
    """Give times ten minutes apart from an opening on, on working days from a Monday on."""
    working = [datetime(2024, 1, 1) + timedelta(days=day + 2 * (day // 5)) for day in range(days)]
    return [day + opening + number * 10 * MINUTE for day in working for number in range(rows)]


def price_table(
    path: Path, instruments: Mapping[str, tuple[Sequence[datetime], np.ndarray]], clock: bool = True
) -> Path:
    """Write closes as CSV in the order of time; NaN becomes an empty cell."""
    rows = [(time, name, price) for name, of in instruments.items() for time, price in zip(*of, strict=True)]
    head = "time,ticker,close" if clock else "ticker,close"
    lines = [head]
    for time, name, price in sorted(rows, key=lambda row: row[0]):
        cells = [name, "" if price != price else f"{float(price)!r}"]
        lines.append(",".join([f"{time}", *cells] if clock else cells))
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path
