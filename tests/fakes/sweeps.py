"""Fakes of the ports of a range test of learning rates; none of them knows torch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from application.ports import RunMonitor, SplitDataset, TrainableModel
from application.training import Training
from domain.rate_sweep import RateFound, RateSweep, SweptLosses


def falling(rate: float) -> float:
    """Fall from 2 to 1 around a rate of 1e-3, and rise steeply from 0.1 on."""
    return 2.0 - 1.0 / (1.0 + (1e-3 / rate) ** 2) + (100 * rate if rate > 0.1 else 0.0)


@dataclass
class FakeSweeper:
    """Gives losses as a function of the rate, and remembers what it was asked for."""

    loss_at: Callable[[float], float] = falling
    training_seen: Training | None = None
    sweep_seen: RateSweep | None = None

    def sweep(
        self, training: Training, model: TrainableModel, dataset: SplitDataset, sweep: RateSweep, monitor: RunMonitor
    ) -> SweptLosses:
        self.training_seen, self.sweep_seen = training, sweep
        swept = SweptLosses()
        for step in range(sweep.steps):
            if swept.diverged or monitor.stop_requested():
                break
            swept.take_in(self.loss_at(sweep.rate_at(step)))
        return swept


@dataclass
class FakePictures:
    """Remembers pictures by their paths, and fails where told."""

    failing: dict[str, Exception] = field(default_factory=dict)
    drawn: dict[str, Any] = field(default_factory=dict)

    def require_place(self, path: str) -> None:
        if "require_place" in self.failing:
            raise self.failing["require_place"]

    def draw(self, path: str, sweep: RateSweep, swept: SweptLosses, found: RateFound) -> None:
        if "draw" in self.failing:
            raise self.failing["draw"]
        self.drawn[path] = found
