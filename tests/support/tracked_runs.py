"""Events of a small run as trackers are told of them, and the directory that such a run leaves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from application.use_cases.train_model import TrainModelResponse
from domain.events import EvaluationCompleted, Event, RunClosed, RunStarted, StepCompleted
from domain.run_layout import RunLayout
from infrastructure.runs.run_summary import write_summary
from infrastructure.trackers.observer import Trackers
from infrastructure.trackers.process import TrackerProcess

SETTINGS = {"seed": 7, "learning_rate": 0.001, "optimizer": "adamw", "quick": True, "split": [0.8, 0.2], "sheet": None}
TASK = "text_classification"


def started(run_id: str = "run", first_step: int = 0, steps: int = 8) -> RunStarted:
    """Begin, or go on from a step."""
    return RunStarted(run_id, TASK, "cpu", "fp32", 1000, 80, 20, steps, first_step)


def step(number: int, loss: float | None = None) -> StepCompleted:
    """Complete a step whose loss falls with its number, unless another is given."""
    return StepCompleted(
        number, 8, number // 4, 1 / number if loss is None else loss, 0.5, 1.0, 1e-3, 100.0, 10.0, 1 << 20
    )


def evaluation(number: int) -> EvaluationCompleted:
    """Score after a step; not all of it is a finite number."""
    metrics = {"accuracy": number / 10, "ece": None, "loss": float("nan"), "per_class": {"a": {"f1": 1.0}}}
    return EvaluationCompleted(number, number // 4, metrics, True, 0.1)


def closed(layout: RunLayout, status: str = "finished") -> RunClosed:
    """End."""
    return RunClosed(str(layout.directory), status)


def left_by_a_run(directory: Path, picture: bytes = b"") -> RunLayout:
    """Make what a run leaves and trackers are told of: summary, model, a page, a picture where one is given."""
    layout = RunLayout(directory)
    layout.model.mkdir(parents=True)
    layout.report.write_text("<p>", encoding="utf-8")
    if picture:
        layout.training_curves.write_bytes(picture)
    response = TrainModelResponse(
        success=True,
        stop_reason="completed",
        metric_name="accuracy",
        final_metrics={"accuracy": 0.75, "pr_auc": None},
        test_metrics={"accuracy": 0.5},
        baselines={"majority_accuracy": 0.25},
    )
    write_summary(directory, response.model_dump())
    return layout


def told(trackers: Trackers, *events: Event) -> None:
    """Tell events in order."""
    for event in events:
        trackers.notify(event)


@contextmanager
def trackers_of(
    layout: RunLayout,
    *names: str,
    patience_seconds: float = 60.0,
    started: Callable[[str], TrackerProcess] = TrackerProcess.of,
) -> Iterator[tuple[Trackers, list[str]]]:
    """Give an observer and the warnings that it utters."""
    warnings: list[str] = []
    yield Trackers(names, layout, SETTINGS, warnings.append, patience_seconds, started), warnings
