"""What quantile forecasts cost, point by point."""

from torch import Tensor, nn, where
from torch import maximum as larger


def pinball_losses(forecast: Tensor, target: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
    """Give the pinball losses [..., H, Q], 0 where the target is NaN, and which points are observed [..., H].

    Being under a quantile costs its share, being over it the rest. Shapes: forecast [..., H, Q], target [..., H],
    levels [Q] in (0, 1).
    Source: Koenker and Bassett, Econometrica 46 (1978).
    """
    observed = ~target.isnan()
    # Filled before the subtraction: a NaN times 0 would still be one in the gradient.
    short = where(observed, target, 0.0)[..., None] - forecast
    losses = larger(levels * short, (levels - 1.0) * short)
    return where(observed[..., None], losses, 0.0), observed


def crossings(forecast: Tensor) -> Tensor:
    """Give by how much quantiles lie above the next one, summed over them [..., H]. Shape: forecast [..., H, Q]."""
    return nn.functional.relu(-forecast.diff(dim=-1)).sum(-1)


def widths(forecast: Tensor) -> Tensor:
    """Give the distance of the last quantile from the first one [..., H]. Shape: forecast [..., H, Q]."""
    return forecast[..., -1] - forecast[..., 0]
