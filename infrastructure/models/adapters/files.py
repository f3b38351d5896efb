"""An adapter as a directory that the peft library opens."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from domain.strict_json import strict_json
from infrastructure.model_files.model_directory import ADAPTER_CONFIG
from infrastructure.models.adapters.digests import BASE, Base, digest_of_settings
from infrastructure.models.adapters.layers import NAME, adapted_layers
from infrastructure.models.adapters.settings import ADAPTER_WEIGHTS

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What the library puts before the names of a model that it holds.
PREFIX = "base_model.model."
LENGTHS = "lora_magnitude_vector"


@dataclass(frozen=True)
class Adapter:
    """How a model was adapted: what `adapter_config.json` says, and the base that it stands beside.

    `modules` are trained in full, by name.
    """

    base: Base
    config: Mapping[str, Any]
    modules: tuple[str, ...]

    @property
    def card(self) -> dict[str, Any]:
        """Say in a card which base this is an adapter of, and by what its settings are known."""
        about = {"name": self.base.name, "sha256": self.base.sha256, "settings": digest_of_settings(self.config)}
        return {BASE: about}

    def write(self, model: "PreTrainedModel", directory: Path, with_weights: bool = True) -> None:
        """Write settings and tensors. Raises: OSError of the disk."""
        text = strict_json(self.config, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        (directory / ADAPTER_CONFIG).write_text(text, encoding="utf-8")
        if model.can_generate():  # a training may teach where a text ends, which the base does not know
            model.generation_config.save_pretrained(directory)
        state = _state(model, self.modules) if with_weights else {}
        save_file(state, directory / ADAPTER_WEIGHTS, metadata={"format": "pt"})


@torch.no_grad()
def _state(model: nn.Module, modules: tuple[str, ...]) -> dict[str, Tensor]:
    """Give what was trained by the names of the library; each tensor has memory of its own."""
    state: dict[str, Tensor] = {}
    for name, layer in adapted_layers(model):
        for part in ("lora_A", "lora_B"):
            state[f"{PREFIX}{name}.{part}.weight"] = getattr(layer, part)[NAME].weight
        if NAME in layer.lora_magnitude_vector:
            state[f"{PREFIX}{name}.{LENGTHS}"] = layer.lora_magnitude_vector[NAME].weight
    for module in modules:
        state |= {f"{PREFIX}{module}.{name}": one for name, one in model.get_submodule(module).state_dict().items()}
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in state.items()}
