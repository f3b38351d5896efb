"""Graphs of models that write: decoders, and encoder-decoders, token by token with what they keep of earlier ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

from domain.exceptions import ExportError, ModelError
from infrastructure.exporting.graph import AS_IT_IS, Graph, Side, Standing, Tensors
from infrastructure.models.decoding.library import keeps_keys_and_values
from infrastructure.models.decoding.tokens import decoder_start, end_tokens, named_tokens, start_token

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

DECODER, ENCODER = "decoder", "encoder"
ROWS, PAST, NEW, READ = 2, 5, 3, 7  # of an example
POSITIONS = "position_ids"


@dataclass(frozen=True)
class Heads:
    """What a decoder keeps of each token: keys and values of `layers` layers, `heads` heads of `size` each."""

    layers: int
    heads: int
    size: int

    def empty(self, rows: int, tokens: int = 0) -> Tensor:
        """Give keys or values of one layer, [B, H, P, D]."""
        return torch.zeros(rows, self.heads, tokens, self.size)


def names_of(heads: Heads, beginning: str, of: str = "") -> tuple[str, ...]:
    """Name keys and values as optimum does: `past_key_values.0.key`, `present.3.decoder.value`."""
    return tuple(f"{beginning}.{layer}.{of}{what}" for layer in range(heads.layers) for what in ("key", "value"))


@dataclass(frozen=True)
class Writing:
    """The graphs of a model that writes, asked with whole rows of tokens."""

    graphs: Sequence[Graph]
    heads: Heads
    asked: Sequence[str]
    facts: Mapping[str, Any]
    compared: str = "logits"
    is_choice: bool = True
    has_head: bool = True

    def together(self, sides: Mapping[str, Side]) -> Standing:
        """Let them stand for the model."""
        return (_Translating if ENCODER in sides else _Continuing)(sides, self.heads)


def decoder(model: Any, tokenizer: "PreTrainedTokenizerBase") -> Writing:
    """Give the graph of a decoder.

    It takes `input_ids` and `position_ids` [B, T], `attention_mask` [B, P + T] and of each layer
    `past_key_values.N.key` and `.value` [B, H, P, D], P from 0 on; it gives `logits` [B, T, V] and `present.N.key` and
    `.value` [B, H, P + T, D]. A model that knows no positions takes none.
    """
    heads = _heads_of(model)
    past = names_of(heads, "past_key_values")
    inputs: dict[str, Tensor] = {"input_ids": _ids(model, NEW), "attention_mask": _mask(PAST + NEW)}
    if POSITIONS in signature(model.forward).parameters:
        inputs[POSITIONS] = torch.arange(PAST, PAST + NEW).expand(ROWS, -1).clone()
    inputs |= {name: heads.empty(ROWS, PAST).normal_(generator=_drawn()) for name in past}
    axes = {name: (0, 2) if name in past else (0, 1) for name in inputs}
    outputs = ("logits", *names_of(heads, "present"))
    graph = Graph(DECODER, _Decoding(model, heads), inputs, axes, outputs)
    facts = {
        **_facts(heads, model, tokenizer),
        "start_token_id": start_token(model, tokenizer),
    }
    return Writing((graph,), heads, ("input_ids", POSITIONS), facts)


def encoder_decoder(model: Any, tokenizer: "PreTrainedTokenizerBase") -> Writing:
    """Give the graphs of an encoder-decoder.

    The encoder takes `input_ids` and `attention_mask` [B, S] and gives what the decoder reads of them in each layer,
    `present.N.encoder.key` and `.value` [B, H, S, D]. The decoder takes these as `past_key_values.N.encoder.key`, with
    `encoder_attention_mask` [B, S], and beside them what a decoder alone takes and gives, as
    `past_key_values.N.decoder.key` and `present.N.decoder.key`.
    """
    heads = _heads_of(model)
    past, read = (names_of(heads, "past_key_values", of) for of in ("decoder.", "encoder."))
    given = {"input_ids": _ids(model, READ), "attention_mask": _mask(READ)}
    encoder = Graph(
        ENCODER, _Encoding(model, heads), given, dict.fromkeys(given, (0, 1)), names_of(heads, "present", "encoder.")
    )
    inputs: dict[str, Tensor] = {"input_ids": _ids(model, NEW), "attention_mask": _mask(PAST + NEW)}
    inputs["encoder_attention_mask"] = _mask(READ)
    if f"decoder_{POSITIONS}" in signature(model.forward).parameters:
        inputs[POSITIONS] = torch.arange(PAST, PAST + NEW).expand(ROWS, -1).clone()
    inputs |= {name: heads.empty(ROWS, PAST).normal_(generator=_drawn()) for name in past}
    inputs |= {name: heads.empty(ROWS, READ).normal_(generator=_drawn()) for name in read}
    axes = {name: (0, 2) if name in (*past, *read) else (0, 1) for name in inputs}
    outputs = ("logits", *names_of(heads, "present", "decoder."))
    graph = Graph(DECODER, _DecodingRead(model, heads), inputs, axes, outputs)
    facts = {**_facts(heads, model, tokenizer), "start_token_id": decoder_start(model, tokenizer)}
    return Writing((encoder, graph), heads, ("input_ids", "attention_mask", "decoder_input_ids"), facts)


class _Decoding(nn.Module):
    def __init__(self, model: Any, heads: Heads) -> None:
        super().__init__()
        self.model, self.heads = model, heads

    def forward(self, **inputs: Tensor) -> Tensors:
        past = names_of(self.heads, "past_key_values")
        cache = _cache([inputs.pop(name) for name in past])
        found = self.model(**inputs, past_key_values=cache, use_cache=True)
        return {"logits": found.logits.float(), **dict(zip(names_of(self.heads, "present"), _kept(cache), strict=True))}


class _Encoding(nn.Module):
    def __init__(self, model: Any, heads: Heads) -> None:
        super().__init__()
        self.model, self.heads = model, heads

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensors:
        cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        # What the decoder makes of a first token is looked at by nobody; what it has read stays in the cache.
        first = torch.zeros_like(input_ids[:, :1])
        read = {"input_ids": input_ids, "attention_mask": attention_mask}
        self.model(**read, decoder_input_ids=first, past_key_values=cache, use_cache=True)
        names = names_of(self.heads, "present", "encoder.")
        return dict(zip(names, _kept(cache.cross_attention_cache), strict=True))


class _DecodingRead(nn.Module):
    def __init__(self, model: Any, heads: Heads) -> None:
        super().__init__()
        self.model, self.heads = model, heads
        self.width = _width_of(model)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, encoder_attention_mask: Tensor, **given: Tensor
    ) -> Tensors:
        parts = (names_of(self.heads, "past_key_values", of) for of in ("decoder.", "encoder."))
        written, read = (_cache([given[name] for name in names]) for names in parts)
        cache = EncoderDecoderCache(written, read)
        cache.is_updated = dict.fromkeys(range(self.heads.layers), True)
        positions = {f"decoder_{POSITIONS}": given[POSITIONS]} if POSITIONS in given else {}
        # Of the states that were read only the shape is looked at.
        states = encoder_attention_mask[..., None].float().expand(-1, -1, self.width)
        found = self.model(
            encoder_outputs=BaseModelOutput(last_hidden_state=states),
            attention_mask=encoder_attention_mask,
            decoder_input_ids=input_ids,
            decoder_attention_mask=attention_mask,
            past_key_values=cache,
            use_cache=True,
            **positions,
        )
        names = names_of(self.heads, "present", "decoder.")
        return {"logits": found.logits.float(), **dict(zip(names, _kept(written), strict=True))}


class _Continuing(Standing):
    """A decoder asked about whole rows: it keeps nothing from before."""

    def __init__(self, sides: Mapping[str, Side], heads: Heads) -> None:
        super().__init__(sides)
        self.heads = heads

    def forward(self, input_ids: Tensor, position_ids: Tensor) -> Tensors:
        past = {name: self.heads.empty(len(input_ids)) for name in names_of(self.heads, "past_key_values")}
        inputs = {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids), POSITIONS: position_ids}
        self.told = self.sides[DECODER]({**inputs, **past})
        return self.told


class _Translating(Standing):
    """An encoder-decoder asked about whole rows."""

    def __init__(self, sides: Mapping[str, Side], heads: Heads) -> None:
        super().__init__(sides)
        self.heads = heads

    def forward(self, input_ids: Tensor, attention_mask: Tensor, decoder_input_ids: Tensor) -> Tensors:
        read = self.sides[ENCODER]({"input_ids": input_ids, "attention_mask": attention_mask})
        kept = {name.replace("present", "past_key_values"): tensor for name, tensor in read.items()}
        rows, tokens = decoder_input_ids.shape
        empty = {name: self.heads.empty(rows) for name in names_of(self.heads, "past_key_values", "decoder.")}
        inputs = {
            "input_ids": decoder_input_ids,
            "attention_mask": torch.ones_like(decoder_input_ids),
            "encoder_attention_mask": attention_mask,
            POSITIONS: torch.arange(tokens).expand(rows, -1),
        }
        self.told = self.sides[DECODER]({**inputs, **kept, **empty})
        return self.told


def _cache(tensors: Sequence[Tensor]) -> DynamicCache:
    cache = DynamicCache()
    for layer in range(len(tensors) // 2):
        cache.update(tensors[2 * layer], tensors[2 * layer + 1], layer)
    return cache


def _kept(cache: Any) -> Iterator[Tensor]:
    for layer in cache.layers:
        yield from (layer.keys, layer.values)


@torch.inference_mode()
def _heads_of(model: Any) -> Heads:
    """Look at what a model keeps of one token: configs name it in many ways. Raises: ModelError for what is no key."""
    if not keeps_keys_and_values(model):
        raise ModelError(
            f"{type(model).__name__} keeps other things of its tokens than keys and values, which no graph here takes.",
            remedy=AS_IT_IS,
        )
    cache: Any = DynamicCache()
    ids = torch.zeros(1, 1, dtype=torch.long)
    if model.config.is_encoder_decoder:
        cache = EncoderDecoderCache(cache, DynamicCache())
        model(input_ids=ids, decoder_input_ids=ids, past_key_values=cache, use_cache=True)
        cache = cache.self_attention_cache
    else:
        model(input_ids=ids, past_key_values=cache, use_cache=True)
    _, heads, _, size = cache.layers[0].keys.shape
    return Heads(len(cache.layers), heads, size)


def _width_of(model: Any) -> int:
    """Give the width of what an encoder gives its decoder."""
    return int(getattr(model.config.get_text_config(encoder=True), "hidden_size", 1))


def _facts(heads: Heads, model: Any, tokenizer: "PreTrainedTokenizerBase") -> dict[str, Any]:
    """Say what writes with the graphs must know. Raises: ExportError for a model with rules that nobody here keeps."""
    named, ends = dict(named_tokens(model)), end_tokens(model, tokenizer)
    forced = named.pop("forced_bos_token_id", None) if model.config.is_encoder_decoder else None
    never = named.pop("suppress_tokens", [])
    if all(len(word) == 1 for word in named.get("bad_words_ids", [])):
        never = [*never, *(token for (token,) in named.pop("bad_words_ids", []) if token not in ends)]
    if named:
        raise ExportError(
            f"graphs do not know the tokens that this model must or must not write ({', '.join(named)}).",
            remedy="Use --format safetensors, which keeps what the model says of them.",
        )
    return {
        "num_layers": heads.layers,
        "num_heads": heads.heads,
        "head_size": heads.size,
        "end_token_ids": ends,
        "forced_token_id": forced,
        "never_token_ids": sorted(set(never)),
        "pad_token_id": tokenizer.pad_token_id,
    }


def _ids(model: Any, length: int) -> Tensor:
    vocabulary = int(model.get_input_embeddings().weight.shape[0])
    return torch.arange(ROWS * length).reshape(ROWS, length) % vocabulary


def _mask(length: int) -> Tensor:
    return torch.ones(ROWS, length, dtype=torch.long)


def _drawn() -> torch.Generator:
    return torch.Generator().manual_seed(0)
