"""What of a pretrained model decides defaults, read from its config before anything is trained with it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.task_settings import SMALL_WIDTH
from infrastructure.model_files.model_directory import checked_directory
from infrastructure.models.adapters.source import source_of
from infrastructure.models.naming import place_of
from infrastructure.models.pretrained import outlined

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedConfig

# Each is the longest text of one half or of both; rotary positions have a longest one, too.
_POSITIONS = ("max_position_embeddings", "max_encoder_position_embeddings", "max_decoder_position_embeddings")
# Families whose activations leave the range of fp16, whatever their files are stored in: they were made in bf16.
# Source: the library's issues 4586 and 9295 on T5, its notes on Gemma.
_WIDE = ("t5", "mt5", "umt5", "longt5", "switch_transformers", "gemma", "gemma2", "gemma3", "gemma3_text", "t5gemma")


@dataclass(frozen=True)
class ModelFacts:
    """What a model is.

    `positions` are the tokens that it has places for, None for no limit; `outgrows_fp16` tells whether its numbers may
    leave the range of fp16, and `is_small` whether it is no wider than the small presets.
    """

    positions: int | None
    outgrows_fp16: bool
    is_small: bool


def facts_of(name: str, presets: Collection[str]) -> ModelFacts:
    """Look at the model that a name means, no preset, without its weights. Raises: ModelError."""
    directory = source_of(place_of(name, presets).directory).base
    checked_directory(directory)
    model = outlined(directory, "AutoModel")
    width: Any = getattr(model.config, "hidden_size", None)
    is_small = isinstance(width, int) and width <= SMALL_WIDTH
    return ModelFacts(usable_positions(model, model.config), outgrows_fp16(model.config), is_small)


def usable_positions(model: "nn.Module", config: "PreTrainedConfig") -> int | None:
    """Tell the longest text in tokens that both halves of a model have positions for; None for no limit."""
    halves = (config, config.get_text_config(decoder=True), config.get_text_config(encoder=True))
    said = [getattr(half, name, None) for half in halves for name in _POSITIONS]
    known = [count for count in said if isinstance(count, int) and count > 0]
    return min(known) - positions_unused(model) if known else None


def positions_unused(model: "nn.Module") -> int:
    """Count the first positions that no token has: RoBERTa and its kin number them from pad_token_id + 1."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings"):
            padding: Any = getattr(module, "padding_idx", None)
            return 0 if padding is None else int(padding) + 1
    return 0


def outgrows_fp16(config: "PreTrainedConfig") -> bool:
    """Tell whether numbers of a model may leave the range of fp16, as those of models that were trained in bf16 do."""
    stored = str(getattr(config, "dtype", None) or "")
    return stored.endswith("bfloat16") or config.model_type in _WIDE
