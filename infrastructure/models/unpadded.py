"""Models of the transformers library without padding: their layers see real tokens only, attention row by row.

Between the first layer and the last one of a stack hidden states are [1, T, D], the T tokens of all rows one behind the
other. What stands around the layers, embeddings and heads, sees [B, L, D] as ever. The layers are those of the library:
hooks take the padding from what they are given and put it back behind the last one, and attention is told the rows in
place of its mask.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from infrastructure.memory import is_out_of_memory
from infrastructure.models.layers import stacks_of
from infrastructure.models.rows import Rows, rows_of

_MASKS = ("attention_mask", "attn_mask", "mask")
_MASK_OF_READ = "encoder_attention_mask"
_STATES_READ = "encoder_hidden_states"
# A layer may be called without them and would then make something of its own, of all tokens together.
_LEFT_OUT = {*_MASKS, _MASK_OF_READ, "position_bias", "encoder_decoder_position_bias"}
# Fewer places of padding in a batch are not worth the moving.
LEAST_PADDING = 256
# By how much of the greatest state two ways to compute the same may differ, by the format of the products.
ROUNDING = {torch.float64: 1e-9, torch.float32: 2e-5, torch.bfloat16: 3e-2, torch.float16: 4e-3}
# The shape of a bias that stands for none.
NO_BIAS = (1, 1, 1, 1)


@dataclass
class Attended:
    """What attention is given in place of a mask: rows of queries and of keys, and the mask of the padded batch.

    `mask` is True where attended, [B, 1, Lq, Lk] or [B, 1, 1, Lk], in the order of the batch; None for all of the row.
    """

    queries: Rows
    keys: Rows
    mask: Tensor | None
    _of_groups: dict[int, Tensor | None] = field(default_factory=dict)

    def mask_of(self, number: int) -> Tensor | None:
        """Give the mask of a group, [rows, 1, 1 or Lq, Lk] at its own lengths."""
        if number not in self._of_groups:
            self._of_groups[number] = self._cut(number)
        return self._of_groups[number]

    def _cut(self, number: int) -> Tensor | None:
        queries, keys = self.queries.groups[number], self.keys.groups[number]
        if self.mask is None:
            return None
        if self.mask.stride(2) == 0 or self.mask.shape[2] == 1:  # the same for each query: what is left is padding
            if keys.slots is None:
                return None
            return self.mask[:, :, :1, : keys.length][self.queries.order[queries.rows]]
        return self.mask[:, :, : queries.length, : keys.length][self.queries.order[queries.rows]]


@dataclass
class _Reading:
    """One pass over a batch: its masks [B, L_i], that of an encoder first, and what has been made of its tensors."""

    masks: Sequence[Tensor]
    device: torch.device
    least_padding: int
    seen: dict[tuple[str, int], tuple[Any, Any]] = field(default_factory=dict)

    @cached_property
    def rows(self) -> Sequence[Rows]:
        """Where tokens stand, of encoder and decoder; none where no padding is to be taken away."""
        return [one.to(self.device) for one in rows_of(self.masks, self.least_padding)]

    def once(self, name: str, given: Any, make: Callable[[Any], Any]) -> Any:
        """Make something of an argument that several layers are given; it stays alive, so that its id is its own."""
        key = name, id(given)
        if key not in self.seen:
            self.seen[key] = given, make(given)
        return self.seen[key][1]


_READING: ContextVar[_Reading | None] = ContextVar("reading", default=None)


@contextmanager
def reading(batch: Mapping[str, Any], device: torch.device, least_padding: int = LEAST_PADDING) -> Iterator[None]:
    """Say which tokens of a batch on the CPU are real, while a model passes over it on its device.

    They are known by `attention_mask` [B, L], and by `decoder_attention_mask` where a decoder reads others. Batches
    with less padding than `least_padding` keep it: to take it away would cost more.
    """
    masks = _masks_in(batch)
    token = _READING.set(
        _Reading(masks, device, least_padding) if masks and all(mask.ndim == 2 for mask in masks) else None
    )
    try:
        yield
    finally:
        _READING.reset(token)


def _masks_in(batch: Mapping[str, Any]) -> list[Tensor]:
    return [batch[name] for name in ("attention_mask", "decoder_attention_mask") if name in batch]


class Trial:
    """Layers that are to see real tokens only, and whether they then compute the same."""

    def __init__(self, stacks: Sequence[Sequence[nn.Module]]) -> None:
        self._stacks = stacks
        self._handles: list[RemovableHandle] = []

    def difference(
        self,
        passes: Callable[[], Tensor],
        batch: Mapping[str, Tensor],
        device: torch.device,
        form: torch.dtype = torch.float32,
    ) -> str:
        """Say what changes without padding, empty for nothing; the layers are left without.

        `passes` lets the model pass over the batch once, in evaluation mode, and gives what is made of it: that is
        compared, for heads may look at padding too, and what the last layers make of real tokens. `form` is the format
        of its products.
        """
        try:
            with_padding = _Seen.of(self._stacks, passes)
            self._handles = [handle for side, stack in enumerate(self._stacks) for handle in _hooked(side, stack)]
            with reading(batch, device, least_padding=1):
                without = _Seen.of(self._stacks, passes)
            return _difference(with_padding, without, _masks_in(batch), ROUNDING[form])
        except (TypeError, ValueError, RuntimeError, AttributeError, LookupError, AssertionError) as error:
            if is_out_of_memory(error):
                raise
            told = str(error).partition("\n")[0][:120] or type(error).__name__
            return f"it refuses such rows ({told})"

    def undo(self) -> None:
        """Let the layers have their padding again."""
        for handle in self._handles:
            handle.remove()


def layers_to_unpad(model: nn.Module) -> list[list[nn.Module]]:
    """Find the layers of an encoder, a decoder, or of both in this order, that may do without padding; else none."""
    config: Any = getattr(model, "config", None)
    stacks = stacks_of(model)
    is_pair = bool(getattr(config, "is_encoder_decoder", False))
    is_whole = all(len(parts) == 1 for stack in stacks for parts in stack)
    if len(stacks) != 1 + is_pair or not is_whole or _skips_layers(config.to_dict()):
        return []
    return [[parts[0] for parts in stack] for stack in stacks]


def _skips_layers(settings: Mapping[str, Any]) -> bool:
    """Tell whether a training leaves out layers by chance, the last one too, behind which padding is put back.

    Models that are put together of two have the settings of each in their own.
    """
    return any(
        _skips_layers(value) if isinstance(value, Mapping) else "layerdrop" in str(name) and bool(value)
        for name, value in settings.items()
    )


def _hooked(side: int, stack: Sequence[nn.Module]) -> Iterator[RemovableHandle]:
    for layer in stack:
        names = [*inspect.signature(layer.forward).parameters]
        yield layer.register_forward_pre_hook(partial(_without_padding, side, names), with_kwargs=True)
    yield stack[-1].register_forward_hook(partial(_with_padding, side))


@dataclass
class _Seen:
    """What the last layers of the stacks made of a batch, [B, L, D] each, and what was made of that in the end."""

    states: Sequence[Tensor]
    answer: Tensor

    @classmethod
    def of(cls, stacks: Sequence[Sequence[nn.Module]], passes: Callable[[], Tensor]) -> "_Seen":
        """Let a model pass over a batch; of layers that are passed more than once the last time counts."""
        found: dict[int, Tensor] = {}

        def keep(side: int, layer: nn.Module, args: Any, output: Any) -> None:
            found[side] = output[0] if isinstance(output, tuple) else output

        handles = [stack[-1].register_forward_hook(partial(keep, side)) for side, stack in enumerate(stacks)]
        try:
            answer = passes()
        finally:
            for handle in handles:
                handle.remove()
        return cls([found[side] for side in sorted(found)], answer)


def _difference(with_padding: _Seen, without: _Seen, masks: Sequence[Tensor], rounding: float) -> str:
    """Say by how much the states of real tokens and the answers differ; empty where that is rounding."""
    if len(with_padding.states) != len(masks) or len(without.states) != len(masks):
        return f"{len(with_padding.states)} stacks of its layers are passed, and lengths of rows known for {len(masks)}"
    for padded_states, states, mask in zip(with_padding.states, without.states, masks, strict=True):
        if padded_states.shape != states.shape:
            return f"without padding its states are {list(states.shape)}, with it {list(padded_states.shape)}"
        real = mask.bool().to(states.device)
        if told := _apart(padded_states[real], states[real], rounding):
            return f"without padding its states differ by {told}"
    if told := _apart(with_padding.answer, without.answer, rounding, least=1.0):
        return f"what it makes of its last states looks at padding: it differs by {told}"
    return ""


def _apart(then: Tensor, now: Tensor, rounding: float, least: float = 0.0) -> str:
    """Tell how far apart two tensors are whose greatest number is `least` or more; empty where that is rounding."""
    then, now = then.double(), now.double()
    allowed = rounding * max(least, float(then.abs().max()))
    apart = float((then - now).abs().max())
    return "" if apart <= allowed else f"{apart:.2g}, where rounding explains {allowed:.1g}"


def _without_padding(
    side: int, names: Sequence[str], layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Take the padding from what a layer is given; `names` are those of its arguments, the hidden states first."""
    now = _READING.get()
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    hidden = given[names[0]]
    if now is None or side >= len(now.rows) or not now.rows[side].are_of(hidden):
        return None
    own, read = now.rows[side], now.rows[0]
    del given[names[0]]  # handed on by its place, by which recomputing layers know what gradients flow through
    states = packed(hidden, own) if tuple(hidden.shape[:2]) == own.shape else hidden
    is_crossed = given.get(_STATES_READ) is not None

    def settled(name: str, value: Any) -> Any:
        if name in _MASKS or (name == _MASK_OF_READ and is_crossed):
            keys = read if name == _MASK_OF_READ else own
            return now.once(f"{name}{side}", value, lambda mask: Attended(own, keys, mask))
        if name == "position_bias" and value is None:
            return _bias_of(layer, own)
        if name == "encoder_decoder_position_bias" and value is None:
            return hidden.new_zeros(NO_BIAS)
        if value is None:
            return None
        if name == _STATES_READ:
            return now.once(name, value, lambda states: packed(states, read))
        if name == "position_embeddings":
            return now.once(
                name, value, lambda pair: tuple(packed(one.expand(own.shape[0], -1, -1), own) for one in pair)
            )
        if name == "position_ids":
            return now.once(name, value, lambda ids: packed(ids.expand(own.shape[0], -1)[..., None], own)[..., 0])
        return value

    asked = {**dict.fromkeys(_LEFT_OUT & {*names}), **given}
    return (states,), {name: settled(name, value) for name, value in asked.items()}


