"""Code for a description, written by a decoder that reads the description first."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from application.training_request import TrainModelRequest
from domain.exceptions import ModelError
from domain.generation import GenerationSettings
from domain.task import task_named
from infrastructure.data.pair_datasets import JoinedPairs, prompt_of
from infrastructure.data.text_data import SplitPairs, load_pair_data, open_pairs
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.factory import DECODER, build_model
from infrastructure.models.tokenizer import train_bpe
from infrastructure.tasks.adapter import TaskAdapter
from infrastructure.tasks.causal_lm import CausalLanguageModeling
from infrastructure.tasks.kind import Answer, Card, Prepared, Report
from infrastructure.tasks.samples import Samples, written_samples
from infrastructure.tasks.text_metrics import exact_match, share_that_parses
from infrastructure.tasks.writers import keeps_documents_apart
from infrastructure.tasks.writing import (
    FinishedWriter,
    card_of,
    cut_warning,
    decoder_blueprint,
    generation_of,
    generation_with,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class CodeGeneration:
    """Description and code in one sequence, of which the code is learnt. Written code is parsed, never run."""

    auto_class = DECODER

    def load(self, request: TrainModelRequest) -> SplitPairs:
        """Read, check and split pairs. Raises: DatasetError with every fault of the file."""
        return load_pair_data(request)

    def tokenized(
        self, dataset: SplitPairs, tokenizer: "PreTrainedTokenizerBase", max_length: int
    ) -> tuple[JoinedPairs, JoinedPairs]:
        """Make both parts ready for a model. Raises: DatasetError."""
        train = JoinedPairs(dataset.train_rows, dataset.train, tokenizer, max_length)
        return train, JoinedPairs(dataset.eval_rows, dataset.evaluation, tokenizer, max_length)

    def whole(self, request: TrainModelRequest, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> JoinedPairs:
        """Make all pairs ready for a model. Raises: DatasetError."""
        fields = (request.source_field, request.target_field)
        rows = open_pairs(str(request.dataset_path), task_named(request.task), *fields)
        return JoinedPairs(rows, np.arange(len(rows)), tokenizer, max_length)

    def build(self, request: TrainModelRequest, dataset: SplitPairs, kept_tokenizer: Path) -> ModelBundle:
        """Build a decoder. Raises: ModelError, ConfigurationError."""
        learn = partial(
            train_bpe, dataset.train_texts(), request.vocab_size, request.seed, document_start=False, end=False
        )
        bundle = build_model(request, decoder_blueprint(request, learn), kept_tokenizer)
        if request.packing and not keeps_documents_apart(bundle.model):
            raise ModelError(
                f"packing is on, but model {request.model_name} cannot keep the items of a row apart.",
                remedy="Use --set packing=false.",
            )
        return bundle

    def prepare(self, request: TrainModelRequest, bundle: ModelBundle, dataset: SplitPairs) -> Prepared:
        """Tokenise both parts. Raises: DatasetError."""
        assert bundle.tokenizer is not None
        train, evaluation = self.tokenized(dataset, bundle.tokenizer, request.max_length)
        adapter = _adapter(
            bundle.tokenizer,
            evaluation,
            request.sample_rows,
            generation_of(request),
            pack_to=request.max_length if request.packing else 0,
            label_smoothing=request.label_smoothing,
        )
        fields = {"source_field": request.source_field, "target_field": request.target_field}
        return Prepared(train, evaluation, adapter, card_of(request, fields), cut_warning(train, request.max_length))

    def report(
        self, request: TrainModelRequest, dataset: SplitPairs, results: Mapping[str, Any], answer: Answer, path: Path
    ) -> Report:
        """Show code that the model writes for descriptions of the evaluation part."""
        return Report(samples=written_samples(dataset, answer))

    def finished(self, tokenizer: "PreTrainedTokenizerBase", card: Card) -> FinishedWriter:
        """Open the task of a finished model."""
        task = task_named(card["task"])
        max_length = int(card["max_length"])

        def score(path: str) -> tuple[JoinedPairs, TaskAdapter]:
            rows = open_pairs(path, task, card.get("source_field"), card.get("target_field"))
            dataset = JoinedPairs(rows, np.arange(len(rows)), tokenizer, max_length)
            return dataset, _adapter(tokenizer, dataset, len(dataset), generation_with(card))

        named = (card["source_field"],) if card.get("source_field") else ()
        fields = tuple(dict.fromkeys((*named, *task.text_fields)))
        return FinishedWriter(tokenizer, card, fields, partial(prompt_of, tokenizer, max_length=max_length), score)


def _adapter(
    tokenizer: "PreTrainedTokenizerBase",
    evaluation: JoinedPairs,
    num_samples: int,
    settings: GenerationSettings,
    pack_to: int = 0,
    label_smoothing: float = 0.0,
) -> CausalLanguageModeling:
    chosen = range(min(num_samples, len(evaluation)))
    samples = Samples(
        tokenizer,
        [evaluation.prompt(index) for index in chosen],
        [evaluation.reference(index) for index in chosen],
        settings,
        _scores,
    )
    assert tokenizer.pad_token_id is not None
    return CausalLanguageModeling(
        tokenizer.pad_token_id, pack_to=pack_to, label_smoothing=label_smoothing, samples=samples if chosen else None
    )


def _scores(outputs: Sequence[str], references: Sequence[str]) -> Mapping[str, float]:
    return {"exact_match": exact_match(outputs, references), "parses": share_that_parses(outputs)}
