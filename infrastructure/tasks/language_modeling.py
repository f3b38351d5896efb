"""Running text, continued: from a file or a directory to a model that writes on."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError
from domain.task import task_named
from infrastructure.data.documents import whole_documents
from infrastructure.data.text_data import SplitText, load_text, open_documents
from infrastructure.data.token_blocks import TokenBlocks, token_blocks
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.factory import DECODER, build_model
from infrastructure.models.tokenizer import train_bpe, train_characters
from infrastructure.tasks.adapter import TaskAdapter
from infrastructure.tasks.causal_lm import CausalLanguageModeling
from infrastructure.tasks.kind import Answer, Card, Prepared, Report
from infrastructure.tasks.samples import shown
from infrastructure.tasks.writers import takes
from infrastructure.tasks.writing import FinishedWriter, card_of, decoder_blueprint

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NUM_SAMPLES = 2
CHARACTERS_OF_PROMPT = 80
SAMPLING = {"temperature": 0.8, "top_k": 50}


class LanguageModeling:
    """Text as one stream of tokens, cut into blocks."""

    auto_class = DECODER

    def load(self, request: TrainModelRequest) -> SplitText:
        """Read and split text. Raises: DatasetError."""
        return load_text(request)

    def build(self, request: TrainModelRequest, dataset: SplitText, kept_tokenizer: Path) -> ModelBundle:
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
        if dataset.has_documents and not takes(bundle.model, "position_ids"):
            raise ConfigurationError(
                f"model {request.model_name} takes no positions and could not keep documents within a block apart.",
                remedy="Give another model, or one text file.",
            )
        return bundle

    def prepare(self, request: TrainModelRequest, bundle: ModelBundle, dataset: SplitText) -> Prepared:
        """Tokenise both parts into streams. Raises: DatasetError for a text shorter than one block."""
        assert bundle.tokenizer is not None
        train = token_blocks(dataset.train, bundle.tokenizer, request.max_length)
        evaluation = token_blocks(dataset.evaluation, bundle.tokenizer, request.max_length)
        adapter = _adapter(bundle.tokenizer, evaluation, dataset.has_documents, request.label_smoothing)
        card = {**card_of(request, {"text_field": request.text_field}), "has_documents": dataset.has_documents}
        unknown = evaluation.statistics["num_unknown"]
        warnings = (f"{unknown} characters of the evaluation part are unknown to the tokenizer.",) if unknown else ()
        return Prepared(train, evaluation, adapter, card, warnings)

    def report(
        self, request: TrainModelRequest, dataset: SplitText, results: Mapping[str, Any], answer: Answer, path: Path
    ) -> Report:
        """Let the model write on from beginnings of the evaluation part."""
        pieces = dataset.evaluation.pieces
        chosen = range(0, len(pieces), -(-len(pieces) // NUM_SAMPLES))
        prompts = [pieces[index].lstrip()[:CHARACTERS_OF_PROMPT] for index in chosen]
        prompts = [prompt for prompt in prompts if prompt.strip()]
        texts = answer(prompts, {**SAMPLING, "seed": request.seed})
        samples = [
            {"prompt": prompt, "output": shown(text["text"])} for prompt, text in zip(prompts, texts, strict=True)
        ]
        return Report(samples=samples)

    def finished(self, tokenizer: "PreTrainedTokenizerBase", card: Card) -> FinishedWriter:
        """Open the task of a finished model."""

        def score(path: str) -> tuple[TokenBlocks, TaskAdapter]:
            part = whole_documents(open_documents(path, card.get("text_field")))
            blocks = token_blocks(part, tokenizer, int(card["max_length"]))
            return blocks, _adapter(tokenizer, blocks, bool(card["has_documents"]))

        named = (card["text_field"],) if card.get("text_field") else ()
        fields = tuple(dict.fromkeys((*named, "prompt", *task_named(card["task"]).text_fields)))
        return FinishedWriter(tokenizer, card, fields, lambda text: tokenizer(text)["input_ids"], score)


def _adapter(
    tokenizer: "PreTrainedTokenizerBase", evaluation: TokenBlocks, has_documents: bool, label_smoothing: float = 0.0
) -> CausalLanguageModeling:
    assert tokenizer.pad_token_id is not None
    return CausalLanguageModeling(
        tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id if has_documents else None,
        label_smoothing=label_smoothing,
        num_bytes=evaluation.statistics["num_bytes"],
    )
