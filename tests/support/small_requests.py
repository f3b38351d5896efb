"""A small training of any task, asked for."""

import json
from pathlib import Path
from typing import Any

from application.training_request import TrainModelRequest
from tests.support import tiny, tiny_series, tiny_text

SECURITY = [{"code": f"x = {number}\ny{number % 7} = x", "label": ("safe", "high")[number % 2]} for number in range(80)]


def request_for(task: str, directory: Path, **changes: Any) -> TrainModelRequest:
    """Ask for six steps of the smallest preset on data that is written to a directory."""
    directory.mkdir(exist_ok=True)
    given = {"output_dir": str(directory / "run"), "batch_size": 8, "max_steps": 6, **changes}
    if task in (tiny_text.MASKED, *tiny_text.TEXT_TASKS):
        return tiny_text.request(task, directory, **given)
    if task in tiny_series.SERIES_TASKS:
        return tiny_series.request(task, directory, **given)
    path = directory / "rows.json"
    path.write_text(json.dumps(SECURITY if task == "security_classification" else tiny.rows(80)))
    texts = {"model_name": "encoder-tiny", "vocab_size": 400, "max_length": 24, "precision": "fp32"}
    return TrainModelRequest(task=task, **{"dataset_path": str(path), **texts, **given})
