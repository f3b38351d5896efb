"""A text for a text, written by an encoder-decoder."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from application.training_request import TrainModelRequest
from domain.generation import GenerationSettings
from domain.task import task_named
from infrastructure.data.pair_datasets import SourceTargetPairs
from infrastructure.data.text_data import SplitPairs, load_pair_data, open_pairs
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.factory import ENCODER_DECODER, Blueprint, build_model
from infrastructure.models.generation import decoder_start
from infrastructure.models.presets import ENCODER_DECODERS, encoder_decoder_config
from infrastructure.models.tokenizer import train_bpe
from infrastructure.tasks.adapter import TaskAdapter
from infrastructure.tasks.kind import Answer, Card, Prepared, Report
from infrastructure.tasks.samples import Samples, written_samples
from infrastructure.tasks.seq2seq import SequenceToSequence, require_packing
from infrastructure.tasks.text_metrics import bleu, chrf, exact_match
from infrastructure.tasks.writing import FinishedWriter, card_of, cut_warning, generation_of, generation_with

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Translation:
    """Source and target side by side, read by one half of the model and written by the other."""

    auto_class = ENCODER_DECODER

    def load(self, request: TrainModelRequest) -> SplitPairs:
        """Read, check and split pairs. Raises: DatasetError with every fault of the file."""
        return load_pair_data(request)

    def tokenized(
        self, dataset: SplitPairs, tokenizer: "PreTrainedTokenizerBase", max_length: int
    ) -> tuple[SourceTargetPairs, SourceTargetPairs]:
        """Make both parts ready for a model. Raises: DatasetError."""
        train = SourceTargetPairs(dataset.train_rows, dataset.train, tokenizer, max_length)
        return train, SourceTargetPairs(dataset.eval_rows, dataset.evaluation, tokenizer, max_length)

    def whole(
        self, request: TrainModelRequest, tokenizer: "PreTrainedTokenizerBase", max_length: int
    ) -> SourceTargetPairs:
        """Make all pairs ready for a model. Raises: DatasetError."""
        fields = (request.source_field, request.target_field)
        rows = open_pairs(str(request.dataset_path), task_named(request.task), *fields)
        return SourceTargetPairs(rows, np.arange(len(rows)), tokenizer, max_length)

    def build(self, request: TrainModelRequest, dataset: SplitPairs, kept_tokenizer: Path) -> ModelBundle:
        """Build an encoder-decoder. Raises: ModelError, ConfigurationError."""
        texts = dataset.train_texts()
        sizes = ENCODER_DECODERS.items()
        blueprint = Blueprint(
            ENCODER_DECODER,
            {name: partial(encoder_decoder_config, size, max_length=request.max_length) for name, size in sizes},
            partial(train_bpe, texts, request.vocab_size, request.seed, document_start=False, end=True),
        )
        bundle = build_model(request, blueprint, kept_tokenizer)
        if request.packing:
            require_packing(bundle.model, str(request.model_name), request.max_length)
        return bundle

    def prepare(self, request: TrainModelRequest, bundle: ModelBundle, dataset: SplitPairs) -> Prepared:
        """Tokenise both parts. Raises: DatasetError."""
        tokenizer = bundle.tokenizer
        assert tokenizer is not None
        train, evaluation = self.tokenized(dataset, tokenizer, request.max_length)
        model: Any = bundle.model
        start = decoder_start(model, tokenizer)
        adapter = _adapter(
            tokenizer,
            evaluation,
            start,
            request.sample_rows,
            generation_of(request),
            pack_to=request.max_length if request.packing else 0,
            label_smoothing=request.label_smoothing,
        )
        fields = {"source_field": request.source_field, "target_field": request.target_field}
        card = {**card_of(request, fields), "start_token_id": start}
        return Prepared(train, evaluation, adapter, card, cut_warning(train, request.max_length))

    def report(
        self, request: TrainModelRequest, dataset: SplitPairs, results: Mapping[str, Any], answer: Answer, path: Path
    ) -> Report:
        """Show what the model writes for sources of the evaluation part."""
        return Report(samples=written_samples(dataset, answer))

    def finished(self, tokenizer: "PreTrainedTokenizerBase", card: Card) -> FinishedWriter:
        """Open the task of a finished model."""
        task = task_named(card["task"])
        max_length = int(card["max_length"])

        def score(path: str) -> tuple[SourceTargetPairs, TaskAdapter]:
            rows = open_pairs(path, task, card.get("source_field"), card.get("target_field"))
            dataset = SourceTargetPairs(rows, np.arange(len(rows)), tokenizer, max_length)
            start = int(card["start_token_id"])
            return dataset, _adapter(tokenizer, dataset, start, len(dataset), generation_with(card))

        def prompt(text: str) -> list[int]:
            return list(tokenizer(text, truncation=True, max_length=max_length)["input_ids"])

        named = (card["source_field"],) if card.get("source_field") else ()
        return FinishedWriter(tokenizer, card, tuple(dict.fromkeys((*named, *task.text_fields))), prompt, score)


def _adapter(
    tokenizer: "PreTrainedTokenizerBase",
    evaluation: SourceTargetPairs,
    start_token_id: int,
    num_samples: int,
    settings: GenerationSettings,
    pack_to: int = 0,
    label_smoothing: float = 0.0,
) -> SequenceToSequence:
    chosen = range(min(num_samples, len(evaluation)))
    samples = Samples(
        tokenizer,
        [evaluation[index]["input_ids"].tolist() for index in chosen],
        [evaluation.reference(index) for index in chosen],
        settings,
        _scores,
    )
    assert tokenizer.pad_token_id is not None
    return SequenceToSequence(
        tokenizer.pad_token_id, start_token_id, pack_to, label_smoothing, samples if chosen else None
    )


def _scores(outputs: Sequence[str], references: Sequence[str]) -> Mapping[str, float]:
    return {
        "bleu": bleu(outputs, references),
        "chrf": chrf(outputs, references),
        "exact_match": exact_match(outputs, references),
    }
