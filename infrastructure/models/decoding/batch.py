"""Rows that a model writes on token by token: they join when there is room and leave when they are done."""

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import Cache, DynamicCache, EncoderDecoderCache
from transformers.cache_utils import DynamicLayer
from transformers.modeling_outputs import BaseModelOutput

from infrastructure.models.decoding.kept_layer import Extent, KeptLayer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Columns laid out ahead: with more, attention looks at more empty ones; with fewer, all is moved more often.
SPARE = 32
# Encoder-decoders whose decoder knows how far away a token is and not where it stands.
RELATIVE = ("t5", "mt5")
# How evenly experts are asked is a matter of training: models that count it want masks of no more than new tokens.
UNASKED = ("output_router_logits",)


class Batch:
    """Prompts of which a model writes on `copies` texts each, beside one another; each of them is a row.

    Rows end at the same column, so that a new one, however long, is padded on its left. Encoder-decoders read their
    prompts once, padded on the right, and begin to write with `start`. Prompts come longest first.
    """

    def __init__(self, model: "PreTrainedModel", start: int, pad: int, num_prompts: int, copies: int = 1) -> None:
        self._model = model
        self._reads = bool(model.config.is_encoder_decoder)
        self._accepted = set(inspect.signature(model.forward).parameters)
        self._start, self._pad = start, pad
        self.num_prompts, self.copies = num_prompts, copies
        self.prompts = 0
        self._begin_anew()

    @property
    def room(self) -> int:
        """The number of prompts that can join now."""
        joins = not self.prompts or not self._reads or self._mixes_ages
        return self.num_prompts - self.prompts if joins else 0

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self._model.device

    @property
    def _mixes_ages(self) -> bool:
        """Whether a decoder can be told where in its text each row is; without, all of its rows begin at once."""
        return "decoder_position_ids" in self._accepted or self._model.config.model_type in RELATIVE

    def _begin_anew(self) -> None:
        capacity, device = self.num_prompts * self.copies, self._model.device
        self._extent, self._source_extent = Extent(capacity), Extent(capacity)
        self._layers: list[KeptLayer] = []
        self._source_layers: list[KeptLayer] = []
        self._starts: list[int] = []  # of each prompt the column of its first token
        self._begins: list[int] = []  # and that of the first one behind it
        self._source_lengths: list[int] = []
        self._mask = torch.zeros(capacity, 0, dtype=torch.long, device=device)
        self._source_mask = torch.zeros(capacity, 0, dtype=torch.long, device=device)
        self._positions = torch.zeros(capacity, dtype=torch.long, device=device)
        self._source = torch.zeros(0)

    def join(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """Let the model read prompts; gives the scores [N, V] of the first token behind each."""
        if not self.prompts:
            self._begin_anew()
        ids, mask = padded(prompts, self._pad, on_left=not self._reads)
        ids, mask = ids.to(self._model.device), mask.to(self._model.device)
        own = Cache(layer_class_to_replicate=DynamicLayer)
        inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask, "use_cache": True}
        if self._reads:
            beginning = torch.full((len(ids), 1), self._start, device=ids.device)
            inputs |= {"decoder_input_ids": beginning, "past_key_values": EncoderDecoderCache(own, DynamicCache())}
            lengths = [1] * len(ids)
        else:
            inputs |= {"position_ids": (mask.cumsum(-1) - 1).clamp(min=0), "past_key_values": own}
            lengths = [len(prompt) for prompt in prompts]
        outputs = self._passed(inputs)
        if self._reads:
            cross = inputs["past_key_values"].cross_attention_cache
            self._source = outputs.encoder_last_hidden_state[:1, :1].clone()
            self._join_sources(cross, [len(prompt) for prompt in prompts])
        self._join_texts(own, lengths)
        self.prompts += len(prompts)
        for layer in (*self._layers, *self._source_layers):
            layer.show()
        return outputs.logits[:, -1].float()

    def _passed(self, inputs: dict[str, Any]) -> Any:
        inputs |= {"logits_to_keep": 1, "return_dict": True, **dict.fromkeys(UNASKED, False)}
        return self._model(**{name: each for name, each in inputs.items() if name in self._accepted})

    def _join_texts(self, new: Any, lengths: Sequence[int]) -> None:
        extent, longest = self._extent, max(lengths)
        if not self._layers:
            self._layers = [KeptLayer(extent) for _ in new.layers]
            extent.columns, extent.width = longest, longest + SPARE
            self._mask = self._mask.new_zeros(extent.capacity, extent.width)
        assert longest <= extent.columns, "prompts come longest first"
        for layer, kept in zip(self._layers, new.layers, strict=True):
            layer.join((kept.keys, kept.values), extent.columns - longest, self.copies)
        for length in lengths:
            rows = slice(extent.rows, extent.rows + self.copies)
            self._mask[rows] = 0
            self._mask[rows, extent.columns - length : extent.columns] = 1
            self._positions[rows] = length
            self._starts.append(extent.columns - length)
            self._begins.append(extent.columns)
            extent.rows += self.copies

    def _join_sources(self, new: Any, lengths: Sequence[int]) -> None:
        extent, longest = self._source_extent, max([*self._source_lengths, *lengths])
        if not self._source_layers:
            self._source_layers = [KeptLayer(extent) for _ in new.layers]
            extent.width = longest
            self._source_mask = self._source_mask.new_zeros(extent.capacity, longest)
        elif extent.width - longest >= SPARE:
            self._lay_out_sources(longest)
        for layer, kept in zip(self._source_layers, new.layers, strict=True):
            layer.join((kept.keys, kept.values), 0, self.copies)
        for length in lengths:
            rows = slice(extent.rows, extent.rows + self.copies)
            self._source_mask[rows] = 0
            self._source_mask[rows, :length] = 1
            extent.rows += self.copies
        self._source_lengths += lengths

    def _lay_out_sources(self, width: int) -> None:
        for layer in self._source_layers:
            layer.lay_out(width, slice(0, width))
        self._source_extent.width = width
        self._source_mask = self._source_mask[:, :width].contiguous()

    def advance(self, tokens: Tensor) -> Tensor:
        """Write one token [rows] into each row; gives the scores [rows, V] of the next ones."""
        extent = self._extent
        if extent.columns == extent.width:
            self._lay_out()
        self._mask[: extent.rows, extent.columns] = 1
        mask, positions = self._mask[: extent.rows], self._positions[: extent.rows, None]
        own = Cache(layers=list(self._layers))
        inputs: dict[str, Any] = {"use_cache": True}
        if self._reads:
            # What cross-attention once read is kept, and of this only the shape is looked at.
            source = self._source.expand(extent.rows, self._source_extent.width, -1)
            cache = EncoderDecoderCache(own, Cache(layers=list(self._source_layers)))
            cache.is_updated = dict.fromkeys(range(len(self._source_layers)), True)
            inputs |= {"encoder_outputs": BaseModelOutput(source), "past_key_values": cache}
            inputs |= {"attention_mask": self._source_mask[: extent.rows], "decoder_attention_mask": mask}
            inputs |= {"decoder_input_ids": tokens[:, None], "decoder_position_ids": positions}
        else:
            inputs |= {"input_ids": tokens[:, None], "attention_mask": mask}
            inputs |= {"position_ids": positions, "past_key_values": own}
        outputs = self._passed(inputs)
        extent.columns += 1
        positions += 1
        return outputs.logits[:, -1].float()

    def _lay_out(self) -> None:
        """Make room for tokens to come, and leave out the columns of rows that are gone."""
        extent, shift = self._extent, min(self._starts)
        used = slice(shift, extent.columns)
        width = extent.columns - shift + SPARE
        for layer in self._layers:
            layer.lay_out(width, used)
        mask = self._mask.new_zeros(extent.capacity, width)
        mask[:, : extent.columns - shift] = self._mask[:, used]
        self._mask = mask
        extent.columns, extent.width = extent.columns - shift, width
        self._starts = [start - shift for start in self._starts]
        self._begins = [begin - shift for begin in self._begins]
        for layer in self._layers:
            layer.show()

    def keep(self, order: Sequence[int]) -> None:
        """Keep some prompts with all of their rows and let the others go; `order` says which are where from now on."""
        to = [place for place, prompt in enumerate(order) if place != prompt]
        self._starts = [self._starts[prompt] for prompt in order]
        self._begins = [self._begins[prompt] for prompt in order]
        if to:
            moved, origin = self._rows_of(to), self._rows_of([order[place] for place in to])
            for layer in self._layers:
                layer.take(moved, origin, slice(None))
            for layer in self._source_layers:
                layer.take(moved, origin, slice(None))
            for each in (self._mask, self._source_mask, self._positions):
                each[moved] = each[origin]
        if self._reads:
            self._source_lengths = [self._source_lengths[prompt] for prompt in order]
        self.prompts = len(order)
        self._extent.rows = self._source_extent.rows = self.prompts * self.copies
        for layer in (*self._layers, *self._source_layers):
            layer.show()

    def _rows_of(self, prompts: Sequence[int]) -> Tensor:
        first = torch.tensor(prompts, device=self._model.device) * self.copies
        return (first[:, None] + torch.arange(self.copies, device=first.device)).flatten()

    def follow(self, parents: Tensor) -> None:
        """Let each row go on from where the row `parents` [rows] of the same prompt is."""
        changed = (parents != torch.arange(len(parents), device=parents.device)).nonzero().flatten()
        written = slice(min(self._begins), self._extent.columns)
        if len(changed) and written.start < written.stop:
            for layer in self._layers:
                layer.take(changed, parents[changed], written)


def padded(rows: Sequence[Sequence[int]], pad: int, on_left: bool) -> tuple[Tensor, Tensor]:
    """Give input_ids and attention_mask, both [B, L]."""
    width = max(map(len, rows))
    input_ids = torch.full((len(rows), width), pad)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for number, row in enumerate(rows):
        place = slice(width - len(row), width) if on_left else slice(len(row))
        input_ids[number, place] = torch.tensor(row)
        mask[number, place] = 1
    return input_ids, mask
