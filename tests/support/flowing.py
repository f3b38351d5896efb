"""Code in which a value flows or does not, and readers that train on it in a second."""

import json
from pathlib import Path
from typing import Any

import torch

from application.training_request import TrainModelRequest
from infrastructure.code_reading.vocabulary import Vocabulary
from infrastructure.models.flow.model import FlowClassifier, FlowConfig

WORDS = Vocabulary(("def", "return", "os", "system", "request", "args", "for", "in", "input", "0"))
LABELS = ("safe", "low", "medium", "high", "critical")
NAMES = ("name", "path", "value", "item", "text", "data", "key", "line")


def program(number: int, is_weak: bool) -> dict[str, Any]:
    """Write a function that hands on what came from outside, or something else in its place."""
    given, kept, other = (NAMES[(number + step) % len(NAMES)] for step in (0, 3, 5))
    used = kept if is_weak else other
    code = f"def run_{number}({given}):\n    {kept} = {given}\n    {other} = 'ls'\n    return os.system({used})\n"
    tainted, harmful = code.index(f"{kept} ="), code.index("os.system")
    marks = [[tainted, tainted + len(kept), "tainted"]]
    if is_weak:
        marks.append([harmful, len(code) - 1, "harmful"])
    label = "safe" if not is_weak else "critical" if number % 2 else "high"
    return {"code": code, "label": label, "cwe": 78 if number % 2 else 22, "family": f"f{number}", "marks": marks}


def programs(count: int = 60) -> list[dict[str, Any]]:
    """Write twins one after the other."""
    return [program(number // 2, number % 2 == 0) for number in range(count)]


def request(directory: Path, name: str = "run", **changes: Any) -> TrainModelRequest:
    """Ask for a few steps of the smallest reader."""
    path = directory / "programs.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in changes.pop("rows", programs())))
    given = {
        "model_name": "encoder-flow-tiny",
        "batch_size": 8,
        "max_steps": 6,
        "eval_steps": 3,
        "save_steps": 2,
        "max_length": 64,
        "precision": "fp32",
    }
    return TrainModelRequest(
        task="security_classification",
        dataset_path=str(path),
        output_dir=str(directory / name),
        **{**given, **changes},
    )


def reader(seed: int = 0, **changes: Any) -> FlowClassifier:
    """Build a reader of width 32 for `WORDS`, with weights that are far from those it begins with."""
    torch.manual_seed(seed)
    shape: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_layers": 2,
        "num_heads": 4,
        "vocab_size": len(WORDS),
    }
    labels = {"id2label": dict(enumerate(LABELS)), "label2id": {label: n for n, label in enumerate(LABELS)}}
    model = FlowClassifier(
        FlowConfig(**{**shape, **labels, "marks": ["harmful", "tainted"], "kinds": [22, 78], **changes})
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model.eval()
