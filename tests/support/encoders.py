"""Encoders of many families, as small as they can be."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from transformers import (
    AlbertConfig,
    BertConfig,
    CamembertConfig,
    ConvBertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    EuroBertConfig,
    ModernBertConfig,
    MPNetConfig,
    RobertaConfig,
    XLMRobertaConfig,
)

SIZE: Mapping[str, Any] = {
    "vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "max_position_embeddings": 160, "pad_token_id": 0,
}  # fmt: skip
ENCODER_CONFIGS: Mapping[str, Callable[[], Any]] = {
    "modernbert": partial(ModernBertConfig, **SIZE, cls_token_id=1, bos_token_id=1, sep_token_id=2, eos_token_id=2),
    "bert": partial(BertConfig, **SIZE),
    "roberta": partial(RobertaConfig, **SIZE),
    "xlm-roberta": partial(XLMRobertaConfig, **SIZE),
    "camembert": partial(CamembertConfig, **SIZE),
    "mpnet": partial(MPNetConfig, **SIZE),
    "electra": partial(ElectraConfig, **SIZE, embedding_size=8),
    "albert": partial(AlbertConfig, **SIZE, embedding_size=8),
    "eurobert": partial(EuroBertConfig, **SIZE, num_key_value_heads=2),
    "distilbert": partial(
        DistilBertConfig, vocab_size=60, dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=160
    ),
    "deberta-v2": partial(DebertaV2Config, **SIZE, relative_attention=True),
    "convbert": partial(ConvBertConfig, **SIZE, embedding_size=8),
}
# Those that can keep texts that share a row apart.
SHARING = tuple(name for name in ENCODER_CONFIGS if name not in ("deberta-v2", "convbert"))
