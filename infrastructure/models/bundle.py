"""A model, its tokenizer and what else must travel with them, as one directory."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save_file
from torch import nn

from domain.exceptions import ModelError, TrainingError
from domain.version import VERSION
from infrastructure.disk_errors import disk_errors
from infrastructure.files import staged_directory, write_whole
from infrastructure.models.tokenizer_files import save_tokenizer

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

CARD = "athanor.json"


@dataclass
class ModelBundle:
    """A trainable model with what makes its directory self-contained.

    `card` holds task, labels, lengths, row counts and the SHA-256 of the data, as plain JSON values.
    """

    model: nn.Module
    tokenizer: "PreTrainedTokenizerBase | None" = None
    card: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def num_parameters(self) -> int:
        """Count the parameters, shared ones once."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def save(self, directory: Path, facts: Mapping[str, Any]) -> None:
        """Write the directory whole; a model of the transformers library opens there with `from_pretrained`.

        Raises: TrainingError when the disk refuses.
        """
        from transformers import PreTrainedModel

        try:
            with staged_directory(directory) as staging, disk_errors():
                if isinstance(self.model, PreTrainedModel):
                    self.model.save_pretrained(staging, state_dict=_separable(self.model))
                else:
                    tensors = {name: t.detach().clone().contiguous() for name, t in self.model.state_dict().items()}
                    save_file(tensors, staging / "model.safetensors")
                if self.tokenizer is not None:
                    save_tokenizer(self.tokenizer, staging)
                card = {"athanor": VERSION, **self.card, **facts}
                (staging / CARD).write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
                for file in staging.glob("*.safetensors"):
                    file.chmod((staging / CARD).stat().st_mode)  # safetensors lets nobody else read its files
        except OSError as error:
            raise TrainingError(
                f"the model could not be written to {directory}: {error.strerror or error}.",
                remedy="Make room and resume the run; its checkpoints are intact.",
            ) from error


def _separable(model: "PreTrainedModel") -> dict[str, "Tensor"]:
    """Give the state with copies of what is shared without the library's knowledge, which it would refuse to save."""
    known: Any = model._tied_weights_keys or {}
    declared = {*known, *(known.values() if isinstance(known, dict) else ())}
    state = model.state_dict()
    uses = Counter(tensor.data_ptr() for tensor in state.values())
    return {
        name: tensor.clone() if uses[tensor.data_ptr()] > 1 and declared and name not in declared else tensor
        for name, tensor in state.items()
    }


def add_to_card(directory: Path, facts: Mapping[str, Any]) -> None:
    """Add what was found out after the training. Raises: ModelError, TrainingError when the disk refuses."""
    card = {**read_card(directory), **facts}
    try:
        write_whole(directory / CARD, json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise TrainingError(
            f"{directory / CARD} could not be written: {error.strerror or error}.",
            remedy="Make room and resume the run; its checkpoints are intact.",
        ) from error


def plain_numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Pick the metrics that are finite numbers: a card is read by parsers that know no NaN, and stays short."""
    return {name: value for name, value in metrics.items() if isinstance(value, int | float) and isfinite(value)}


def read_card(directory: Path) -> dict[str, Any]:
    """Read what travels with a model. Raises: ModelError when the directory is none of ours."""
    try:
        card = json.loads((directory / CARD).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(
            f"{directory} holds no finished model ({CARD} is missing).",
            remedy="Give a run directory whose training has ended, or its model directory.",
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{directory / CARD} cannot be read: {error}.", remedy="Train again or restore it.") from error
    if not isinstance(card, dict) or "task" not in card:
        raise ModelError(f"{directory / CARD} does not say its task.", remedy="Train again or restore it.")
    return card
