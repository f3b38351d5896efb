"""A text for a text, such as a translation: read by one half of the model and written by the other."""

from functools import partial
from typing import TYPE_CHECKING, Any

from application.training import PairTraining
from infrastructure.data.text.loading import SplitPairs
from infrastructure.models.decoding.tokens import decoder_start
from infrastructure.models.factory import ENCODER_DECODER, Blueprint
from infrastructure.models.presets import ENCODER_DECODERS, encoder_decoder_config
from infrastructure.models.tokenizer import train_bpe
from infrastructure.tasks.kind import Card
from infrastructure.tasks.writing.encoder_decoder_adapter import SequenceToSequence, why_not_packed
from infrastructure.tasks.writing.pair_kind import PairKind
from infrastructure.tasks.writing.samples import Samples
from infrastructure.tasks.writing.written_pairs import TRANSLATION

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def _blueprint(request: PairTraining, dataset: SplitPairs) -> Blueprint:
    sizes = ENCODER_DECODERS.items()
    presets = {name: partial(encoder_decoder_config, size, max_length=request.max_length) for name, size in sizes}
    texts = dataset.train_texts()
    # The sign of beginning is a place from which rotary positions can be told: without one, a source has relative
    # positions alone, and the decoder loses its place where a source repeats itself.
    learn = partial(train_bpe, texts, request.vocab_size, request.seed, document_start=True, end=True)
    return Blueprint(ENCODER_DECODER, presets, learn)


def _adapter(
    tokenizer: "PreTrainedTokenizerBase", card: Card, samples: Samples | None, pack_to: int, label_smoothing: float
) -> SequenceToSequence:
    assert tokenizer.pad_token_id is not None
    return SequenceToSequence(tokenizer.pad_token_id, int(card["start_token_id"]), pack_to, label_smoothing, samples)


def _facts(model: Any, tokenizer: "PreTrainedTokenizerBase") -> Card:
    return {"start_token_id": decoder_start(model, tokenizer)}


SEQUENCE_TO_SEQUENCE = PairKind(
    auto_class=ENCODER_DECODER,
    blueprint=_blueprint,
    form=TRANSLATION,
    adapter=_adapter,
    why_not_packed=why_not_packed,
    facts=_facts,
)
