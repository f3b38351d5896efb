"""From what is said of windows to labels: a text is as weak as its worst token."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Verdict:
    """What is said of B texts: `logits` [B, C], log-probabilities of labels, and scores of `kinds` [B, K]."""

    logits: Tensor
    kinds: Tensor


def verdict_of(
    said: Mapping[str, Tensor],
    mask: Tensor,
    row: Tensor,
    num_rows: int,
    negative: int,
    severities_of: Callable[[Tensor], Tensor],
    beside: Tensor | None = None,
) -> Verdict:
    """Judge texts by their windows: the worst token of any decides, and its window says the kind.

    `said` is what the model gives of windows, `mask` [W, L] their tokens and `row` [W] the text of each; `negative` is
    the place of the label that names no weakness, and `severities_of` says how likely the others are. `beside`
    [B, 1 + K] is what else speaks for a weakness in each text, and for each kind.
    """
    worst = said["marks"][..., 0].masked_fill(mask == 0, -torch.inf).amax(1)  # [W]
    score = worst.new_full((num_rows,), -torch.inf).scatter_reduce(0, row, worst, "amax")  # [B]
    first = _first_leading(worst.detach(), score.detach(), row)
    kinds = said["kinds"][first]
    if beside is not None:
        score, kinds = score + beside[:, 0], kinds + beside[:, 1:]
    weak, safe = functional.logsigmoid(score), functional.logsigmoid(-score)
    labels = weak[:, None] + severities_of(kinds)  # [B, C - 1]
    logits = torch.cat([labels[:, :negative], safe[:, None], labels[:, negative:]], dim=1)
    return Verdict(logits, kinds)


def _first_leading(worst: Tensor, score: Tensor, row: Tensor) -> Tensor:
    """Give of each text the first window [B] whose score is that of the text; any where a score is NaN."""
    number = torch.arange(len(worst), device=worst.device)
    leading = torch.where(worst >= score[row], number, len(worst) - 1)
    return number.new_full((len(score),), len(worst) - 1).scatter_reduce(0, row, leading, "amin")
