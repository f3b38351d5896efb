"""Trees of source code to scan, and a model that speaks of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from infrastructure.models.bundle import ModelBundle
from tests.support import tiny

WEAK = '''\
import subprocess


def listed(folder):
    """List a folder."""
    return subprocess.run("ls " + folder, shell=True)


def total(numbers):
    return sum(numbers)
'''
WEAK_LINE = 6


def tree(directory: Path, files: Mapping[str, str | bytes] = {"app/weak.py": WEAK}) -> Path:
    """Write files by their paths."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return directory


def severity_model(directory: Path, sure_of: str | None = "critical", **card: Any) -> Path:
    """Save a model of severities as a run does at its end; it is always sure of one of them, or of none."""
    labels = ("safe", "low", "medium", "high", "critical")
    tokens = tiny.tokenizer()
    model: Any = tiny.model(tokens, num_labels=len(labels))
    model = type(model)(model.config).eval()
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: number for number, label in enumerate(labels)}
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.zero_()
        if sure_of is not None:
            model.classifier.bias[labels.index(sure_of)] = 12.0
    told = {"task": "security_classification", "labels": list(labels), "max_length": 64, "text_field": "text", **card}
    ModelBundle(model, tokens, told).save(directory / "model", {"step": 1, "metrics": {}})
    return directory
