"""Fakes of every port of the training use case; none of them knows torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from application.ports import CheckpointStore, MetricsTracker, Run, RunMonitor, SplitDataset, TrainableModel
from application.training import Training
from application.training_request import TrainModelRequest
from domain.events import Event
from domain.interval import UNKNOWN, Interval
from domain.results import Report, TrainingResult


@dataclass
class FakeDataset:
    num_train: int = 80
    num_eval: int = 20
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass
class FakeModel:
    warnings: tuple[str, ...] = ()


@dataclass
class FakeRun:
    run_id: str = "fake-run"
    path: str = "runs/fake-run"
    summary: Mapping[str, Any] | None = None
    failure: tuple[Mapping[str, Any], bool] | None = None
    is_open: bool = False
    is_closed: bool = False

    def open(self, request: Training) -> None:
        self.is_open = True

    def save_summary(self, response: Mapping[str, Any]) -> None:
        self.summary = response

    def save_failure(self, response: Mapping[str, Any], keep: bool) -> None:
        self.failure = (response, keep)

    def close(self) -> None:
        self.is_closed = True


@dataclass
class FakeMonitor:
    stop_reason: str = ""
    events: list[Event] = field(default_factory=list)

    def notify(self, event: Event) -> None:
        self.events.append(event)

    def stop_requested(self) -> str:
        return self.stop_reason


class StopsAt(FakeMonitor):
    """Asks for a stop once a number of steps was asked about."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self._left = step

    def stop_requested(self) -> str:
        self._left -= 1
        return "cancelled" if self._left < 0 else ""


@dataclass
class FakeTracker:
    finished: int = 0

    def finish(self) -> str:
        self.finished += 1
        return "runs/fake-run/metrics.json"


@dataclass
class FakeCheckpoints:
    is_discarded: bool = False

    def discard(self) -> None:
        self.is_discarded = True


RESULT = TrainingResult(
    best_metric=0.8,
    best_epoch=2,
    best_step=15,
    metric_name="macro_f1",
    stop_reason="completed",
    training_time=12.5,
    steps=20,
    total_steps=20,
    steps_per_epoch=10,
    train_loss=0.3,
    final_metrics={"macro_f1": 0.8},
    num_dropped_steps=0,
    num_rollbacks=0,
    num_parameters=10,
    num_trainable=10,
    precision="fp32",
    device="cpu",
    throughput={"tokens_per_second": 1000.0},
    num_threads=1,
    warnings=(),
    model_path="runs/fake-run/model",
)
REPORT = Report(
    baselines={"majority_accuracy": 0.5},
    test_metrics={"macro_f1": 0.7},
    warnings=("cannot be told from chance",),
    intervals={"macro_f1": Interval(0.6, 0.8), "majority_accuracy": UNKNOWN},
)


@dataclass
class FakeWorld:
    """All ports at once: notes the order of calls and fails where `failing` says."""

    failing: Mapping[str, Exception] = field(default_factory=dict)
    result: TrainingResult = field(default_factory=lambda: RESULT)
    calls: list[str] = field(default_factory=list)
    run: FakeRun = field(default_factory=FakeRun)
    tracker_made: FakeTracker = field(default_factory=FakeTracker)
    request_seen: Training | None = None
    monitor_seen: Any = None
    accepts_changes: bool = False
    checkpoints_made: FakeCheckpoints = field(default_factory=FakeCheckpoints)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.failing:
            raise self.failing[name]

    # RunStore
    def reserve(self, request: Training) -> FakeRun:
        self._called("reserve")
        return self.run

    def begun_before(self, request: TrainModelRequest) -> str:
        return ""  # nothing was started anew

    def told_before(self, path: str) -> None:
        """None: nothing was started anew."""

    def reopen(self, path: str) -> tuple[FakeRun, TrainModelRequest]:
        self._called("reopen")
        return self.run, TrainModelRequest(task="text_classification", seed=7)

    # DatasetSource
    def load(self, request: Training) -> FakeDataset:
        self._called("load")
        return FakeDataset()

    # ModelSource
    def build(self, request: Training, dataset: SplitDataset, run: Run) -> FakeModel:
        self._called("build")
        return FakeModel()

    # Workshop
    def settle(self, training: Training, request: TrainModelRequest) -> Training:
        self._called("settle")
        return training.changed(precision="fp32")

    def fit(
        self, training: Training, request: TrainModelRequest, model: TrainableModel, dataset: SplitDataset
    ) -> Training:
        self._called("fit")
        return training

    def tracker(self, run: Run) -> FakeTracker:
        self._called("tracker")
        return self.tracker_made

    def checkpoints(self, run: Run, request: Training) -> FakeCheckpoints:
        self._called("checkpoints")
        return self.checkpoints_made

    def trainer(
        self,
        run: Run,
        request: Training,
        model: TrainableModel,
        dataset: SplitDataset,
        tracker: MetricsTracker,
        checkpoints: CheckpointStore,
        monitor: RunMonitor,
    ) -> "FakeWorld":
        self._called("trainer")
        self.request_seen, self.monitor_seen = request, monitor
        return self

    # Trainer
    def train(self, accept_changes: bool = False) -> TrainingResult:
        self._called("train")
        self.accepts_changes = accept_changes
        return self.result

    # ReportWriter
    def write(self, run: Run, request: Training, dataset: SplitDataset, result: TrainingResult) -> Report:
        self._called("write")
        return REPORT
