"""Running text, continued: from a file or a directory to a model that writes on."""

from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from application.training import DocumentTraining
from domain.exceptions import ModelError
from domain.results import Report, TrainingResult
from domain.run_layout import RunLayout
from domain.task import task_named
from infrastructure.data.some_rows import QUICK_ROWS, SomeRows
from infrastructure.data.sources.fields import sought
from infrastructure.data.text.blocks import TokenBlocks, document_start, token_blocks
from infrastructure.data.text.loading import SplitText, load_text
from infrastructure.model_files.card import ModelCard, typed_card
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.factory import DECODER, build_model, open_finished
from infrastructure.models.generation import prompts_together
from infrastructure.models.tokenizer import train_bpe, train_characters
from infrastructure.tasks.adapter import TaskAdapter
from infrastructure.tasks.kind import MAX_ROWS_EXAMINED, Card, Findings, Prepared, Trained
from infrastructure.tasks.writing.cards import LanguageModelCard, how_to_write
from infrastructure.tasks.writing.decoder_adapter import CausalLanguageModeling
from infrastructure.tasks.writing.finished_writer import FinishedWriter, decoder_blueprint
from infrastructure.tasks.writing.heads import keeps_documents_apart
from infrastructure.tasks.writing.intervals import intervals_of_tokens
from infrastructure.tasks.writing.samples import shown
from infrastructure.tasks.writing.written_text import WrittenText, stream_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NUM_SAMPLES = 2
CHARACTERS_OF_PROMPT = 80
SAMPLING = {"temperature": 0.8, "top_k": 50}


class LanguageModeling:
    """Text as one stream of tokens, cut into blocks."""

    card_type: type[ModelCard] = LanguageModelCard

    def load(self, request: DocumentTraining) -> SplitText:
        """Read and split text. Raises: DatasetError."""
        return load_text(request)

    def tokenized(
        self, dataset: SplitText, tokenizer: "PreTrainedTokenizerBase", max_length: int
    ) -> tuple[TokenBlocks, TokenBlocks]:
        """Turn both parts into streams of tokens. Raises: DatasetError for a text shorter than one block."""
        train, evaluation = (token_blocks(part, tokenizer, max_length) for part in (dataset.train, dataset.evaluation))
        return train, evaluation

    def whole(self, request: DocumentTraining, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> TokenBlocks:
        """Turn all text into one stream. Raises: DatasetError."""
        text = sought("text", task_named(request.task).text_fields, request.text_field)
        return stream_of(request.dataset_path, text, tokenizer, max_length, request.reading)

    def build(self, request: DocumentTraining, dataset: SplitText, kept_tokenizer: Path) -> ModelBundle:
        """Build a decoder. Raises: ModelError, ConfigurationError."""

        def learn() -> "PreTrainedTokenizerBase":
            pieces, start = dataset.train.pieces, dataset.has_documents
            if request.tokenizer == "char":
                tokenizer = train_characters(pieces, request.vocab_size, document_start=start)
            else:
                tokenizer = train_bpe(pieces, request.vocab_size, request.seed, document_start=start, end=False)
            # In the stream, the beginning of the next document ends the one before it.
            tokenizer.eos_token = tokenizer.bos_token
            return tokenizer

        bundle = build_model(request, decoder_blueprint(request, learn), kept_tokenizer)
        if dataset.has_documents:
            _require_borders(bundle, str(request.model_name))
        return bundle

    def prepare(self, request: DocumentTraining, bundle: ModelBundle, dataset: SplitText) -> Prepared:
        """Tokenise both parts into streams. Raises: DatasetError for a text shorter than one block."""
        assert bundle.tokenizer is not None
        train, evaluation = self.tokenized(dataset, bundle.tokenizer, request.max_length)
        adapter = _adapter(bundle.tokenizer, evaluation, request.label_smoothing)
        card = {"text_field": dataset.train.documents.text_field, **how_to_write(request)}
        unknown = evaluation.statistics["num_unknown"]
        warnings = (f"{unknown} characters of the evaluation part are unknown to the tokenizer.",) if unknown else ()
        return Prepared(train, evaluation, adapter, card, warnings)

    def report(
        self,
        request: DocumentTraining,
        dataset: SplitText,
        result: TrainingResult,
        trained: Trained,
        run: RunLayout,
    ) -> Findings:
        """Let the model write on from beginnings of the evaluation part."""
        pieces = dataset.evaluation.pieces
        chosen = range(0, len(pieces), -(-len(pieces) // NUM_SAMPLES))
        prompts = [pieces[index].lstrip()[:CHARACTERS_OF_PROMPT] for index in chosen]
        prompts = [prompt for prompt in prompts if prompt.strip()]
        texts = trained.answer(prompts, {**SAMPLING, "seed": request.seed})
        samples = [
            {"prompt": prompt, "output": shown(text["text"])} for prompt, text in zip(prompts, texts, strict=True)
        ]
        finished = trained.task
        assert isinstance(finished, FinishedWriter)
        blocks = token_blocks(dataset.evaluation, finished.tokenizer, request.max_length)
        rows = SomeRows(blocks, blocks.lengths, QUICK_ROWS if request.quick else MAX_ROWS_EXAMINED)
        scored = trained.score_rows(rows, finished.adapter(blocks, 0))
        intervals = intervals_of_tokens(result.final_metrics, scored.outcomes)
        return Findings(
            Report(samples=samples, intervals=intervals), finished.examined(rows, scored, num_rows=len(blocks))
        )

    def open(self, directory: Path, card: Card) -> tuple[nn.Module, FinishedWriter]:
        """Open a finished model. Raises: ModelError."""
        known = typed_card(LanguageModelCard, card, directory)
        model, tokenizer = open_finished(directory, DECODER)

        def adapter(blocks: TokenBlocks, num_written: int) -> TaskAdapter:
            return _adapter(tokenizer, blocks)

        return model, FinishedWriter(WrittenText(tokenizer, known), adapter, prompts_together(model))


def _require_borders(bundle: ModelBundle, name: str) -> None:
    assert bundle.tokenizer is not None
    if document_start(bundle.tokenizer) is None:
        reason = "has a tokenizer without a sign of beginning or end"
    elif not keeps_documents_apart(bundle.model):
        reason = "looks back over positions that begin anew"
    else:
        return
    raise ModelError(
        f"model {name} {reason} and could not keep documents within a block apart.",
        remedy="Give another model, or one text file.",
    )


def _adapter(
    tokenizer: "PreTrainedTokenizerBase", evaluation: TokenBlocks, label_smoothing: float = 0.0
) -> CausalLanguageModeling:
    assert tokenizer.pad_token_id is not None
    return CausalLanguageModeling(
        tokenizer.pad_token_id,
        bos_token_id=document_start(tokenizer),  # a single document has none, however it is spelt
        label_smoothing=label_smoothing,
        bytes_per_target=evaluation.statistics["num_bytes"] / evaluation.num_targets,
    )
