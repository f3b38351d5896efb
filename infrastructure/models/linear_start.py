"""Weights with which an encoder begins as the mean of what its tokens say by themselves."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

# Shares of the squared length of an embedding: the scores of the token that has most of them, and noise that tells
# tokens apart. The rest is equal in all tokens, so that norms leave scores and noise as they are.
SCORES_SHARE = 0.5
NOISE_SHARE = 0.2
NUM_CONSTANT = 2


@torch.no_grad()
def start_linear(model: Any, scores: NDArray[np.floating[Any]], bias: NDArray[np.floating[Any]]) -> None:
    """Let a ModernBERT classifier answer by the mean of `scores` [V, C] over the tokens, and `bias` [C].

    It must pool the mean and have a linear head. Attention and units add nothing until they learn; what tokens say by
    themselves is learnt, and stays. Of more labels than half the width, less is kept: the directions that say most.
    """
    table: nn.Embedding = model.get_input_embeddings()
    width = table.weight.shape[1]
    content, directions = _directions(torch.from_numpy(scores).double(), width // 2)  # [V, R], [R, C]
    scale = float(content.norm(dim=1).max().clamp_min(1e-12)) / math.sqrt(SCORES_SHARE * width)
    axes = _axes(width - NUM_CONSTANT)
    rank = content.shape[1]
    noise = torch.randn(len(content), len(axes) - rank, dtype=torch.float64)
    noise *= math.sqrt(NOISE_SHARE * width) / noise.norm(dim=1, keepdim=True)
    inner = content / scale @ axes[:rank] + noise @ axes[rank:]  # [V, width - 2]
    rest = ((width - inner.square().sum(dim=1, keepdim=True)) / NUM_CONSTANT).sqrt()
    embeddings = torch.cat([rest, -rest, inner], dim=1)  # of mean 0 and variance 1, which a norm does not change
    if table.padding_idx is not None:
        embeddings[table.padding_idx] = 0.0
    table.weight.copy_(embeddings)
    table.weight.requires_grad_(False)
    for layer in model.model.layers:
        layer.attn.Wo.weight.zero_()
        layer.mlp.Wo.weight.zero_()
        # What is equal in all tokens would else be most of what a layer sees.
        layer.attn.Wqkv.weight[:, :NUM_CONSTANT] = 0.0
        layer.mlp.Wi.weight[:, :NUM_CONSTANT] = 0.0
    nn.init.eye_(model.head.dense.weight)
    # The norm of the head divides by what is left of the length once tokens are averaged.
    deviation = math.sqrt(NUM_CONSTANT / width) * float(rest.mean())
    weight = torch.zeros(width, directions.shape[1], dtype=torch.float64)
    weight[NUM_CONSTANT:] = axes[:rank].T @ directions * (scale * deviation)
    model.classifier.weight.copy_(weight.T)
    model.classifier.bias.copy_(torch.from_numpy(bias - bias.mean()))


def _directions(scores: Tensor, at_most: int) -> tuple[Tensor, Tensor]:
    """Divide scores [V, C], less what all labels share, into a product [V, R] @ [R, C] of orthonormal rows."""
    centred = scores - scores.mean(dim=1, keepdim=True)
    _, vectors = torch.linalg.eigh(centred.T @ centred)  # ascending
    kept = vectors[:, -min(at_most, scores.shape[1]) :]  # [C, R]
    return centred @ kept, kept.T


def _axes(size: int) -> Tensor:
    """Give `size - 1` orthonormal rows of which each has the mean 0."""
    random = torch.randn(size, size, dtype=torch.float64)
    random[:, 0] = 1.0
    return torch.linalg.qr(random).Q.T[1:]
