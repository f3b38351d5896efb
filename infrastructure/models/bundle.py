"""A model, its tokenizer and what else must travel with them, as one directory."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save_file
from torch import nn

from domain.exceptions import ModelError, TrainingError
from domain.run_layout import CARD
from domain.version import VERSION
from infrastructure.disk_errors import disk_errors
from infrastructure.files import staged_directory
from infrastructure.models.card import card_text, digests_of, read_card
from infrastructure.models.freezing import FrozenBase
from infrastructure.models.model_directory import WEIGHTS
from infrastructure.models.pretrained import first_sentence
from infrastructure.models.tokenizer_files import save_tokenizer

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass
class ModelBundle:
    """A trainable model with what makes its directory self-contained.

    `card` holds task, labels, lengths, row counts and the SHA-256 of the data, as plain JSON values. `base` are frozen
    weights that the states of a run need not hold, for building the model again brings them.
    """

    model: nn.Module
    tokenizer: "PreTrainedTokenizerBase | None" = None
    card: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    base: FrozenBase | None = None

    @property
    def num_parameters(self) -> int:
        """Count the parameters, shared ones once."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def save(self, directory: Path, facts: Mapping[str, Any]) -> None:
        """Write the directory whole; a model of the transformers library opens there with `from_pretrained`.

        Raises: TrainingError when the disk refuses.
        """
        with _said_in_a_sentence(directory), staged_directory(directory) as staging:
            self._write(staging, facts, {name: t.detach() for name, t in _state_of(self.model).items()})

    def rehearse(self, directory: Path) -> dict[str, Any]:
        """Write all but the weights to `directory` and take it away again, so that what cannot be written shows early.

        Gives the card as it was read back. Raises: ConfigurationError or ModelError naming what cannot be written,
        TrainingError when the disk refuses.
        """
        with suppress(_Rehearsed), _said_in_a_sentence(directory), staged_directory(directory) as staging:
            self._write(staging, {}, {})
            card = read_card(staging)
            raise _Rehearsed
        return card

    def _write(self, staging: Path, facts: Mapping[str, Any], state: Mapping[str, "Tensor"]) -> None:
        from transformers import PreTrainedModel

        card = {"athanor": VERSION, **self.card, **facts}
        card_text(card)  # first what a person has named: the weights can hold no surprise
        with disk_errors():
            if self.tokenizer is not None:
                save_tokenizer(self.tokenizer, staging)
            if isinstance(self.model, PreTrainedModel):
                self.model.save_pretrained(staging, state_dict=dict(state))
            else:
                save_file({name: t.clone().contiguous() for name, t in state.items()}, staging / WEIGHTS)
            (staging / CARD).write_text(card_text({**card, "files": digests_of(staging)}), encoding="utf-8")
            for file in staging.glob("*.safetensors"):
                file.chmod((staging / CARD).stat().st_mode)  # safetensors lets nobody else read its files


class _Rehearsed(Exception):
    """Ends a rehearsal: what was written is not to stay."""


@contextmanager
def _said_in_a_sentence(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"the model could not be written to {directory}: {error.strerror or error}.",
            remedy="Make room and resume the run; its checkpoints are intact.",
        ) from error
    except ValueError as error:  # of the library, which checks settings of generation and names only when it saves
        raise ModelError(
            f"the model could not be written to {directory}: {first_sentence(error)}.",
            remedy="Correct that setting in the directory the model comes from, or the name in the data.",
        ) from error


def _state_of(model: nn.Module) -> dict[str, "Tensor"]:
    from transformers import PreTrainedModel

    return _separable(model) if isinstance(model, PreTrainedModel) else model.state_dict()


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
