"""A finished model that writes, by torch; and the presets of those that write with a decoder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import nn

from application.training import TextTraining
from infrastructure.models.factory import DECODER, Blueprint
from infrastructure.models.generation import generate_texts
from infrastructure.models.presets import DECODERS, decoder_config
from infrastructure.tasks.adapter import TaskAdapter
from infrastructure.tasks.kind import Note, OnText
from infrastructure.tasks.writing.answering import TextAnswers, Writing

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def decoder_blueprint(request: TextTraining, learn_tokenizer: "Callable[[], PreTrainedTokenizerBase]") -> Blueprint:
    """Describe the decoders of a request."""
    presets = {name: partial(decoder_config, size, max_length=request.max_length) for name, size in DECODERS.items()}
    return Blueprint(DECODER, presets, learn_tokenizer)


@dataclass(frozen=True)
class FinishedWriter(TextAnswers):
    """Writes texts; `adapter` scores rows, as many texts written out as is said."""

    writing: Writing
    adapter: Callable[[Any, int], TaskAdapter]
    rows_at_once: int

    def scored(self, dataset_path: str) -> tuple[Any, TaskAdapter]:
        """Make rows with their targets ready for evaluation. Raises: DatasetError."""
        dataset = self.rows(dataset_path)
        return dataset, self.adapter(dataset, len(dataset))

    def answers(
        self, model: nn.Module, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give the `text` that follows each input."""
        writer: Any = model
        return self.written(partial(generate_texts, writer, self.tokenizer), inputs, options, on_text, note)
