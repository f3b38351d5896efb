"""Cross-entropy over large vocabularies without the scores of all tokens at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

IGNORED = -100
# Scores held at a time, counted as fp32. Smaller chunks read the vocabulary's weights more often, larger ones leave
# the cache of a CPU; with a vocabulary of 32,000 a chunk has 262 rows.
CHUNK_BYTES = 32 * 2**20


def linear_cross_entropy_sum(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    *,
    label_smoothing: float = 0.0,
    bias: Tensor | None = None,
    softcap: float | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> Tensor:
    """Sum the cross-entropies of the tokens that `hidden` predicts, all of which count.

    Rows without a target are left out by the caller, who knows them on the CPU: here a GPU would be waited for.

    Scores are `hidden @ weight.T + bias`, with `softcap` bent to `softcap * tanh(scores / softcap)`. They are computed
    in the format of autocast and the loss in fp32, one chunk of rows after the other and the gradients with them:
    memory grows with the vocabulary and with the tokens, never with their product. Only first derivatives are known.

    Shapes: hidden [N, D], weight [V, D], targets [N], bias [V]; gives a scalar, in nats.
    """
    if len(targets) <= _rows_per_chunk(weight, chunk_bytes):
        # Nothing to save: torch's own kernels are a tenth faster than what follows.
        scores = _capped(functional.linear(hidden, weight, bias), softcap)
        return functional.cross_entropy(scores, targets, label_smoothing=label_smoothing, reduction="sum")
    scorer = _Scorer.of(hidden, weight, bias, softcap, chunk_bytes)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (hidden, weight, bias)):
        return _LinearCrossEntropy.apply(hidden, weight, bias, targets, scorer, label_smoothing)
    losses = [_losses(scores.log_softmax(1), targets[part], label_smoothing) for part, scores in scorer.scores(hidden)]
    return torch.cat(losses).sum()


@torch.no_grad()
def losses_and_guesses(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    *,
    bias: Tensor | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> tuple[Tensor, Tensor]:
    """Give the cross-entropy of each token, in nats, and the likeliest token in its place, without a gradient.

    Shapes: hidden [N, D], weight [V, D], targets [N], bias [V]; gives [N] in fp32 and [N].
    """
    scorer = _Scorer.of(hidden, weight, bias, None, chunk_bytes)
    losses = torch.zeros(len(targets), device=hidden.device)
    guesses = torch.zeros_like(targets)
    for part, scores in scorer.scores(hidden):
        losses[part] = _losses(scores.log_softmax(1), targets[part], 0.0).float()
        guesses[part] = scores.argmax(1)
    return losses, guesses


@torch.no_grad()
def token_losses(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    *,
    bias: Tensor | None = None,
    softcap: float | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> Tensor:
    """Give the cross-entropy of each token, in nats and without a gradient; 0 where the target is -100.

    Shapes: hidden [N, D], weight [V, D], targets [N], bias [V]; gives [N] in fp32.
    """
    if len(targets) <= _rows_per_chunk(weight, chunk_bytes):
        scores = _capped(functional.linear(hidden, weight, bias), softcap)
        return functional.cross_entropy(scores, targets, reduction="none")
    scorer = _Scorer.of(hidden, weight, bias, softcap, chunk_bytes)
    rows = (targets != IGNORED).nonzero().squeeze(1)
    losses = torch.zeros(len(targets), device=hidden.device)
    kept = targets.index_select(0, rows)
    for part, scores in scorer.scores(hidden.index_select(0, rows)):
        losses[rows[part]] = _losses(scores.log_softmax(1), kept[part], 0.0).float()
    return losses


@dataclass(frozen=True)
class _Scorer:
    """Scores chunks of rows against the whole vocabulary, its weights brought once to the format of the products."""

    weight: Tensor
    bias: Tensor | None
    softcap: float | None
    rows_per_chunk: int

    @classmethod
    def of(
        cls, hidden: Tensor, weight: Tensor, bias: Tensor | None, softcap: float | None, chunk_bytes: int
    ) -> "_Scorer":
        kind = hidden.device.type
        form = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
        return cls(
            weight=weight.detach().to(form),
            bias=None if bias is None else bias.detach().to(form),
            softcap=softcap,
            rows_per_chunk=_rows_per_chunk(weight, chunk_bytes),
        )

    def scores(self, hidden: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Give each chunk of rows with its scores [n, V], in fp32 or better."""
        hidden = hidden.detach().to(self.weight.dtype)
        for first in range(0, len(hidden), self.rows_per_chunk):
            part = slice(first, first + self.rows_per_chunk)
            scores = functional.linear(hidden[part], self.weight, self.bias)
            scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
            yield part, scores if self.softcap is None else scores.div_(self.softcap).tanh_().mul_(self.softcap)