def _bias_of(layer: nn.Module, rows: Rows) -> Tensor | None:
    """Give what T5 adds to the scores of places [1, H, L, L], which it would else make of all tokens with all."""
    for module in layer.modules():
        if getattr(module, "has_relative_attention_bias", False):
            bias: Tensor = module.compute_bias(rows.shape[1], rows.shape[1])  # type: ignore[operator]
            return bias
    return torch.zeros(NO_BIAS, device=rows.places.device)


def _with_padding(side: int, layer: nn.Module, args: Any, output: Any) -> Any:
    """Put the padding back behind the last layer, as zeros."""
    now = _READING.get()
    hidden = output[0] if isinstance(output, tuple) else output
    if now is None or side >= len(now.rows) or hidden.shape[:2] != (1, now.rows[side].num_tokens):
        return None
    spread = padded(hidden, now.rows[side])
    return (spread, *output[1:]) if isinstance(output, tuple) else spread


def packed(states: Tensor, rows: Rows) -> Tensor:
    """Take the padding from [B, L, D]; gives [1, T, D]."""
    return _Taken.apply(states.flatten(0, 1), rows.places)[None]


def padded(states: Tensor, rows: Rows) -> Tensor:
    """Put the padding, zeros, back into [1, T, D]; gives [B, L, D]."""
    batch, width = rows.shape
    return spread(states[0], rows.places, batch * width).unflatten(0, (batch, width))


def spread(values: Tensor, places: Tensor, size: int) -> Tensor:
    """Set values [T, ...] at their places among `size` zeros [size, ...]; no place is taken twice."""
    return _Spread.apply(values, places, size)


def taken(values: Tensor, places: Tensor) -> Tensor:
    """Take values [T, ...] from their places in [N, ...]; no place is taken twice."""
    return _Taken.apply(values, places)


class _Taken(torch.autograd.Function):
    """Indexing whose gradient knows that no place is taken twice, and so has nothing to add up."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        ctx.size = len(values)
        return values.index_select(0, places)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        (places,) = ctx.saved_tensors
        return spread(grad, places, ctx.size), None


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, places: Tensor, size: int) -> Tensor:
        ctx.save_for_backward(places)
        return values.new_zeros(size, *values.shape[1:]).index_copy_(0, places, values)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        (places,) = ctx.saved_tensors
        return taken(grad, places), None, None
