"""What quantile forecasts cost, point by point."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def pinball_losses(forecast: Tensor, target: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
    """Give the pinball losses [..., H, Q], 0 where the target is NaN, and which points are observed [..., H].

    Being under a quantile costs its share, being over it the rest. Shapes: forecast [..., H, Q], target [..., H],
    levels [Q] in (0, 1).
    Source: Koenker and Bassett, Econometrica 46 (1978).
    """
    losses: Tensor = _PinballLosses.apply(forecast, target, levels)
    return losses, ~target.isnan()


class _PinballLosses(torch.autograd.Function):
    """The losses by their slopes, all that the backward pass needs; where both sides meet the slope is their mean."""

    @staticmethod
    def forward(ctx: Any, forecast: Tensor, target: Tensor, levels: Tensor) -> Tensor:
        short = target.unsqueeze(-1) - forecast
        slopes = short.sign().mul_(0.5).add_(levels - 0.5)
        missing = target.isnan().unsqueeze(-1)
        ctx.save_for_backward(slopes.masked_fill_(missing, 0.0))
        return short.masked_fill_(missing, 0.0).mul_(slopes)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (slopes,) = ctx.saved_tensors
        return (gradient * slopes).neg_(), None, None


def crossings(forecast: Tensor) -> Tensor:
    """Give by how much quantiles lie above the next one, summed over them [..., H]. Shape: forecast [..., H, Q]."""
    return nn.functional.relu(-forecast.diff(dim=-1)).sum(-1)


def widths(forecast: Tensor) -> Tensor:
    """Give the distance of the last quantile from the first one [..., H]. Shape: forecast [..., H, Q]."""
    return forecast[..., -1] - forecast[..., 0]
