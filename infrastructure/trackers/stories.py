"""Events and summaries of a run as what trackers keep."""

import math
from collections.abc import Mapping
from typing import Any

from domain.events import EvaluationCompleted, StepCompleted
from domain.exceptions import RunError
from domain.run_layout import RunLayout
from domain.showing import json_text
from infrastructure.runs.run_summary import read_summary
from infrastructure.trackers.tracker import Ending, Point

_OF_STEP = ("loss", "loss_ema", "learning_rate", "grad_norm", "tokens_per_second", "samples_per_second", "memory_bytes")


def flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give settings that say something, lists and mappings among them as JSON."""
    plain = {name: value for name, value in settings.items() if value is not None}
    return {name: value if isinstance(value, str | int | float) else json_text(value) for name, value in plain.items()}


def point_of(event: StepCompleted | EvaluationCompleted, time: float) -> Point:
    """Give the numbers of an event, `train/loss` or `eval/accuracy`; what is not finite is left out."""
    if isinstance(event, StepCompleted):
        values = numbers({name: getattr(event, name) for name in _OF_STEP}, "train")
    else:
        values = numbers({**event.metrics, "seconds": event.seconds}, "eval")
    return Point(event.step, time, {**values, "epoch": float(event.epoch)})


def ending_of(layout: RunLayout, status: str, step: int, time: float) -> Ending:
    """Read what the run has left: summary, pictures, pages, model."""
    summary = _summary(layout)
    scores = {
        **numbers(summary.get("final_metrics") or {}, "best"),
        **numbers(summary.get("test_metrics") or {}, "test"),
        **numbers(summary.get("baselines") or {}, "baseline"),
    }
    places = {"run_dir": layout.directory, "model": layout.model, "report": layout.report}
    facts = {name: str(path.absolute()) for name, path in places.items() if path.exists()}
    facts |= {name: str(summary[name]) for name in ("stop_reason", "metric_name") if summary.get(name)}
    pictures = sorted(str(path.absolute()) for path in layout.directory.glob("*.png") if path.is_file())
    return Ending(status, step, time, scores, facts, pictures)


def numbers(values: Mapping[str, Any], group: str) -> dict[str, float]:
    """Give the finite numbers among values, below the name of their group."""
    return {
        f"{group}/{name}": float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _summary(layout: RunLayout) -> Mapping[str, Any]:
    try:
        return read_summary(layout.directory)
    except RunError:  # whoever asks for the run is told; to a tracker it has no scores
        return {}
