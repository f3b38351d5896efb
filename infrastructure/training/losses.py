"""Losses for users of the library: modules that take what a model gives and what it should have given."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from domain.exceptions import ConfigurationError
from infrastructure.tasks.series.scoring.metrics import symmetric_pairs
from infrastructure.tasks.series.scoring.quantile_losses import crossings, pinball_losses, widths

# -100 is what transformers and torch leave out, -1 what data sets made for nanoGPT and others do.
IGNORED_LABELS = (-100, -1)
REDUCTIONS = ("mean", "sum", "none")


class LanguageModelingLoss(nn.Module):
    """Scores each label against the logits at its own place: shift labels by one before, for a model that predicts.

    Labels of -100 and -1 weigh nothing. `reduction` "mean" divides by the labels that count, "sum" does not divide,
    "none" gives the mean of each sample [B]; where no label counts, a mean is 0.
    Raises: ConfigurationError for an unknown reduction or a smoothing outside [0, 1).
    """

    def __init__(self, label_smoothing: float = 0.0, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ConfigurationError(f"reduction {reduction!r} is not known.", remedy=f"Use {', '.join(REDUCTIONS)}.")
        self.label_smoothing = _share(label_smoothing)
        self.reduction = reduction

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Give the loss in nats. Shapes: logits [B, L, V], labels [B, L]; a scalar, or [B] without reduction."""
        _require_same_shape("labels", labels, logits.shape[:-1])
        counted = ~torch.isin(labels, labels.new_tensor(IGNORED_LABELS))  # [B, L]
        losses = functional.cross_entropy(
            logits.flatten(0, -2).float(),
            labels.masked_fill(~counted, IGNORED_LABELS[0]).flatten(),
            ignore_index=IGNORED_LABELS[0],
            label_smoothing=self.label_smoothing,
            reduction="none",
        ).view_as(labels)
        if self.reduction == "sum":
            return losses.sum()
        if self.reduction == "mean":
            return losses.sum() / counted.sum().clamp_min(1)
        return losses.flatten(1).sum(1) / counted.flatten(1).sum(1).clamp_min(1)


