"""A target text given a source text."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from domain.exceptions import ConfigurationError
from infrastructure.data.feed import RowNoise
from infrastructure.models.attention import NAME as OUR_ATTENTION
from infrastructure.tasks.adapter import Batch, Evaluation, num_unmasked
from infrastructure.tasks.writing.decoder_adapter import TokenPass, joined, numbers_of, packed
from infrastructure.tasks.writing.heads import hidden_loss_sum, hidden_losses, target_loss_sum, target_losses
from infrastructure.tasks.writing.samples import Samples
from infrastructure.tasks.writing.token_losses import IGNORED


class SequenceToSequence:
    """Teacher-forced cross-entropy of the target's tokens given the source.

    An item has `input_ids` [N] and `labels` [M], each with its end sign; -100 in the labels is not learnt. With
    `pack_to` above 0 short items share a row of up to so many tokens, and masks keep them apart.
    """

    def __init__(
        self,
        pad_token_id: int,
        start_token_id: int,
        pack_to: int = 0,
        label_smoothing: float = 0.0,
        samples: Samples | None = None,
    ) -> None:
        self._pad_token_id = pad_token_id
        self._start_token_id = start_token_id
        self._pack_to = pack_to
        self._label_smoothing = label_smoothing
        self._samples = samples

    @property
    def packs_rows(self) -> bool:
        """Whether items share rows, which then have little padding left."""
        return self._pack_to > 0

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics a run can be judged by."""
        return ("loss", "perplexity", *(self._samples.names if self._samples else ()))

    def collate(self, items: Sequence[Mapping[str, Any]], noise: RowNoise | None) -> Batch:
        """Make rows of one or several items.

        `input_ids`, `attention_mask` [B, S], `decoder_input_ids`, `decoder_attention_mask` [B, L]; `targets` [T] are
        the tokens to be predicted, `target_at` [T] where in the flattened decoder rows, and `target_items` [T] of
        which of `num_items`.
        Packed rows also have the number of the item at each place, `items` [B, S] and `decoder_items` [B, L] (0 is
        padding), and its `positions`.
        """
        sources = [torch.as_tensor(item["input_ids"]) for item in items]
        labels = [self._without_start(torch.as_tensor(item["labels"])) for item in items]
        rows = packed([max(len(s), len(t)) for s, t in zip(sources, labels, strict=True)], self._pack_to)
        input_ids = joined(sources, rows, self._pad_token_id)
        shifted = [self.shifted(row) for row in labels]
        targets = joined(labels, rows, IGNORED).flatten()
        target_at = (targets != IGNORED).nonzero().squeeze(1)
        numbers, decoder_numbers = numbers_of(sources, rows), numbers_of(labels, rows)
        batch = {
            "input_ids": input_ids,
            "attention_mask": (numbers > 0).long(),
            "decoder_attention_mask": (decoder_numbers > 0).long(),
            "decoder_input_ids": joined(shifted, rows, self._pad_token_id),
            "targets": targets[target_at],
            "target_at": target_at,
            "target_items": decoder_numbers.flatten()[target_at] - 1,
            "num_items": torch.tensor(len(items)),
        }
        if self._pack_to:
            batch |= {
                "items": numbers,
                "decoder_items": decoder_numbers,
                "positions": joined([torch.arange(len(row)) for row in sources], rows, 0),
                "decoder_positions": joined([torch.arange(len(row)) for row in labels], rows, 0),
            }
        return batch

    def _without_start(self, labels: Tensor) -> Tensor:
        """Leave out a sign of beginning that the decoder is given anyhow: to predict it again would teach nothing."""
        return labels[1:] if len(labels) > 1 and labels[0] == self._start_token_id else labels

    def shifted(self, labels: Tensor) -> Tensor:
        """Give what the decoder reads while it learns `labels` [M]: the start token and all labels but the last."""
        read = labels.roll(1)
        read[0] = self._start_token_id
        return torch.where(read == IGNORED, self._pad_token_id, read)

    def count_targets(self, batch: Batch) -> float:
        """Count the tokens to be predicted."""
        return float(len(batch["targets"]))

    def count_tokens(self, batch: Batch) -> int:
        """Count the tokens of the sources and those to be written."""
        return num_unmasked(batch) + len(batch["targets"])

    def loss_sum(self, model: nn.Module, batch: Batch) -> Tensor:
        """Sum the cross-entropy over the tokens to be predicted."""
        at, targets = batch["target_at"], batch["targets"]
        if self._pack_to:
            return hidden_loss_sum(model, hidden_of_packed(model, batch), at, targets, self._label_smoothing)
        return target_loss_sum(model, _inputs(batch), at, targets, self._label_smoothing)

    def target_losses(self, model: nn.Module, batch: Batch) -> Tensor:
        """Give the cross-entropy of each token to be predicted [T]."""
        at, targets = batch["target_at"], batch["targets"]
        if self._pack_to:
            return hidden_losses(model, hidden_of_packed(model, batch), at, targets)
        return target_losses(model, _inputs(batch), at, targets)

    def evaluation(self) -> Evaluation:
        """Begin a pass over the evaluation part."""
        return TokenPass(self, self._samples)