class _LinearCrossEntropy(torch.autograd.Function):
    """Computes the gradients beside the loss, while a chunk's probabilities are at hand; backward only scales them."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        scorer: _Scorer,
        label_smoothing: float,
    ) -> Tensor:
        wide = torch.promote_types(weight.dtype, torch.float32)
        loss = torch.zeros((), dtype=wide, device=hidden.device)
        grad_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        grad_weight = torch.zeros_like(weight, dtype=wide) if ctx.needs_input_grad[1] else None
        grad_bias = torch.zeros_like(bias, dtype=wide) if bias is not None and ctx.needs_input_grad[2] else None
        # The range of fp16 is too small for probabilities that no scaler has lifted.
        form = torch.float32 if scorer.weight.dtype is torch.float16 else scorer.weight.dtype
        with torch.autocast(hidden.device.type, enabled=False):
            seen_by, vectors = scorer.weight.to(form), hidden.to(form)
            for part, scores in scorer.scores(hidden):
                log_probabilities = scores.log_softmax(1)
                loss += _losses(log_probabilities, targets[part], label_smoothing).sum()
                grad = _gradient(log_probabilities, scores, targets[part], label_smoothing, scorer.softcap)
                if grad_bias is not None:
                    grad_bias += grad.sum(0)
                grad = grad.to(form)
                if grad_hidden is not None:
                    grad_hidden[part] = grad @ seen_by
                if grad_weight is not None and form is wide:
                    grad_weight.addmm_(grad.T, vectors[part])
                elif grad_weight is not None:
                    grad_weight += grad.T @ vectors[part]
        ctx.save_for_backward(grad_hidden, grad_weight, grad_bias)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        (scale,) = grad_outputs
        return *(None if grad is None else grad * scale for grad in ctx.saved_tensors), None, None, None


def _capped(scores: Tensor, softcap: float | None) -> Tensor:
    """Give scores in fp32 or better, bent by the cap where there is one."""
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    return scores if softcap is None else softcap * torch.tanh(scores / softcap)


def _rows_per_chunk(weight: Tensor, chunk_bytes: int) -> int:
    return max(1, chunk_bytes // (4 * len(weight)))


def _losses(log_probabilities: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
    """Give the loss of each row [n] against a target that keeps `1 - label_smoothing` and shares the rest evenly."""
    losses = log_probabilities.gather(1, targets[:, None]).squeeze(1).neg()
    if label_smoothing:
        losses = (1.0 - label_smoothing) * losses - label_smoothing * log_probabilities.mean(1)
    return losses


def _gradient(
    log_probabilities: Tensor, scores: Tensor, targets: Tensor, label_smoothing: float, softcap: float | None
) -> Tensor:
    """Give the derivative of the summed losses by the products [n, V]; overwrites both large arguments."""
    grad = log_probabilities.exp_()
    if label_smoothing:
        grad -= label_smoothing / grad.shape[1]
    expected = grad.new_full((len(targets), 1), label_smoothing - 1.0)
    grad.scatter_add_(1, targets[:, None], expected)
    if softcap is not None:
        grad *= scores.div_(softcap).square_().neg_().add_(1.0)  # the slope of tanh is 1 - tanh^2
    return grad
