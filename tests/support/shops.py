"""Three small shops by the day: a weekly season, each of its own, on levels that drift, and days that are missing."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np

NAMES = ("north", "south", "kiosk")
WEEKS = np.array(
    [[0.8, 0.85, 0.9, 1.0, 1.25, 1.5, 0.7], [1.1, 1.0, 1.0, 1.05, 1.2, 0.9, 0.4], [0.9, 0.9, 1.0, 1.0, 1.1, 1.3, 0.8]]
)
LEVELS = np.array([40.0, 120.0, 15.0])


def sales(num_days: int, seed: int = 0) -> np.ndarray:
    """Draw the sales of each day and shop [N, 3], above 0."""
    draw = np.random.default_rng(seed)
    drifting = np.exp(np.cumsum(draw.normal(0.0, 0.005, (num_days, len(NAMES))), axis=0))
    noise = np.exp(draw.normal(0.0, 0.1, drifting.shape))
    return np.asarray(LEVELS * WEEKS[:, np.arange(num_days) % 7].T * drifting * noise)


def shop_table(path: Path, values: np.ndarray, missing: tuple[int, ...] = ()) -> Path:
    """Write sales [N, 3] as CSV from a Monday on, without the rows of `missing` days."""
    lines = ["day,north,south,kiosk"]
    for number, row in enumerate(values.tolist()):
        if number not in missing:
            cells = ["" if value != value else f"{value:.2f}" for value in row]
            lines.append(",".join([f"{date(2021, 3, 1) + timedelta(days=number)}", *cells]))
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path