def _inputs(batch: Batch) -> Batch:
    # The decoder's padding follows its tokens and so needs no mask.
    return {name: batch[name] for name in ("input_ids", "attention_mask", "decoder_input_ids")}


def why_not_packed(model: Any, max_length: int) -> str:
    """Say why a model could not keep the items of a packed row apart; empty when it can."""
    config: Any = getattr(model, "config", None)
    if getattr(config, "model_type", "") != "t5gemma":
        return "cannot keep the items of a row apart"
    if any(_sees_a_window(half, max_length) for half in (config.encoder, config.decoder)):
        return f"has layers that see fewer than max_length {max_length} tokens, for which packed rows have no mask"
    return ""


def _sees_a_window(half: Any, max_length: int) -> bool:
    return "sliding_attention" in half.layer_types and half.sliding_window < max_length


def hidden_of_packed(model: Any, batch: Batch) -> Tensor:
    """Run both halves of a T5Gemma so that no place sees one of another item; gives [B, L, D]."""
    source, target = batch["items"], batch["decoder_items"]
    length = target.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=target.device).tril()
    halves = model.base_model
    read = halves.encoder(
        input_ids=batch["input_ids"],
        attention_mask=_masks(halves.encoder, _same(source, source)),  # [B, 1, S, S]
        position_ids=batch["positions"],
    )
    # Padding sees every source: some kernels turn a row that sees nothing into NaN, which spreads backwards.
    across = _same(target, source) | (target == 0)[:, None, :, None]
    written = halves.decoder(
        input_ids=batch["decoder_input_ids"],
        attention_mask=_masks(halves.decoder, _same(target, target) & causal),  # [B, 1, L, L]
        position_ids=batch["decoder_positions"],
        encoder_hidden_states=read.last_hidden_state,
        encoder_attention_mask=_masks(halves.decoder, across),  # [B, 1, L, S]
        use_cache=False,
    )
    hidden: Tensor = written.last_hidden_state
    return hidden


def _same(queries: Tensor, keys: Tensor) -> Tensor:
    return queries[:, None, :, None] == keys[:, None, None, :]


def _masks(half: Any, seen: Tensor) -> dict[str, Tensor]:
    """Say what is seen in the way of the half's attention, for both kinds of layers that T5Gemma knows.

    The library's own "eager" adds its mask to the scores, and would take True for a slightly better place.
    """
    attention = half.config._attn_implementation
    if attention == "eager":
        seen = torch.zeros(seen.shape, dtype=half.dtype, device=seen.device).masked_fill(
            ~seen, torch.finfo(half.dtype).min
        )
    elif attention not in ("sdpa", OUR_ATTENTION):
        raise ConfigurationError(
            f"packing is on, but attention {attention!r} takes no mask that keeps the items of a row apart.",
            remedy="Use --set packing=false, or attn_implementation eager.",
        )
    return {"full_attention": seen, "sliding_attention": seen}
