"""Layers of a forecaster: attention over time and variables, and the head that gives quantiles."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.configuration_utils import PreTrainedConfig
from transformers.modeling_layers import GradientCheckpointingLayer

NORM_EPS = 1e-6
# Share of a bend that a walk takes: where nothing in its own past tells where it goes, the rest seldom does.
WALK_BEND = 0.1


class ForecasterLayer(GradientCheckpointingLayer):
    """Attention over the patches of a variable, then over the variables at a patch, then a gated unit."""

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.norms = nn.ModuleList(nn.RMSNorm(width, eps=NORM_EPS) for _ in range(3))
        self.time = Attention(width, config.num_heads)
        self.across = Attention(width, config.num_heads)
        self.wide = nn.Linear(width, 4 * width, bias=False)
        self.narrow = nn.Linear(2 * width, width, bias=False)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, tokens: Tensor, there: Tensor) -> Tensor:
        """Shapes: tokens and result [B, V, N, D], there [B, V, N] False for tokens that nobody may attend to."""
        tokens = tokens + self.dropout(self.time(self.norms[0](tokens), there))
        turned, there = self.norms[1](tokens).transpose(1, 2), there.transpose(1, 2)  # [B, N, V, D]
        tokens = tokens + self.dropout(self.across(turned, there)).transpose(1, 2)
        return tokens + self.dropout(self.narrow(self.opened(self.wide(self.norms[2](tokens)))))

    def opened(self, projected: Tensor) -> Tensor:
        """Multiply the first half of [..., 2 * N] by what the second lets through."""
        content, gate = projected.chunk(2, dim=-1)
        return content * functional.silu(gate)


class Attention(nn.Module):
    """Attention among the tokens of one axis."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.queries_keys_values = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, tokens: Tensor, there: Tensor) -> Tensor:
        """Shapes: tokens and result [..., S, D], there [..., S]. Where nothing is there, all is attended to alike."""
        size = tokens.shape[-1] // self.num_heads
        heads = self.queries_keys_values(tokens).unflatten(-1, (3, self.num_heads, size)).flatten(0, -5)
        queries, keys, values = heads.permute(2, 0, 3, 1, 4)  # each [*, heads, S, size]
        mask = (there | ~there.any(-1, keepdim=True)).flatten(0, -2)[:, None, None, :]  # [*, 1, 1, S]
        return self.out(self.attended(queries, keys, values, mask).flatten(-2)).view(tokens.shape)

    def attended(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """Shapes: queries, keys and values [*, heads, S, size], mask [*, 1, 1, S], result [*, S, heads, size]."""
        # The scores are small: two products and a softmax are faster on a CPU than torch's fused kernel with a mask.
        scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-1, -2)
        weights = torch.softmax(scores.masked_fill(~mask, torch.finfo(scores.dtype).min), dim=-1, dtype=torch.float32)
        return (weights.to(values.dtype) @ values).transpose(1, 2)


class QuantileHead(nn.Module):
    """The median by a line through the history and a bend by the tokens; the others by steps away from it."""

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__()
        num_horizons, num_quantiles = len(config.horizons), len(config.quantiles)
        # Where no level is a half, the one nearest to it takes the place of the median.
        self.middle = min(range(num_quantiles), key=lambda index: abs(config.quantiles[index] - 0.5))
        self.walks = config.walks
        self.linear: nn.Parameter | None = None
        if not all(self.walks):
            self.linear = nn.Parameter(torch.empty(num_horizons, config.context_length))
        self.bend = nn.Linear(config.hidden_size, num_horizons)
        self.spread: nn.Linear | None = None
        if num_quantiles > 1:  # a single one has no neighbour to keep away from
            self.spread = nn.Linear(config.hidden_size, num_horizons * (num_quantiles - 1), bias=False)
            self.spread_bias = nn.Parameter(torch.empty(config.num_targets, num_horizons, num_quantiles - 1))

    def forward(self, values: Tensor, tokens: Tensor, known: Tensor | None = None) -> Tensor:
        """Give quantiles [B, T, H, Q] on the window's own scale.

        Shapes: values [B, T, L], tokens [B, T, D], known [B, T, H, Q] what is known of the steps adds, to the median
        first.
        """
        bend = self.bend(tokens)  # [B, T, H]
        if any(self.walks):
            bend = bend * torch.tensor([[WALK_BEND if walks else 1.0] for walks in self.walks], device=bend.device)
        median = self.straight(values) + bend
        if known is not None:
            median = median + known[..., 0]
        if self.spread is None:
            return median.unsqueeze(-1)
        spread = self.spread(tokens).view(*median.shape, -1) + self.spread_bias
        steps = functional.softplus(spread if known is None else spread + known[..., 1:])
        above, below = [median], [median]
        # One addition after the other: a rounded sum never falls when something positive is added, a scan's may.
        for step in steps[..., self.middle :].unbind(-1):
            above.append(above[-1] + step)
        for step in steps[..., : self.middle].flip(-1).unbind(-1):
            below.append(below[-1] - step)
        return torch.stack([*reversed(below[1:]), *above], dim=-1)

    def straight(self, values: Tensor) -> Tensor:
        """Follow the line through each history, or repeat the last value of a walk: [B, T, L] gives [B, T, H]."""
        repeated = values[..., -1:].expand(*values.shape[:-1], self.bend.out_features)
        if self.linear is None:
            return repeated
        line = functional.linear(values, self.linear)
        if not any(self.walks):
            return line
        return torch.where(torch.tensor(self.walks, device=values.device)[:, None], repeated, line)
