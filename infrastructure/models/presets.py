"""Architectures of the transformers library, built from a config."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from transformers.models.llama.configuration_llama import LlamaConfig
    from transformers.models.modernbert.configuration_modernbert import ModernBertConfig
    from transformers.models.t5gemma.configuration_t5gemma import T5GemmaConfig, T5GemmaModuleConfig


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


@dataclass(frozen=True)
class WriterSize:
    """Shape of a decoder, and of both halves of an encoder-decoder; `num_layers` is that of each half."""

    hidden_size: int
    num_layers: int
    num_heads: int
    intermediate_size: int


# A gated unit of 8/3 of the width has as many weights as the plain one of four widths. The tiny decoder has the shape
# of nanoGPT's recipe for a CPU: 4 layers and 4 heads of width 128.
DECODERS: Mapping[str, WriterSize] = {
    "decoder-tiny": WriterSize(hidden_size=128, num_layers=4, num_heads=4, intermediate_size=352),
    "decoder-mini": WriterSize(hidden_size=256, num_layers=4, num_heads=4, intermediate_size=704),
    "decoder-base": WriterSize(hidden_size=512, num_layers=8, num_heads=8, intermediate_size=1408),
}

ENCODER_DECODERS: Mapping[str, WriterSize] = {
    "seq2seq-tiny": WriterSize(hidden_size=128, num_layers=2, num_heads=2, intermediate_size=256),
    "seq2seq-mini": WriterSize(hidden_size=192, num_layers=3, num_heads=3, intermediate_size=384),
    "seq2seq-base": WriterSize(hidden_size=512, num_layers=6, num_heads=8, intermediate_size=1408),
}


@dataclass(frozen=True)
class ForecasterSize:
    """Shape of a forecaster. Dropout is high: windows overlap, so a year of hours is less data than it seems."""

    hidden_size: int
    num_layers: int
    num_heads: int
    dropout: float


FORECASTERS: Mapping[str, ForecasterSize] = {
    "forecaster-tiny": ForecasterSize(hidden_size=16, num_layers=1, num_heads=2, dropout=0.1),
    "forecaster-mini": ForecasterSize(hidden_size=32, num_layers=2, num_heads=4, dropout=0.3),
    "forecaster-base": ForecasterSize(hidden_size=128, num_layers=4, num_heads=8, dropout=0.3),
}


@dataclass(frozen=True)
class FlowSize:
    """Shape of a reader of code. Layers are what it follows values with: each goes one binding further."""

    hidden_size: int
    num_layers: int
    num_heads: int
    intermediate_size: int


FLOW_READERS: Mapping[str, FlowSize] = {
    "encoder-flow-tiny": FlowSize(hidden_size=64, num_layers=4, num_heads=4, intermediate_size=96),
    "encoder-flow-mini": FlowSize(hidden_size=128, num_layers=6, num_heads=4, intermediate_size=192),
    "encoder-flow-base": FlowSize(hidden_size=256, num_layers=8, num_heads=8, intermediate_size=384),
}

HEAD_SIZE = 64
# With scores in its embeddings at the beginning (linear_start.py), which noise and a bent head would only blur.
STRAIGHT: Mapping[str, Any] = {"embedding_dropout": 0.0, "classifier_dropout": 0.0, "classifier_activation": "linear"}
NOISY: Mapping[str, Any] = {"embedding_dropout": 0.2, "classifier_dropout": 0.1}
MIN_POSITIONS = 512


def encoder_config(
    size: EncoderSize,
    tokenizer: "PreTrainedTokenizerBase",
    label_names: tuple[str, ...],
    max_length: int,
    linear_start: bool = False,
) -> "ModernBertConfig":
    """Describe a ModernBERT: rotary positions, pre-normalisation, gated units, mean pooling for its labels, if any.

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
        **(STRAIGHT if linear_start else NOISY),
        id2label=dict(enumerate(label_names)) or None,
        label2id={name: number for number, name in enumerate(label_names)} or None,
    )


def masked_encoder_config(
    size: EncoderSize, tokenizer: "PreTrainedTokenizerBase", max_length: int
) -> "ModernBertConfig":
    """Describe the same encoder for gaps, as a classifier will then take it over: head, pooling and dropouts too."""
    config = encoder_config(size, tokenizer, (), max_length)
    config.embedding_dropout, config.classifier_dropout, config.classifier_activation = 0.2, 0.1, "gelu"
    return config


def decoder_config(size: WriterSize, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> "LlamaConfig":
    """Describe a Llama: rotary positions, RMSNorm, gated units, one table for reading and writing tokens."""
    from transformers.models.llama.configuration_llama import LlamaConfig

    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.hidden_size,
        intermediate_size=size.intermediate_size,
        num_hidden_layers=size.num_layers,
        num_attention_heads=size.num_heads,
        num_key_value_heads=size.num_heads,
        max_position_embeddings=max_length,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )


def encoder_decoder_config(size: WriterSize, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> "T5GemmaConfig":
    """Describe a T5Gemma: rotary positions, RMSNorm before and after each part, gated GELU, shared embeddings.

    Its caps on scores are left out: they would keep the library's fast attention kernels away.
    """
    from transformers.models.t5gemma.configuration_t5gemma import T5GemmaConfig

    return T5GemmaConfig(
        encoder=_half(size, tokenizer, max_length),
        decoder=_half(size, tokenizer, max_length),
        vocab_size=len(tokenizer),
        dropout_rate=0.0,
        tie_word_embeddings=True,
    )


def _half(size: WriterSize, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> "T5GemmaModuleConfig":
    from transformers.models.t5gemma.configuration_t5gemma import T5GemmaModuleConfig

    return T5GemmaModuleConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.hidden_size,
        intermediate_size=size.intermediate_size,
        num_hidden_layers=size.num_layers,
        num_attention_heads=size.num_heads,
        num_key_value_heads=size.num_heads,
        head_dim=size.hidden_size // size.num_heads,
        query_pre_attn_scalar=size.hidden_size // size.num_heads,
        layer_types=["full_attention"] * size.num_layers,
        max_position_embeddings=max_length,
        attn_logit_softcapping=None,
        final_logit_softcapping=None,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
