"""Small tables of many series, with all that may be known of them, and forecasters that learn from them in a second."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch

from application.training_request import TrainModelRequest
from infrastructure.tasks.registry import kind_of
from tests.support.tiny_series import Ready, loaded, rough

Row = dict[str, Any]
FIRST = date(2024, 1, 1)
NAMES = ("shop", "day", "sales", "price", "promotion", "holiday", "visits", "weather", "size", "region")
KNOWN = ("price", "promotion", "holiday")
# First day and number of days: one series is short of history at first, one begins behind the training part.
LENGTHS = {"a": (0, 120), "b": (10, 110), "c": (30, 90), "new": (85, 35)}
SPLIT = ("2024-03-21", "2024-04-10", "2024-04-30")  # days 80, 100 and 120
TRAINING, VALIDATION, WHOLE = 80, 100, 120
CONTEXT, HORIZONS = 12, (1, 2, 5)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def number_of(row: Row) -> int:
    """Count the days from the first one to a row."""
    return (date.fromisoformat(str(row["day"])) - FIRST).days


def rows(lengths: Mapping[str, tuple[int, int]] = LENGTHS, seed: int = 0) -> list[Row]:
    """Draw rows of shops on scales of their own; nothing of a day depends on how many there are."""
    found = []
    for place, (shop, (start, length)) in enumerate(lengths.items()):
        scale = 10.0**place
        for number in range(start, start + length):
            draw = np.random.default_rng([seed, place, number])
            promotion = int(draw.random() < 0.2)
            found.append({
                "shop": shop, "day": day(number),
                "sales": round(scale * (5 + math.sin(number * 2 * math.pi / 7) + promotion + draw.normal(0, 0.3)), 6),
                "price": round((place + 1) * (3 - 0.5 * promotion + draw.normal(0, 0.05)), 4),
                "promotion": promotion, "holiday": ("", "no", "eve", "feast")[number % 4],
                "visits": round(draw.normal(100, 9), 3), "weather": ("sun", "rain", "fog")[int(draw.integers(3))],
                "size": 40 * place + 80, "region": ("north", "south")[place % 2],
            })  # fmt: skip
    return found


def written(path: Path, table: Iterable[Row], names: Sequence[str] = NAMES) -> Path:
    """Write rows as CSV; None becomes an empty cell."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows([["" if row.get(name) is None else row[name] for name in names] for row in table])
    return path


def changed(table: Iterable[Row], since: int, **values: Any) -> list[Row]:
    """Copy rows, those from a day on with other values, each a value or made of the row."""
    return [
        {**row, **{name: value(row) if callable(value) else value for name, value in values.items()}}
        if number_of(row) >= since
        else row
        for row in table
    ]


def request(directory: Path, **changes: Any) -> TrainModelRequest:
    """Ask for the smallest forecaster on a small panel."""
    path = changes.pop("dataset_path", None)
    if path is None:
        directory.mkdir(parents=True, exist_ok=True)
        path = written(directory / "shops.csv", rows())
    settings: dict[str, Any] = {
        "model_name": "forecaster-tiny", "precision": "fp32", "split": SPLIT, "context_length": CONTEXT,
        "patch_length": 4, "target_columns": ("sales",), "known_columns": KNOWN, "horizons": HORIZONS, "gaps": "keep",
    }  # fmt: skip
    return TrainModelRequest(task="quantile_forecasting", dataset_path=str(path), **{**settings, **changes})


def ready(directory: Path, **changes: Any) -> Ready:
    """Load, build and prepare as the workshop does; the weights are rough, so that everything seen matters."""
    wanted = request(directory, **changes).resolved()
    kind, data = kind_of(wanted.task), loaded(wanted)
    bundle = kind.build(wanted, data, directory / "no tokenizer kept")
    rough(bundle.model)
    with torch.no_grad():  # so that effects are of a size that tables have, and no factor of e to the eighth
        for name, weight in bundle.model.named_parameters():
            weight.mul_(0.05 if name == "profile.out.weight" else 1.0)
    return Ready(wanted.task, wanted, data, bundle, kind.prepare(wanted, bundle, data))


def bytes_of(cut: Mapping[str, np.ndarray]) -> dict[str, bytes]:
    """Give the arrays of windows so that two can be compared bit by bit."""
    return {name: np.ascontiguousarray(array).tobytes() for name, array in cut.items()}
