"""The forecaster: a linear view of the history, and attention over time and variables that bends and widens it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.configuration_utils import PreTrainedConfig
from transformers.modeling_utils import PreTrainedModel

from infrastructure.models.covariates import (
    FIRST_MEMORY,
    TOLD,
    AheadHead,
    CovariateEncoder,
    Expected,
    Profile,
    bounded,
    step_width,
)
from infrastructure.models.forecaster_layers import NORM_EPS, ForecasterLayer, QuantileHead

# Inputs are standardised; what lies farther out is taken as this, so that no square or sum leaves fp32.
LARGEST_INPUT = 1e9
# A history that varies by less, in standardised units, or has fewer values than these is thin: it does not say how far
# its future may lie away, so the training part does, whose standard deviation is 1 in these units.
LEAST_SCALE = 1e-3
FEWEST_VALUES, FEWEST_SHARE = 8, 4
# softplus(-0.5): spread of neighbouring quantiles in units of the window's own scale before anything is learnt.
FIRST_STEP = -0.5
SMALL = 0.3  # of weights that read many rows at once: larger ones learn single days by heart


class ForecasterConfig(PreTrainedConfig):
    """Shape of a forecaster; lengths and horizons are rows of the table.

    With `num_classes` above 0 it gives scores of classes instead of quantiles. `num_targets` T of the `num_inputs` V
    variables are forecast, the first ones. `thin_targets` [T] says of which of them the model has learnt what follows a
    thin history. `covariates` says that it is told what is known ahead: the last `num_known` K of the variables, the
    last `num_known_categories` of the columns of categories, of which `category_sizes` are the largest numbers, and the
    calendar; and of a series `num_static` numbers and categories of `static_sizes`. `walks` [T] says of which targets
    the median begins at the last value, without a line through the history.
    """

    model_type = "athanor_forecaster"

    def __init__(
        self,
        context_length: int = 96,
        patch_length: int = 24,
        num_inputs: int = 1,
        num_targets: int = 1,
        num_calendar: int = 0,
        horizons: tuple[int, ...] | list[int] = (1,),
        quantiles: tuple[float, ...] | list[float] = (0.1, 0.5, 0.9),
        num_classes: int = 0,
        hidden_size: int = 32,
        num_layers: int = 2,
        num_heads: int = 4,
        dropout: float = 0.3,
        instance_norm: bool = True,
        thin_targets: tuple[bool, ...] | list[bool] = (),
        covariates: bool = False,
        ratio_targets: tuple[bool, ...] | list[bool] = (),
        num_known: int = 0,
        category_sizes: tuple[int, ...] | list[int] = (),
        num_known_categories: int = 0,
        num_static: int = 0,
        static_sizes: tuple[int, ...] | list[int] = (),
        walks: tuple[bool, ...] | list[bool] = (),
        **settings: Any,
    ) -> None:
        self.context_length = context_length
        self.patch_length = patch_length
        self.num_inputs = num_inputs
        self.num_targets = num_targets
        self.num_calendar = num_calendar
        self.horizons = list(horizons)
        self.quantiles = list(quantiles)
        self.num_classes = num_classes
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.dropout = dropout
        self.instance_norm = instance_norm
        self.covariates = covariates
        self.ratio_targets = list(ratio_targets)
        self.num_known = num_known
        self.category_sizes = list(category_sizes)
        self.num_known_categories = num_known_categories
        self.num_static = num_static
        self.static_sizes = list(static_sizes)
        # Unless they say so of each target, as older models and edited files do not, nothing is known of any.
        self.thin_targets, self.walks = (
            list(told)
            if len(told) == num_targets and all(isinstance(one, bool) for one in told)
            else [False] * num_targets
            for told in (thin_targets, walks)
        )
        super().__init__(**settings)

    @property
    def num_patches(self) -> int:
        """Patches N that a history is cut into; the first one is filled up where the length does not divide."""
        return -(-self.context_length // self.patch_length)


@dataclass(frozen=True)
class History:
    """Histories on their own scale, thin ones on that of the training part.

    Shapes: values and observed [B, V, L], level and is_thin [B, V, 1]; `level` is the mean of what was observed, that
    of the training part where nothing was. Forecasts of targets are brought back by their `scale` [B, T, 1], by
    `centre_ahead` and by `ratio`, how large a step is beside the history, [B, T, 1 or H] each.
    """

    values: Tensor
    observed: Tensor
    scale: Tensor
    centre_ahead: Tensor
    ratio: Tensor
    level: Tensor
    is_thin: Tensor


class Forecaster(PreTrainedModel):
    """Forecasts quantiles of the first T variables, or scores of classes, from the history of V variables.

    A history [L] of a variable is cut into N patches, each a token. Layers let the patches of a variable attend to each
    other, then the variables at each patch; what is missing is attended to by nobody. The median is a linear function
    of the whole history plus a correction by the tokens; the other quantiles lie away from it by steps that cannot be
    negative, added one after the other, so they never cross, whatever comes in.
    A target whose history is thin, of a kind that training has hardly seen, is not asked of the weights: its quantiles
    are those of a normal distribution as wide as the training part, around the level of its history.
    Sources: patches, Nie et al., ICLR 2023; attention over variables, Liu et al., ICLR 2024; reversible instance
    normalisation, Kim et al., ICLR 2022; the strength of a linear view, Zeng et al., AAAI 2023.
    """

    config_class = ForecasterConfig
    base_model_prefix = "forecaster"
    main_input_name = "values"
    supports_gradient_checkpointing = True

    def __init__(self, config: ForecasterConfig) -> None:
        super().__init__(config)
        width = config.hidden_size
        self.patches = nn.Linear(2 * config.patch_length, width)
        self.calendar = nn.Linear(config.num_calendar, width, bias=False) if config.num_calendar else None
        self.positions = nn.Parameter(torch.empty(config.num_patches, width))
        self.variables = nn.Parameter(torch.empty(config.num_inputs + len(config.category_sizes), width))
        self.covariates = CovariateEncoder(config) if config.covariates else None
        has_profile = config.covariates and config.instance_norm and not config.num_classes and step_width(config)
        self.profile = Profile(config) if has_profile else None
        self.layers = nn.ModuleList(ForecasterLayer(config) for _ in range(config.num_layers))
        self.norm = nn.RMSNorm(width, eps=NORM_EPS)
        self.dropout = nn.Dropout(config.dropout)
        if config.num_classes:
            self.classes = nn.Linear(width, config.num_classes)
        else:
            self.head = QuantileHead(config)
            self.ahead = AheadHead(config) if config.covariates else None
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, Forecaster):
            nn.init.normal_(module.positions, std=0.02)
            nn.init.normal_(module.variables, std=0.02)
        elif isinstance(module, QuantileHead):
            # Nothing is learnt yet: the last value will repeat itself, with the same spread everywhere.
            if module.linear is not None:
                nn.init.zeros_(module.linear)
                if self.profile is None:  # else what is left of what was expected, which need not go on
                    module.linear[:, -1] = 1.0
            nn.init.zeros_(module.bend.weight)
            if module.spread is not None:
                nn.init.zeros_(module.spread.weight)
                nn.init.constant_(module.spread_bias, FIRST_STEP)
        elif isinstance(module, Profile):
            nn.init.zeros_(module.out.weight)
            nn.init.constant_(module.memory, math.log(self.config.context_length / FIRST_MEMORY))
            nn.init.trunc_normal_(module.rows.weight, std=SMALL * module.rows.in_features**-0.5)
        elif isinstance(module, AheadHead):
            nn.init.normal_(module.steps, std=0.02)
            nn.init.zeros_(module.out.weight)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)
        elif isinstance(module, ForecasterLayer):
            for last in (module.time.out, module.across.out, module.narrow):
                nn.init.zeros_(last.weight)
        elif isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=module.in_features**-0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.RMSNorm):
            nn.init.ones_(module.weight)

    def forward(
        self,
        values: Tensor,
        observed: Tensor,
        calendar: Tensor,
        categories: Tensor | None = None,
        ahead: Tensor | None = None,
        ahead_categories: Tensor | None = None,
        zero: Tensor | None = None,
        static: Tensor | None = None,
        static_categories: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Give `forecast` [B, T, H, Q] on the scale of the inputs, ascending in Q, or `logits` [B, C]; both fp32.

        Beside a forecast `assumed` [B, T] is True where it follows from the training part and not from the history,
        and `thin` [B, T] where the history is flat or hardly observed.

        Shapes: values [B, L, V], observed [B, L, V] True where the value counts, calendar [B, L, F]. Values that are
        not finite count as missing. With covariates categories [B, L, C]; for each of the R steps up to the farthest
        horizon ahead [B, R, A], which holds the K numbers that are known ahead, whether each is known, and the
        calendar, and ahead_categories [B, R, Ck]; zero [B, T], what 0 is on the scale of the targets; static [B, S]
        and static_categories [B, E] of the series. Category 0 is one that is not known.
        """
        beside = (categories, ahead, ahead_categories, zero, static, static_categories)
        told = {name: tensor for name, tensor in zip(TOLD, beside, strict=True) if tensor is not None}
        history = self.history(values, observed, calendar, **told)
        tokens, there = self._tokens(history, calendar)  # [B, V, N, D], [B, V, N]
        if self.covariates is not None:
            of_categories, is_there = self.covariates.tokens(told["categories"])
            of_categories = of_categories + self.variables[self.config.num_inputs :, None]
            tokens, there = torch.cat([tokens, of_categories], dim=1), torch.cat([there, is_there], dim=1)
            tokens = tokens + self.covariates.of_series(told["static"], told["static_categories"])[:, None, None]
        for layer in self.layers:
            tokens = layer(tokens, there)
        weight = there.unsqueeze(-1).to(tokens.dtype)
        pooled = (self.norm(tokens) * weight).sum(2) / weight.sum(2).clamp_min(1.0)  # [B, V, D]
        if self.config.num_classes:
            return {"logits": self.classes(self.dropout(pooled).mean(1)).float()}
        targets = self.config.num_targets
        with torch.autocast(values.device.type, enabled=False):
            known = None
            if self.covariates is not None and self.ahead is not None:
                steps = self.covariates.steps(told["ahead"], told["ahead_categories"])[:, self._places_ahead]
                known = self.ahead(pooled[:, :targets].float(), steps)
            own = self.head(history.values[:, :targets], self.dropout(pooled[:, :targets].float()), known)
            wide = history.level[:, :targets, :, None] + self._normal_quantiles(own)  # [B, T, 1, Q]
            learnt = torch.tensor(self.config.thin_targets, device=own.device)
            assumed = history.is_thin[:, :targets, 0] & ~learnt  # [B, T]
            found = own * (history.scale * history.ratio)[..., None] + history.centre_ahead[..., None]
            forecast = torch.where(assumed[..., None, None], wide, found)
            return {"forecast": forecast, "assumed": assumed, "thin": history.is_thin[:, :targets, 0]}

    @property
    def _places_ahead(self) -> list[int]:
        return [step - 1 for step in self.config.horizons]

    def history(self, values: Tensor, observed: Tensor, calendar: Tensor, **told: Tensor) -> History:
        """Bring each history to its own mean and standard deviation over what was observed.

        With covariates that of a target is what is left of what its profile expects.
        """
        known = (observed & values.isfinite()).transpose(1, 2)  # [B, V, L]
        raw = torch.where(known, values.transpose(1, 2), 0.0).float().clamp(-LARGEST_INPUT, LARGEST_INPUT)
        count = known.sum(-1, keepdim=True)
        level = raw.sum(-1, keepdim=True) / count.clamp_min(1)
        shifted = torch.where(known, raw - level, 0.0)
        deviation = _deviation(shifted, count)
        fewest = min(FEWEST_VALUES, max(2, raw.shape[-1] // FEWEST_SHARE))
        is_thin = (count < fewest) | (deviation < LEAST_SCALE)
        one, targets = torch.ones_like(deviation), self.config.num_targets
        if not self.config.instance_norm:
            unit = one[:, :targets]
            return History(raw, known, unit, torch.zeros_like(unit), unit, level, is_thin)
        scale = torch.where(is_thin, one, deviation)
        if self.profile is None:
            place = scale[:, :targets], level[:, :targets], one[:, :targets]
            return History(shifted / scale, known, *place, level, is_thin)
        if self.config.num_known:  # the same number means the same in each window, as it does ahead
            first = raw.shape[1] - self.config.num_known
            scale = torch.cat([scale[:, :first], one[:, first:]], dim=1)
            shifted = torch.cat([shifted[:, :first], bounded(raw[:, first:])], dim=1)
        with torch.autocast(values.device.type, enabled=False):
            expected = self._expected(raw, known, calendar, told)
        rest = torch.where(known[:, :targets], raw[:, :targets] - expected.past, 0.0)
        of_rest = _deviation(rest, count[:, :targets], LEAST_SCALE)
        own = torch.where(is_thin[:, :targets], one[:, :targets], of_rest)
        inputs = torch.cat([rest / own, (shifted / scale)[:, targets:]], dim=1)
        places = self._places_ahead
        return History(inputs, known, own, expected.ahead[..., places], expected.ratio[..., places], level, is_thin)

    def _expected(self, raw: Tensor, known: Tensor, calendar: Tensor, told: Mapping[str, Tensor]) -> Expected:
        """Ask the profile what it expects of the rows of a history and of the steps ahead."""
        assert self.covariates is not None
        assert self.profile is not None
        targets, first = self.config.num_targets, raw.shape[1] - self.config.num_known
        past = torch.cat([raw[:, first:], known[:, first:].to(raw.dtype), calendar.transpose(1, 2)], dim=1)
        categories = told["categories"][..., told["categories"].shape[-1] - self.covariates.num_known :]
        steps = self.covariates.steps(
            torch.cat([past.transpose(1, 2), told["ahead"]], dim=1),
            torch.cat([categories, told["ahead_categories"]], 1),
        )
        series = self.covariates.of_series(told["static"], told["static_categories"])
        return self.profile(raw[:, :targets], known[:, :targets], told["zero"], steps, series)

    def _normal_quantiles(self, like: Tensor) -> Tensor:
        return like.new_tensor([NormalDist().inv_cdf(level) for level in self.config.quantiles])

    def _tokens(self, history: History, calendar: Tensor) -> tuple[Tensor, Tensor]:
        """Cut into patches [B, V, N, D]; says which hold anything, too."""
        length, count = self.config.patch_length, self.config.num_patches
        filled = count * length - history.values.shape[-1]
        values = functional.pad(history.values, (filled, 0)).unflatten(-1, (count, length))  # [B, V, N, P]
        known = functional.pad(history.observed, (filled, 0)).unflatten(-1, (count, length))
        with torch.autocast(values.device.type, enabled=False):  # values may lie far beyond what fp16 holds
            tokens = self.patches(torch.cat([values, known.to(values.dtype)], dim=-1))
        tokens = tokens + self.positions + self.variables[: self.config.num_inputs, None]
        if self.calendar is not None:
            ends = calendar.flip(1)[:, ::length].flip(1)  # the last row of each patch, [B, N, F]
            tokens = tokens + self.calendar(ends)[:, None]
        return tokens, known.any(-1)


def _deviation(shifted: Tensor, count: Tensor, least: float = 0.0) -> Tensor:
    """Give the root of the mean square [B, V, 1] of what is 0 where nothing was observed, at least `least`.

    The square is bounded and not the root, whose slope at 0 has no end.
    """
    return (shifted.square().sum(-1, keepdim=True) / count.clamp_min(1)).clamp_min(least**2).sqrt()
