"""Small tables with a clock, and forecasters that learn from them in a second."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch

from application.training import Training
from application.training_request import TrainModelRequest
from infrastructure.data.series.windows import Windows
from infrastructure.data.windowed.parts import SplitSeries
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.forecaster import Forecaster
from infrastructure.tasks.kind import Prepared
from infrastructure.tasks.registry import kind_of

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "quantile_forecasting": {"target_columns": ("close", "volume"), "horizons": (1, 3, 6), "volatility_window": 5},
    "market_direction": {"horizons": (3,), "volatility_window": 8, "dead_band": 0.3},
}
SERIES_TASKS = tuple(SETTINGS)
# What a request for a table says of its data and its model.
OF_A_TABLE = {
    "dataset_path", "model_name", "split", "context_length", "patch_length", "target_columns", "horizons",
    "volatility_window", "dead_band",
}  # fmt: skip
NAMES = ("open", "high", "low", "close", "volume")
# Training, validation and test in rows: the training part has seen its daily cycle seven times.
PARTS = (180, 60, 60)
CONTEXT = 20


def bars(count: int = sum(PARTS), seed: int = 0, share_missing: float = 0.08) -> np.ndarray:
    """Draw bars of a market [N, 5], open to volume, with cells missing; the same everywhere."""
    draw = np.random.default_rng(seed)
    swing = 0.03 * np.sin(np.arange(count) * 2 * np.pi / 24)
    close = 50 * np.exp(np.cumsum(draw.normal(0, 0.01, count)) + swing)
    opening = close * np.exp(draw.normal(0, 0.005, count))
    high = np.maximum(opening, close) * np.exp(draw.random(count) * 0.01)
    low = np.minimum(opening, close) * np.exp(-draw.random(count) * 0.01)
    volume = 1000.0 + 300 * np.sin(np.arange(count) / 5) + draw.integers(0, 100, count)
    values = np.stack([opening, high, low, close, volume], axis=1).round(6)
    values[draw.random(values.shape) < share_missing] = np.nan
    return values


def stamps(count: int, hours: int = 1) -> list[str]:
    """Give times every so many hours from a Monday on."""
    return [(datetime(2024, 1, 1) + timedelta(hours=hours * row)).isoformat(" ") for row in range(count)]


def table_file(path: Path, values: np.ndarray, times: Sequence[str] | None = None) -> Path:
    """Write bars [N, 5] as CSV with a clock; NaN becomes an empty cell."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["time", *NAMES])
        for time, row in zip(times or stamps(len(values)), values.tolist(), strict=True):
            writer.writerow([time, *("" if value != value else repr(value) for value in row)])
    return path


def request(task: str, directory: Path, **changes: Any) -> TrainModelRequest:
    """Ask for the smallest forecaster on a small table."""
    settings: dict[str, Any] = {
        "model_name": "forecaster-tiny", "precision": "fp32", "split": PARTS, "context_length": CONTEXT,
        "patch_length": 8, **SETTINGS[task],
    }  # fmt: skip
    path = changes.pop("dataset_path", None)
    if path is None:
        directory.mkdir(parents=True, exist_ok=True)
        path = table_file(directory / "bars.csv", bars())
    return TrainModelRequest(task=task, dataset_path=str(path), **{**settings, **changes})


@dataclass(frozen=True)
class Ready:
    """A task with its data and model, as a run would put them together."""

    task: str
    request: Any
    data: SplitSeries
    bundle: ModelBundle
    prepared: Prepared

    @property
    def model(self) -> Any:
        return self.bundle.model

    @property
    def test(self) -> Windows:
        assert self.data.test is not None
        return self.data.test


def ready(task: str, directory: Path, **changes: Any) -> Ready:
    """Load, build and prepare as the workshop does; the weights are rough, so that everything seen matters."""
    wanted = request(task, directory, **changes).resolved()
    data: Any = kind_of(task).load(wanted)
    bundle = kind_of(task).build(wanted, data, directory / "no tokenizer kept")
    rough(bundle.model)
    return Ready(task, wanted, data, bundle, kind_of(task).prepare(wanted, bundle, data))


def loaded(wanted: TrainModelRequest | Training) -> Any:
    """Load the data of a request."""
    training = wanted if isinstance(wanted, Training) else wanted.resolved()
    return kind_of(training.task).load(training)


def rough(model: Any, size: float = 0.2, seed: int = 5) -> None:
    """Draw every weight anew: a fresh forecaster repeats the last value, and would hide most faults."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.data.normal_(0.0, size, generator=generator)


def answer_of(model: Forecaster, cut: Mapping[str, np.ndarray]) -> torch.Tensor:
    """Give what a model makes of windows that were cut: `forecast` or `logits`."""
    model.eval()
    with torch.inference_mode():
        answer, *_ = model(*(torch.from_numpy(cut[name]) for name in ("values", "observed", "calendar"))).values()
    found: torch.Tensor = answer
    return found
