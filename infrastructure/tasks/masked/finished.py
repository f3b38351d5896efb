"""A trained model that fills gaps, known from its directory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from pydantic import Field
from torch import nn

from application.groups.text import MAX_LENGTH_LIMIT
from application.labels import DIGITS
from domain.exceptions import ConfigurationError
from domain.interval import Interval
from domain.task import task_named
from infrastructure.data.sources.fields import Sought
from infrastructure.data.sources.inputs import Input, Source, read_inputs
from infrastructure.data.text.loading import open_documents
from infrastructure.data.text.parts import whole_documents
from infrastructure.data.text.passages import Passages, passages
from infrastructure.data.tokens.tokenization import bounded
from infrastructure.model_files.card import FieldNames, ModelCard
from infrastructure.statistics.ratios import interval_of_ratio
from infrastructure.tasks.adapter import pad
from infrastructure.tasks.kind import Examined, Note, OnText
from infrastructure.tasks.masked.adapter import MASK_SHARE, MaskedLanguageModeling
from infrastructure.tasks.masked.asked import AskingGaps, Gapped, gapped
from infrastructure.tasks.masked.heads import masked_scores
from infrastructure.tasks.masked.page import gap_sections
from infrastructure.tasks.scored import Outcomes, Scored
from infrastructure.tasks.writing.intervals import intervals_of_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CANDIDATES = 5
MOST_CANDIDATES = 100


class MaskedCard(ModelCard):
    """What the card of a model that fills gaps says; `text_field` names where a row has its text."""

    max_length: int = Field(ge=1, le=MAX_LENGTH_LIMIT)
    mask_share: float = Field(default=MASK_SHARE, gt=0.0, lt=1.0)
    text_field: FieldNames = None


@dataclass(frozen=True)
class FinishedFiller:
    """Fills gaps with the settings that travel with the model."""

    tokenizer: "PreTrainedTokenizerBase"
    card: MaskedCard
    rows_at_once: int = 64
    reads_rows: bool = True
    gives_table: bool = False
    labels: tuple[str, ...] = ()
    options: tuple[str, ...] = ("top_k",)

    @property
    def adapter(self) -> MaskedLanguageModeling:
        """The task as the loop knows it."""
        return masking_of(self.tokenizer, self.card.mask_share)

    @property
    def _text(self) -> Sought:
        return self.card.sought("text", task_named(self.card.task).text_fields)

    def scored(self, dataset_path: str) -> tuple[Passages, MaskedLanguageModeling]:
        """Make texts ready for evaluation, whose hidden tokens are the same every time. Raises: DatasetError."""
        documents = open_documents(dataset_path, self._text, self.card.reading)
        return passages(whole_documents(documents), self.tokenizer, self.card.max_length), self.adapter

    def intervals(self, dataset: Any, scored: Scored) -> dict[str, Interval]:
        """Say how sure the scores of an evaluation are."""
        return intervals_of_gaps(scored.metrics, scored.outcomes)

    def examined(self, dataset: Any, scored: Scored, num_rows: int | None = None) -> Examined:
        """Look at the loss of each passage, and at what was put into its gaps."""
        outcomes = {name: values for name, values in scored.outcomes.items() if name != "guesses"}
        sections = gap_sections(self.tokenizer, self.adapter, dataset, scored.outcomes, num_rows)
        return Examined(dataset, outcomes, sections)

    def inputs(self, source: Source, note: Note) -> Iterator[Input]:
        """Read texts with gaps; one without is a bad row. Raises: DatasetError for a file that cannot be read."""
        return read_inputs(source, AskingGaps(self._text, self._why_not), self.card.reading, note)

    def unanswered(self, reason: str) -> Mapping[str, Any]:
        """Answer a row that has no gap."""
        return {"text": None, "gaps": None, "error": reason}

    def answers(
        self, model: nn.Module, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give the `text` with its gaps filled, and of each of its `gaps` the likeliest tokens with their scores.

        Each gap is filled as if the others stayed open. Raises: ConfigurationError for a `top_k` that cannot be.
        """
        count = _candidates(options.get("top_k"), len(self.tokenizer))
        found = [self._asked(text) for text in inputs]
        asked = [gaps for gaps in found if isinstance(gaps, Gapped)]
        candidates = iter(self._candidates(model, asked, count) if asked else ())
        for text in found:
            if isinstance(text, str):
                yield self.unanswered(text)
                continue
            gaps = [next(candidates) for _ in text.gaps]
            filled = text.filled([str(tokens[0]["token"]).removeprefix("##") for tokens in gaps])
            yield {"text": filled, "gaps": gaps}

    def _why_not(self, text: str) -> str:
        found = self._asked(text)
        return found if isinstance(found, str) else ""

    def _asked(self, text: str) -> Gapped | str:
        return gapped(self.tokenizer, bounded(text, self.card.max_length), self.card.max_length)

    def _candidates(self, model: nn.Module, asked: Sequence[Gapped], count: int) -> Iterator[list[dict[str, Any]]]:
        """Give the likeliest tokens of each gap of some texts, in order."""
        device = next(model.parameters()).device
        rows = pad([torch.from_numpy(text.ids) for text in asked], int(self.tokenizer.pad_token_id))  # [B, L]
        lengths = torch.tensor([len(text.ids) for text in asked])
        mask = (torch.arange(rows.shape[1])[None, :] < lengths[:, None]).long()
        at = torch.cat([torch.from_numpy(text.gaps) + row * rows.shape[1] for row, text in enumerate(asked)])
        inputs = {"input_ids": rows.to(device), "attention_mask": mask.to(device)}
        scores = masked_scores(model, inputs, at.to(device))[:, : len(self.tokenizer)]  # [T, V]
        scores[:, self.tokenizer.all_special_ids] = -torch.inf  # they are never hidden, and no answer
        best = scores.softmax(1).topk(count)
        for shares, ids in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            yield [
                {"token": token_text(self.tokenizer, number), "score": round(share, DIGITS)}
                for number, share in zip(ids, shares, strict=True)
            ]


def masking_of(tokenizer: "PreTrainedTokenizerBase", mask_share: float, **settings: Any) -> MaskedLanguageModeling:
    """Give the adapter for the signs of a tokenizer."""
    return MaskedLanguageModeling(
        int(tokenizer.mask_token_id), tokenizer.all_special_ids, int(tokenizer.pad_token_id), mask_share, **settings
    )


def intervals_of_gaps(metrics: Mapping[str, Any], outcomes: Outcomes) -> dict[str, Interval]:
    """Give the intervals of the loss, and of the share that was told right, over passages."""
    right = interval_of_ratio(outcomes["num_right"], outcomes["num_targets"])
    return {**intervals_of_tokens(metrics, outcomes), "token_accuracy": right}


def token_text(tokenizer: "PreTrainedTokenizerBase", number: int) -> str:
    """Give the letters of a token, with the blank in front that belongs to it; WordPiece marks what goes on with ##."""
    return str(tokenizer.decode([number], clean_up_tokenization_spaces=False))


def _candidates(top_k: Any, num_tokens: int) -> int:
    if top_k is None:
        return min(CANDIDATES, num_tokens)
    if not 1 <= top_k <= MOST_CANDIDATES:
        raise ConfigurationError(
            f"top_k is {top_k}, but must lie between 1 and {MOST_CANDIDATES}.", remedy="Choose another value."
        )
    return min(int(top_k), num_tokens)
