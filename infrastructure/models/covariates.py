"""What a forecaster is told beside values: embedded, turned into what it expects of each step, and read there."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.configuration_utils import PreTrainedConfig

from infrastructure.models.forecaster_layers import NORM_EPS

TOLD = ("categories", "ahead", "ahead_categories", "zero", "static", "static_categories")
LARGEST_KNOWN = 1e4  # of what is known beside the history, which is multiplied with itself
CATEGORY_WIDTH = 8  # of what stands for the category of a step
# An effect is a factor of e to at most this.
LARGEST_EFFECT = 8.0
LARGEST_RATIO = 10.0  # of what a step is expected to be to what a history was, for how wide its band is
FIRST_MEMORY = 4  # a history is forgotten at first over one in so many of its rows
FARTHEST_ZERO = 100.0  # standard deviations
TINY = 1e-6


class CovariateEncoder(nn.Module):
    """Embeds what is told beside values: categories by step and by series, and the numbers of a series.

    Source of embeddings for the categories of a series: Salinas et al., Int. J. Forecasting 36 (2020).
    """

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__()
        self.width = width = config.hidden_size
        self.patch_length, self.num_patches = config.patch_length, config.num_patches
        self.num_known = config.num_known_categories
        self.categories = nn.ModuleList(nn.Embedding(size + 1, CATEGORY_WIDTH) for size in config.category_sizes)
        self.patches = nn.ModuleList(
            nn.Linear(config.patch_length * CATEGORY_WIDTH, width) for _ in config.category_sizes
        )
        self.static = nn.Linear(config.num_static, width, bias=False) if config.num_static else None
        self.static_categories = nn.ModuleList(nn.Embedding(size + 1, width) for size in config.static_sizes)

    def tokens(self, categories: Tensor) -> tuple[Tensor, Tensor]:
        """Cut columns of categories [B, L, C] into patches [B, C, N, D]; says which hold any that is known."""
        length, count = self.patch_length, self.num_patches
        padded = functional.pad(categories, (0, 0, count * length - categories.shape[1], 0))
        patches = padded.transpose(1, 2).unflatten(-1, (count, length))  # [B, C, N, P]
        found = [
            patch(embedding(patches[:, place]).flatten(-2))
            for place, (patch, embedding) in enumerate(zip(self.patches, self.categories, strict=True))
        ]
        is_known = (patches > 0).any(-1)
        if not found:
            return is_known.new_zeros(*is_known.shape, self.width, dtype=torch.float32), is_known
        return torch.stack(found, dim=1), is_known

    def of_series(self, static: Tensor, categories: Tensor) -> Tensor:
        """Give what each series is [B, D], of its numbers [B, S] and categories [B, E]."""
        found = static.new_zeros(len(static), self.width) if self.static is None else self.static(bounded(static))
        for place, embedding in enumerate(self.static_categories):
            found = found + embedding(categories[:, place])
        return found

    def steps(self, numbers: Tensor, categories: Tensor) -> Tensor:
        """Give what is known of steps [B, R, A + Ck * E], of numbers [B, R, A] and categories [B, R, Ck]."""
        known = list(self.categories)[len(self.categories) - self.num_known :]
        embedded = [embedding(categories[..., place]) for place, embedding in enumerate(known)]
        return torch.cat([bounded(numbers), *(found.float() for found in embedded)], dim=-1)


def bounded(known: Tensor) -> Tensor:
    """Bring what is known to sizes that fp32 can bear the squares of; what is no number says nothing."""
    return known.nan_to_num(0.0).clamp(-LARGEST_KNOWN, LARGEST_KNOWN)


def step_width(config: PreTrainedConfig) -> int:
    """Count the numbers that `CovariateEncoder.steps` gives for a step."""
    width: int = 2 * config.num_known + config.num_calendar + CATEGORY_WIDTH * config.num_known_categories
    return width


@dataclass(frozen=True)
class Expected:
    """What is expected of the rows of a history [B, T, L] and of the steps ahead [B, T, R], on the scale of the inputs.

    `ratio` [B, T, R] is how large a step is beside the history, 1 where effects are added.
    """

    past: Tensor
    ahead: Tensor
    ratio: Tensor


class Profile(nn.Module):
    """Expects of each row what is known of it: its effect, learnt for all series together, on the level of the window.

    Effects of targets that are never negative are factors, those of others are added. The level is the mean of the
    history without its effects, the latest rows counting most: of factors the ratio of what came to what they would
    have made of a level of 1, so that a day on which nothing can be sold tells nothing of it. It begins without any
    effect: the level is then all that is expected, as with reversible instance normalisation (Kim et al., ICLR 2022).
    Source of the idea: effects estimated for all series and divided out, as seasonal indices are in retail forecasting.
    """

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__()
        width, targets = config.hidden_size, config.num_targets
        self.reach = config.patch_length  # rows on either side that tell of one: a campaign tells of the days behind it
        self.rows = nn.Linear(step_width(config) * (2 * self.reach + 1), 2 * width, bias=False)
        self.series = nn.Linear(width, 2 * width)
        self.mixed = nn.Linear(width, 2 * width)
        self.dropout = nn.Dropout(config.dropout)
        self.out = nn.Linear(width, targets, bias=False)
        self.memory = nn.Parameter(torch.empty(targets))  # logarithms of rows
        self.ratio_targets = tuple(config.ratio_targets)

    def effects(self, steps: Tensor, series: Tensor) -> Tensor:
        """Give the effects [B, T, R] of rows [B, R, A] of series [B, D]."""
        around = functional.pad(steps, (0, 0, self.reach, self.reach)).unfold(1, 2 * self.reach + 1, 1)
        read = self.rows(around.flatten(2)) + self.series(series)[:, None]
        content, gate = read.chunk(2, dim=-1)
        hidden = content * functional.silu(gate)
        hidden = self.dropout(hidden)
        content, gate = self.mixed(hidden).chunk(2, dim=-1)
        found: Tensor = self.out(hidden + content * functional.silu(gate)).transpose(1, 2)
        return found.clamp(-LARGEST_EFFECT, LARGEST_EFFECT)

    def forward(self, values: Tensor, observed: Tensor, zero: Tensor, steps: Tensor, series: Tensor) -> Expected:
        """Expect something of each row.

        Shapes: values and observed [B, T, L], zero [B, T] what 0 is on the scale of the values, steps [B, L + R, A],
        series [B, D].
        """
        length = values.shape[-1]
        effects = self.effects(steps, series)
        zero = zero[..., None]
        # Far from 0 a factor is next to 1, and fp32 would lose in it what values differ by.
        is_ratio = torch.tensor(self.ratio_targets, device=values.device)[:, None] & (zero.abs() < FARTHEST_ZERO)
        age = torch.arange(length - 1, -1, -1, device=values.device)
        weight = torch.exp(-age / self.memory.exp()[:, None]) * observed  # [B, T, L]
        factors = torch.where(is_ratio, effects, 0.0).exp()  # [B, T, L + R]
        past, ahead = factors[..., :length], factors[..., length:]
        made = (weight * past).sum(-1, keepdim=True)
        of_ratio = (weight * (values - zero)).sum(-1, keepdim=True) / (made + TINY)
        count = weight.sum(-1, keepdim=True)
        of_sum = (weight * (values - effects[..., :length])).sum(-1, keepdim=True) / (count + TINY)
        expected = torch.where(is_ratio, of_ratio * factors + zero, of_sum + effects)
        usual = made / (count + TINY)
        ratio = torch.where(is_ratio, ahead / (usual + TINY), 1.0).clamp(max=LARGEST_RATIO)
        return Expected(expected[..., :length], expected[..., length:], ratio)


class AheadHead(nn.Module):
    """Bends the median and the spread at each step by what is known of it beforehand, in the light of the history."""

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__()
        width = config.hidden_size
        known = step_width(config)
        self.steps = nn.Parameter(torch.empty(len(config.horizons), 2 * width))
        self.known = nn.Linear(known, 2 * width, bias=False) if known else None
        self.history = nn.Linear(width, 2 * width)
        self.norm = nn.RMSNorm(width, eps=NORM_EPS)
        self.dropout = nn.Dropout(config.dropout)
        self.out = nn.Linear(width, len(config.quantiles), bias=False)

    def forward(self, tokens: Tensor, known: Tensor) -> Tensor:
        """Give [B, T, H, Q]: what is added to the median, and to the steps away from it.

        Shapes: tokens [B, T, D], known [B, H, A].
        """
        mixed = self.history(tokens)[:, :, None] + self.steps  # [B, T, H, 2 D]
        if self.known is not None:
            mixed = mixed + self.known(known)[:, None]
        content, gate = mixed.chunk(2, dim=-1)
        return self.out(self.dropout(self.norm(content * functional.silu(gate))))
