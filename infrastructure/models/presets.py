"""Architectures of the transformers library, built from a config."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from transformers.models.modernbert.configuration_modernbert import ModernBertConfig


@dataclass(frozen=True)
class EncoderSize:
    """Shape of an encoder; heads of 64 dimensions, as the fast attention kernels want them."""

    hidden_size: int
    num_layers: int
    intermediate_size: int


ENCODERS: Mapping[str, EncoderSize] = {
    "encoder-tiny": EncoderSize(hidden_size=128, num_layers=2, intermediate_size=192),
    "encoder-mini": EncoderSize(hidden_size=256, num_layers=2, intermediate_size=384),
    "encoder-base": EncoderSize(hidden_size=512, num_layers=8, intermediate_size=768),
}

HEAD_SIZE = 64
MIN_POSITIONS = 512


def encoder_config(
    size: EncoderSize, tokenizer: "PreTrainedTokenizerBase", label_names: tuple[str, ...], max_length: int
) -> "ModernBertConfig":
    """Describe a ModernBERT classifier: rotary positions, pre-normalisation, gated units, mean pooling.

    Mean pooling, for a first token learns to gather a whole text only after long pretraining. Dropout in front of
    the layers and of the classifier alone: drawing random numbers inside the layers costs a CPU more than it brings
    (benchmarks/levers.py).
    """
    from transformers.models.modernbert.configuration_modernbert import ModernBertConfig

    return ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.hidden_size,
        intermediate_size=size.intermediate_size,
        num_hidden_layers=size.num_layers,
        num_attention_heads=size.hidden_size // HEAD_SIZE,
        max_position_embeddings=max(max_length, MIN_POSITIONS),
        pad_token_id=tokenizer.pad_token_id,
        cls_token_id=tokenizer.cls_token_id,
        bos_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
        eos_token_id=tokenizer.sep_token_id,
        classifier_pooling="mean",
        embedding_dropout=0.2,
        classifier_dropout=0.1,
        id2label=dict(enumerate(label_names)),
        label2id={name: number for number, name in enumerate(label_names)},
    )
