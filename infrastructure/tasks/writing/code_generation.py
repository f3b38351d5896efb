"""Code for a description, written by a decoder that reads the description first. Its scores parse code and run none."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from application.training import PairTraining
from infrastructure.data.pairs.datasets import JoinedPairs, prompt_of
from infrastructure.data.text.loading import SplitPairs
from infrastructure.models.factory import DECODER, Blueprint
from infrastructure.models.tokenizer import train_bpe
from infrastructure.tasks.kind import Card
from infrastructure.tasks.writing.decoder_adapter import CausalLanguageModeling
from infrastructure.tasks.writing.finished_writer import decoder_blueprint
from infrastructure.tasks.writing.heads import keeps_documents_apart
from infrastructure.tasks.writing.metrics import exact_match, share_that_parses
from infrastructure.tasks.writing.pair_kind import PairKind
from infrastructure.tasks.writing.samples import Samples

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


def _scores(outputs: Sequence[str], references: Sequence[str]) -> Mapping[str, float]:
    return {"exact_match": exact_match(outputs, references), "parses": share_that_parses(outputs)}


def _why_not_packed(model: Any, max_length: int) -> str:
    return "" if keeps_documents_apart(model) else "cannot keep the items of a row apart"


CODE_GENERATION = PairKind(
    auto_class=DECODER,
    blueprint=_blueprint,
    dataset=JoinedPairs,
    adapter=_adapter,
    prompt=prompt_of,
    score=_scores,
    why_not_packed=_why_not_packed,
)