class ClassificationLoss(nn.Module):
    """Scores classes by cross-entropy, divided by what the labels of the batch weigh; -100 weighs nothing.

    Raises: ConfigurationError for a weight that is not above 0 or a smoothing outside [0, 1).
    """

    class_weights: Tensor | None

    def __init__(self, class_weights: Sequence[float] | Tensor | None = None, label_smoothing: float = 0.0) -> None:
        super().__init__()
        weights = None if class_weights is None else torch.as_tensor(class_weights, dtype=torch.float32)
        if weights is not None and not bool((weights > 0).all()):
            raise ConfigurationError(
                f"class_weights are {weights.tolist()}, but a weight must be above 0.", remedy="Choose others."
            )
        self.register_buffer("class_weights", weights)
        self.label_smoothing = _share(label_smoothing)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Give the loss in nats. Shapes: logits [B, C], labels [B]; a scalar."""
        _require_same_shape("labels", labels, logits.shape[:-1])
        return functional.cross_entropy(
            logits.float(), labels, weight=self.class_weights, label_smoothing=self.label_smoothing
        )


class PinballLoss(nn.Module):
    """Scores forecast quantiles: being under a quantile costs its share, being over it the rest.

    Quantiles ascend in (0, 1). Losses have the unit of the target; NaN targets weigh nothing, and where none is
    observed a mean is 0.
    Raises: ConfigurationError for other quantiles, and for shapes that do not belong together.
    Source: Koenker and Bassett, Econometrica 46 (1978).
    """

    quantiles: Tensor

    def __init__(self, quantiles: Sequence[float]) -> None:
        super().__init__()
        ascending = all(low < high for low, high in zip([0.0, *quantiles], [*quantiles, 1.0], strict=True))
        if not quantiles or not ascending:
            raise ConfigurationError(
                f"quantiles are {list(quantiles)}, but must ascend between 0 and 1.", remedy="Use [0.1, 0.5, 0.9]."
            )
        self.levels = tuple(float(quantile) for quantile in quantiles)
        # No part of a checkpoint: they are a setting.
        self.register_buffer("quantiles", torch.tensor(self.levels), persistent=False)

    def forward(self, forecast: Tensor, target: Tensor) -> Tensor:
        """Give the mean over observed points and quantiles. Shapes: forecast [B, H, Q], target [B, H]; a scalar."""
        losses, observed = self.pointwise(forecast, target)
        return losses.sum() / (observed.sum() * len(self.levels)).clamp_min(1)

    def breakdown(self, forecast: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Give means as `per_quantile` [Q] and `per_horizon` [H]. Shapes: forecast [B, H, Q], target [B, H]."""
        losses, observed = self.pointwise(forecast, target)
        num_at_horizon = observed.sum(0)  # [H]
        return {
            "per_quantile": losses.sum((0, 1)) / num_at_horizon.sum().clamp_min(1),
            "per_horizon": losses.sum((0, 2)) / (num_at_horizon * len(self.levels)).clamp_min(1),
        }

    def pointwise(self, forecast: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Give the losses [B, H, Q], 0 where the target is NaN, and which points are observed [B, H]."""
        _require_same_shape("forecast", forecast, (*target.shape, len(self.levels)))
        return pinball_losses(forecast, target, self.quantiles)


class CombinedQuantileLoss(nn.Module):
    """Adds to the pinball loss what crossing quantiles and wide forecasts cost.

    `crossing` is the mean by which a quantile lies above the next one, `sharpness` the mean width from the first to
    the last; both in the unit of the target, over the observed points. `horizons` names the points [H] in metrics,
    by default 1, 2, 3 and so on.
    Raises: ConfigurationError for a negative weight, and where PinballLoss does.
    """

    def __init__(
        self,
        quantiles: Sequence[float],
        sharpness_weight: float = 0.0,
        crossing_weight: float = 0.0,
        horizons: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if not (sharpness_weight >= 0.0 and crossing_weight >= 0.0):
            raise ConfigurationError(
                f"sharpness_weight is {sharpness_weight} and crossing_weight {crossing_weight}, but neither may be"
                " below 0.",
                remedy="Use 0 for none.",
            )
        self.pinball = PinballLoss(quantiles)
        self.sharpness_weight = sharpness_weight
        self.crossing_weight = crossing_weight
        self.horizons = None if horizons is None else tuple(horizons)

    def forward(self, forecast: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Give scalars `total`, `pinball`, `crossing`, and `sharpness` where it weighs.

        Shapes: forecast [B, H, Q], target [B, H].
        """
        parts = {"pinball": self.pinball(forecast, target)}
        observed = ~target.isnan()
        parts["crossing"] = _mean_where(observed, crossings(forecast))
        total = parts["pinball"] + self.crossing_weight * parts["crossing"]
        if self.sharpness_weight:
            parts["sharpness"] = _mean_where(observed, widths(forecast))
            total = total + self.sharpness_weight * parts["sharpness"]
        return {"total": total, **parts}

    @torch.no_grad()
    def get_metrics(self, forecast: Tensor, target: Tensor) -> dict[str, float]:
        """Say how honest and how sharp a forecast is. Shapes: forecast [B, H, Q], target [B, H].

        `coverage_q10` is the share of observed targets at or below the quantile 0.1. Two quantiles of equal distance
        from the middle bound an interval: of 0.1 and 0.9, `picp_80` is the share of targets in it and
        `interval_80_mean` its mean width. `loss_1` is the mean pinball loss of the first horizon.
        """
        observed, levels = ~target.isnan(), self.pinball.levels
        metrics: dict[str, float] = {}
        for index, level in enumerate(levels):
            metrics[f"coverage_q{100 * level:02g}"] = _mean_where(observed, target <= forecast[..., index]).item()
        for low, high in symmetric_pairs(levels):
            name = f"{100 * (levels[high] - levels[low]):g}"
            inside = (forecast[..., low] <= target) & (target <= forecast[..., high])
            metrics[f"picp_{name}"] = _mean_where(observed, inside).item()
            metrics[f"interval_{name}_mean"] = _mean_where(observed, forecast[..., high] - forecast[..., low]).item()
        per_horizon = self.pinball.breakdown(forecast, target)["per_horizon"].tolist()
        horizons = self.horizons or range(1, len(per_horizon) + 1)
        return metrics | {f"loss_{name}": loss for name, loss in zip(horizons, per_horizon, strict=True)}


def _mean_where(observed: Tensor, values: Tensor) -> Tensor:
    return torch.where(observed, values, 0.0).sum() / observed.sum().clamp_min(1)


def _share(label_smoothing: float) -> float:
    if not 0.0 <= label_smoothing < 1.0:
        raise ConfigurationError(
            f"label_smoothing is {label_smoothing}, but must be at least 0 and below 1.", remedy="Use 0 for none."
        )
    return label_smoothing


def _require_same_shape(name: str, tensor: Tensor, shape: Sequence[int]) -> None:
    if tuple(tensor.shape) != tuple(shape):
        raise ConfigurationError(
            f"{name} has the shape {list(tensor.shape)}, but must have {list(shape)} here.",
            remedy="Give both of the same batch.",
        )
