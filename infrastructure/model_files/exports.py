"""What the card of an exported model says of its export."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from domain.exceptions import ModelError
from domain.export import ONNX, ONNX_INT8, TORCH_EXPORT
from infrastructure.model_files.card import ModelCard, typed_card

EXPORT = "export"
WITHOUT_TORCH = (ONNX, ONNX_INT8)
# Beside the graph of a reader that follows values: what it knows beside its layers.
JUDGING_FILE = "judging.safetensors"


class Export(BaseModel):
    """How a model was exported, and the files of its `graphs` by what each is for; `judging` is that of a reader."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    format: Literal["onnx", "onnx-int8", "torch-export", "safetensors"]
    graphs: dict[str, str] = {}
    judging: str | None = None


class ExportedCard(ModelCard):
    """The card of an exported model."""

    export: Export


def runs_without_torch(card: Mapping[str, Any], directory: Path) -> bool:
    """Tell whether a model was exported to a form that needs no torch.

    Raises: ModelError for one in a form that nothing here runs, or a card that cannot be read.
    """
    if EXPORT not in card:
        return False
    form = typed_card(ExportedCard, card, directory).export.format
    if form == TORCH_EXPORT:
        raise ModelError(
            f"{directory} holds a program of torch.export, which answers tensors and not rows.",
            remedy="Open it with torch.export.load, or export the run with --format onnx.",
        )
    return form in WITHOUT_TORCH
