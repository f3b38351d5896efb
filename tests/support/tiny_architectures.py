"""Models of many architectures, two or three layers each, built from a config."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
)

WIDTH, TOKENS = 16, 64
_BERT: Mapping[str, Any] = {
    "hidden_size": WIDTH,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
_LLAMA: Mapping[str, Any] = {**_BERT, "num_key_value_heads": 2, "head_dim": 8}
_BART: Mapping[str, Any] = {
    "d_model": WIDTH,
    "encoder_layers": 2,
    "decoder_layers": 3,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
}
_T5: Mapping[str, Any] = {"d_model": WIDTH, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 2, "d_kv": 8}
_READS = {**_LLAMA, "num_hidden_layers": 2, "vocab_size": TOKENS, "query_pre_attn_scalar": 8}
_WRITES = {**_READS, "num_hidden_layers": 3, "is_decoder": True, "cross_attention_hidden_size": WIDTH}
ENCODERS: Mapping[str, Mapping[str, Any]] = {
    "bert": _BERT,
    "roberta": _BERT,
    "electra": {**_BERT, "embedding_size": 8},
    "deberta-v2": {**_BERT, "relative_attention": True, "position_biased_input": False, "pos_att_type": ["c2p"]},
    "mpnet": _BERT,
    "modernbert": _BERT,
    "distilbert": {"dim": WIDTH, "n_layers": 3, "n_heads": 2, "hidden_dim": 24},
    "xlm": {"emb_dim": WIDTH, "n_layers": 3, "n_heads": 2},
}
DECODERS: Mapping[str, Mapping[str, Any]] = {
    "gpt2": {"n_embd": WIDTH, "n_layer": 3, "n_head": 2},
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "mixtral": {**_LLAMA, "num_local_experts": 3},
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
    "gemma2": _LLAMA,
    "phi3": _LLAMA,
    "gpt_neox": _BERT,
    "gpt_neo": {"hidden_size": WIDTH, "num_layers": 3, "num_heads": 2, "attention_types": [[["local"], 3]]},
    "opt": {**_BERT, "ffn_dim": 24, "word_embed_proj_dim": 8, "do_layer_norm_before": False},
}
ENCODER_DECODERS: Mapping[str, Mapping[str, Any]] = {
    "bart": _BART,
    "mbart": _BART,
    "t5": {**_T5, "d_ff": 24},
    "mt5": {**_T5, "d_ff": 24, "tie_word_embeddings": False},
    "t5gemma": {"encoder": _READS, "decoder": _WRITES},
}
_SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
_BUILT: tuple[tuple[Mapping[str, Mapping[str, Any]], Callable[[Any], Any]], ...] = (
    (ENCODERS, AutoModelForSequenceClassification.from_config),
    (DECODERS, AutoModelForCausalLM.from_config),
    (ENCODER_DECODERS, AutoModelForSeq2SeqLM.from_config),
)
ARCHITECTURES = (*ENCODERS, *DECODERS, *ENCODER_DECODERS)


def model_of(name: str, **settings: Any) -> Any:
    """Build one with fresh weights."""
    torch.manual_seed(0)
    known, build = next((known, build) for known, build in _BUILT if name in known)
    config = AutoConfig.for_model(name, **{"vocab_size": TOKENS, **_SPECIAL, **known[name], **settings})
    return build(config)
