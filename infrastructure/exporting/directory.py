"""What stands in the directory of an export beside its graphs: tokenizer, settings, and the card for each reader."""

import shutil
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from application.export_ports import Wanted
from domain.export import EXPORT_FACTS, INT8, ONNX, ONNX_INT8, Export
from domain.run_layout import CARD, README
from domain.showing import json_text
from infrastructure.exporting.following import write_judging
from infrastructure.exporting.graph import Shape
from infrastructure.exporting.opened import Opened
from infrastructure.exporting.readme import readme_of
from infrastructure.model_files.card import card_text, digests_of
from infrastructure.model_files.exports import EXPORT
from infrastructure.model_files.model_directory import ADAPTER_CONFIG, CONFIG
from infrastructure.models.flow.model import FlowClassifier

# Of the model in its own directory, and of no use beside graphs: weights, and what is told of them.
_WEIGHTS = (".safetensors", ".safetensors.index.json", ".bin", ".pt")
_TOLD = (CARD, README, EXPORT_FACTS, ADAPTER_CONFIG)


def write_companions(opened: Opened, graphs: Mapping[str, str], staging: Path) -> None:
    """Copy what stands beside the weights of a model, or of its `graphs`; of an adapter also the settings of its base.

    Raises: OSError.
    """
    written = {path.name for path in staging.iterdir()}
    for path in sorted(opened.directory.iterdir()):
        if path.is_file() and path.name not in (*_TOLD, *written) and not path.name.endswith(_WEIGHTS):
            shutil.copyfile(path, staging / path.name)
    model: Any = opened.model
    if graphs and isinstance(model, FlowClassifier):
        write_judging(model, staging)
    if not (staging / CONFIG).exists():
        model.config.save_pretrained(staging)
    if model.can_generate() and not (staging / "generation_config.json").exists():
        model.generation_config.save_pretrained(staging)


def facts_of(told: Export, shape: Shape, files: Mapping[str, str]) -> dict[str, Any]:
    """Say of an export what whoever runs it must know."""
    return {
        "format": told.format,
        "weights": told.weights,
        "calibration": told.calibration,
        "graphs": dict(files),
        **(shape.facts if files else {}),
        "parity": told.to_json()["parity"],
    }


def write_card(opened: Opened, staging: Path, told: Export, facts: Mapping[str, Any]) -> None:
    """Write what is told of an export for people and for programs, and the card that opens it, that last.

    Raises: OSError.
    """
    files = digests_of(staging)
    (staging / README).write_text(readme_of(told, opened.facts), encoding="utf-8")
    (staging / EXPORT_FACTS).write_text(json_text(told.to_json(), indent=2) + "\n", encoding="utf-8")
    card = {**opened.facts, EXPORT: facts, "files": files}
    (staging / CARD).write_text(card_text(card), encoding="utf-8")


def versions_of(wanted: Wanted) -> dict[str, str]:
    """Give the versions of what has made an export."""
    names = ["athanor", "torch", "transformers"]
    if wanted.format in (ONNX, ONNX_INT8):
        names += ["onnx", "onnxscript", "onnxruntime"]
    elif wanted.weights == INT8:
        names.append("torchao")
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
