"""Rows that a model writes out in each evaluation, to be compared with what was wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from application.phases import phase
from domain.generation import GenerationSettings
from infrastructure.data.text.loading import SplitPairs
from infrastructure.models.generation import generate_texts
from infrastructure.tasks.kind import Trained
from infrastructure.tasks.writing.metrics import TextScores, scored_texts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NUM_SHOWN = 3
CHARACTERS_SHOWN = 400


@dataclass(frozen=True)
class Samples:
    """Prompts (token ids) of the first rows, the texts that should follow them, and how to score what is written."""

    tokenizer: "PreTrainedTokenizerBase"
    prompts: Sequence[Sequence[int]]
    references: Sequence[str]
    settings: GenerationSettings
    compared: TextScores

    @property
    def names(self) -> Sequence[str]:
        """Name the scores."""
        return tuple(self.compared)

    def written(self, model: nn.Module) -> Sequence[str]:
        """Let a model write a text for each prompt."""
        writer: Any = model
        with phase("writing samples"):
            return generate_texts(writer, self.tokenizer, self.prompts, self.settings)

    def scores(self, outputs: Sequence[str]) -> Mapping[str, float]:
        """Compare what was written with what should have been."""
        return scored_texts(self.compared, outputs, self.references)


def written_samples(dataset: SplitPairs, trained: Trained) -> list[dict[str, str]]:
    """Ask a finished model for the first few rows of the evaluation part, and set beside them what was wanted."""
    rows = [int(row) for row in dataset.evaluation[:NUM_SHOWN]]
    sources = [str(dataset.eval_rows.sources[row]) for row in rows]
    return [
        {"prompt": shown(source), "output": shown(text["text"]), "wanted": shown(str(dataset.eval_rows.targets[row]))}
        for row, source, text in zip(rows, sources, trained.answer(sources, {}), strict=True)
    ]


def shown(text: str) -> str:
    """Cut a sample to what a person wants to read of it."""
    return text if len(text) <= CHARACTERS_SHOWN else text[:CHARACTERS_SHOWN] + "..."
