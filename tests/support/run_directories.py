"""Run directories as trainings leave them, made without one."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from application.training_request import TrainModelRequest
from domain.run_layout import RunLayout
from infrastructure.runs.run_file import dump_request

BEGAN = "2026-03-01T12:00:00.123456Z"
SUMMARY: Mapping[str, Any] = {
    "success": True,
    "best_metric": 0.75,
    "best_epoch": 1,
    "best_step": 12,
    "task": "text_classification",
    "metric_name": "macro_f1",
    "stop_reason": "completed",
    "final_metrics": {"macro_f1": 0.75, "accuracy": 0.8, "loss": 0.5},
    "num_train_rows": 90,
    "num_eval_rows": 10,
}


def run_at(path: Path, summary: Mapping[str, Any] | None = SUMMARY, **settings: Any) -> Path:
    """Make a finished run, one of another summary, or with None one that was interrupted before it told anything."""
    layout = RunLayout(path)
    path.mkdir(parents=True)
    known = {"task": "text_classification", "dataset_path": "letters.csv", "model_name": "encoder-tiny", **settings}
    request = TrainModelRequest(**known, output_dir=str(path))
    layout.run_file.write_text(dump_request(request.resolved()), encoding="utf-8")
    began = {"run_dir": str(path), "checkpoint": "", "event": "RunOpened", "timestamp": BEGAN}
    write_lines(layout.log, [began])
    if summary is not None:
        of_place = {"run_id": path.name, "run_dir": str(path), "model_path": str(layout.model)}
        layout.summary.write_text(json.dumps({**of_place, **summary}), encoding="utf-8")
        layout.model.mkdir()
        (layout.model / "config.json").write_text("{}", encoding="utf-8")
    return path


def write_lines(path: Path, values: Iterable[Mapping[str, Any]]) -> None:
    """Append lines of JSON."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(value)}\n" for value in values)


def add_checkpoint(path: Path, step: int = 12) -> Path:
    """Leave a training state of 1,000 bytes."""
    state = RunLayout(path).checkpoints / f"step-{step:08d}"
    state.mkdir(parents=True)
    (state / "optimizer.safetensors").write_bytes(bytes(1000))
    return state
