"""Code for a description, written by a decoder that reads the description first. Its scores parse code and run none.

Where a file holds chats, the answers of the assistant are learnt as in instruction tuning.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from application.training import ChatTraining, PairTraining
from domain.exceptions import ConfigurationError
from domain.results import TrainingResult
from domain.run_layout import RunLayout
from infrastructure.data.chats.loading import SplitChats
from infrastructure.data.chats.recognition import holds_chats
from infrastructure.data.hub.parts import on_this_disk
from infrastructure.data.text.loading import SplitPairs
from infrastructure.model_files.card import ModelCard, typed_card
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.factory import DECODER, Blueprint
from infrastructure.models.tokenizer import train_bpe
from infrastructure.tasks.kind import Card, Findings, FinishedTask, Prepared, Trained
from infrastructure.tasks.writing.cards import CodeCard
from infrastructure.tasks.writing.chat_kind import ChatKind, chats_wanted
from infrastructure.tasks.writing.decoder_adapter import CausalLanguageModeling
from infrastructure.tasks.writing.finished_writer import decoder_blueprint
from infrastructure.tasks.writing.heads import keeps_documents_apart
from infrastructure.tasks.writing.pair_kind import PairKind
from infrastructure.tasks.writing.samples import Samples
from infrastructure.tasks.writing.written_pairs import CODE

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def _blueprint(request: PairTraining, dataset: SplitPairs) -> Blueprint:
    texts = dataset.train_texts()
    learn = partial(train_bpe, texts, request.vocab_size, request.seed, document_start=False, end=False)
    return decoder_blueprint(request, learn)


def _adapter(
    tokenizer: "PreTrainedTokenizerBase", card: Card, samples: Samples | None, pack_to: int, label_smoothing: float
) -> CausalLanguageModeling:
    assert tokenizer.pad_token_id is not None
    return CausalLanguageModeling(
        tokenizer.pad_token_id, pack_to=pack_to, label_smoothing=label_smoothing, samples=samples
    )


def _why_not_packed(model: Any, max_length: int) -> str:
    return "" if keeps_documents_apart(model) else "cannot keep the items of a row apart"


_PAIRS = PairKind(
    auto_class=DECODER,
    blueprint=_blueprint,
    form=CODE,
    adapter=_adapter,
    why_not_packed=_why_not_packed,
)
_CHATS = ChatKind()


class CodeGeneration:
    """Code for a description, or in chats where a file holds them."""

    card_type: type[ModelCard] = CodeCard

    def load(self, request: ChatTraining) -> SplitPairs | SplitChats:
        """Read, check and split pairs or chats. Raises: DatasetError, ConfigurationError."""
        return _CHATS.load(request) if _reads_chats(request) else _PAIRS.load(request)

    def tokenized(
        self, dataset: SplitPairs | SplitChats, tokenizer: "PreTrainedTokenizerBase", max_length: int
    ) -> tuple[Any, Any]:
        """Make both parts ready for a model. Raises: DatasetError, ModelError."""
        return _kind(dataset).tokenized(dataset, tokenizer, max_length)

    def whole(self, request: ChatTraining, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> Any:
        """Make all rows ready for a model. Raises: DatasetError, ModelError."""
        kind: Any = _CHATS if _reads_chats(request) else _PAIRS
        return kind.whole(request, tokenizer, max_length)

    def build(self, request: ChatTraining, dataset: SplitPairs | SplitChats, kept_tokenizer: Path) -> ModelBundle:
        """Build a decoder. Raises: ModelError, ConfigurationError."""
        bundle: ModelBundle = _kind(dataset).build(request, dataset, kept_tokenizer)
        return bundle

    def prepare(self, request: ChatTraining, bundle: ModelBundle, dataset: SplitPairs | SplitChats) -> Prepared:
        """Tokenise both parts. Raises: DatasetError."""
        prepared: Prepared = _kind(dataset).prepare(request, bundle, dataset)
        return replace(prepared, card={**prepared.card, "of_chats": isinstance(dataset, SplitChats)})

    def report(
        self,
        request: ChatTraining,
        dataset: SplitPairs | SplitChats,
        result: TrainingResult,
        trained: Trained,
        run: RunLayout,
    ) -> Findings:
        """Show what the model writes in the evaluation part, and look at its rows."""
        findings: Findings = _kind(dataset).report(request, dataset, result, trained, run)
        return findings

    def open(self, directory: Path, card: Card) -> tuple[nn.Module, FinishedTask]:
        """Open a finished model. Raises: ModelError."""
        return (_CHATS if typed_card(CodeCard, card, directory).of_chats else _PAIRS).open(directory, card)


def _kind(dataset: SplitPairs | SplitChats) -> Any:
    return _CHATS if isinstance(dataset, SplitChats) else _PAIRS


def _reads_chats(request: ChatTraining) -> bool:
    """Tell which of both a request names. Raises: ConfigurationError for a template that pairs have no use for."""
    path = Path(on_this_disk(request.dataset_path))
    if path.exists() and holds_chats(path, chats_wanted(request), request.reading):
        return True
    if request.chat_template is not None:
        raise ConfigurationError(
            f"chat_template is {request.chat_template!r}, but {request.dataset_path} holds pairs and no chats.",
            remedy="Leave it out, or use --task instruction_tuning, which reads pairs as chats.",
        )
    return False
