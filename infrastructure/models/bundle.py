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
from infrastructure.model_files.card import card_text, digests_of, read_card
from infrastructure.model_files.model_directory import ADAPTER_CONFIG, WEIGHTS
from infrastructure.models.adapters.files import Adapter
from infrastructure.models.adapters.merging import is_plain, plain_state
from infrastructure.models.freezing import FrozenBase
from infrastructure.models.mark_head import without_mark_head
from infrastructure.models.pretrained import first_sentence, outline_of
from infrastructure.models.tokenizer_files import save_tokenizer

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass
class ModelBundle:
    """A trainable model with what makes its directory self-contained.

    `card` holds task, labels, lengths, row counts and the SHA-256 of the data, as plain JSON values. `base` are frozen
    weights that the states of a run need not hold, for building the model again brings them. `adapter` says how one is
    kept that is not to be merged into the model. A model that `answers_untrained` is scored before its first step, and
    may be the best of its run. `beside` are the texts of further files, by their names.
    """

    model: nn.Module
    tokenizer: "PreTrainedTokenizerBase | None" = None
    card: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    base: FrozenBase | None = None
    adapter: Adapter | None = None
    answers_untrained: bool = False
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def num_parameters(self) -> int:
        """Count the parameters, shared ones once."""
        # A byte of weights in 4 bits holds two of them.
        return sum(one.numel() * (2 if type(one).__name__ == "Params4bit" else 1) for one in self.model.parameters())

    @property
    def num_trainable(self) -> int:
        """Count those of them that a training changes: not what is frozen, below a head or beside an adapter."""
        return sum(parameter.numel() for parameter in self.model.parameters() if parameter.requires_grad)

    def save(self, directory: Path, facts: Mapping[str, Any], weights: "Mapping[str, Tensor] | None" = None) -> None:
        """Write the directory whole; a model of the transformers library opens there with `from_pretrained`.

        `weights` stand for the state of the model, where this process holds only a part of that.
        Raises: TrainingError when the disk refuses.
        """
        with _said_in_a_sentence(directory), staged_directory(directory) as staging:
            self._write(staging, facts, weights=weights)

    def rehearse(self, directory: Path) -> dict[str, Any]:
        """Write all but the weights to `directory` and take it away again, so that what cannot be written shows early.

        Gives the card as it was read back. Raises: ConfigurationError or ModelError naming what cannot be written,
        TrainingError when the disk refuses.
        """
        with suppress(_Rehearsed), _said_in_a_sentence(directory), staged_directory(directory) as staging:
            self._write(staging, {}, with_weights=False)
            card = read_card(staging)
            raise _Rehearsed
        return card

    def _write(
        self,
        staging: Path,
        facts: Mapping[str, Any],
        with_weights: bool = True,
        weights: "Mapping[str, Tensor] | None" = None,
    ) -> None:
        card = {"athanor": VERSION, **self.card, **facts, **(self.adapter.card if self.adapter else {})}
        card_text(card)  # first what a person has named: the weights can hold no surprise
        with disk_errors():
            if self.tokenizer is not None:
                save_tokenizer(self.tokenizer, staging)
            for name, text in self.beside.items():
                (staging / name).write_text(text, encoding="utf-8")
            self._write_weights(staging, with_weights, weights)
            (staging / CARD).write_text(card_text({**card, "files": _files_of(staging)}), encoding="utf-8")
            for file in staging.glob("*.safetensors"):
                file.chmod((staging / CARD).stat().st_mode)  # safetensors lets nobody else read its files

    def _write_weights(self, staging: Path, with_weights: bool, weights: "Mapping[str, Tensor] | None") -> None:
        """Write the adapter alone, or a model without one, in fp32; a rehearsal writes all but tensors."""
        from transformers import PreTrainedModel

        if not isinstance(self.model, PreTrainedModel):
            state = (weights or self.model.state_dict()) if with_weights else {}
            save_file({name: t.detach().clone().contiguous() for name, t in state.items()}, staging / WEIGHTS)
            return
        if self.adapter is not None:
            self.adapter.write(self.model, staging, with_weights)
            return
        plain = is_plain(self.model)
        state = weights or (self.model.state_dict() if plain else plain_state(self.model)) if with_weights else {}
        state = without_mark_head(state)
        writer = self.model if plain else outline_of(self.model)
        writer.save_pretrained(staging, state_dict=_separable(self.model, state))


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


def _files_of(directory: Path) -> dict[str, str]:
    """Give the digests of files that stay as they are: where the base of an adapter lies may change."""
    return {name: digest for name, digest in digests_of(directory).items() if name != ADAPTER_CONFIG}


def _separable(model: "PreTrainedModel", state: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """Give copies of what is shared without the library's knowledge, which it would refuse to save."""
    known: Any = model._tied_weights_keys or {}
    declared = {*known, *(known.values() if isinstance(known, dict) else ())}
    uses = Counter(tensor.data_ptr() for tensor in state.values())
    return {
        name: tensor.detach().clone()
        if uses[tensor.data_ptr()] > 1 and declared and name not in declared
        else tensor.detach()
        for name, tensor in state.items()
    }
