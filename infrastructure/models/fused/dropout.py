"""Dropout on a CPU, where drawing random numbers one by one costs more than what is done with them."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# torch compares the lower bits of 64 random ones, as many as a double has, with the probability.
_PRECISION = 53


# In so many parts, which take as many bits, chance is cut where its draws need not be those of torch.
_PARTS = 2**16


def dropout(x: Tensor, probability: float) -> Tensor:
    """Zero numbers of `x`, any shape, with `probability`, and make the others so much larger that sums stay the same.

    Draws from torch's generator of the CPU, and the same as `torch.nn.functional.dropout` does on AMD and ARM: integers
    compared all at once instead of doubles one by one. On Intel torch draws from MKL instead, and differs.
    """
    dropped: Tensor = _Dropout.apply(x, probability)
    return dropped


def short_dropout(x: Tensor, probability: float) -> Tensor:
    """Do the same by 16 random bits a number, four of which come from one draw: other draws, at a sixth of the price.

    The probability is rounded to a multiple of 2^-16, and the factor of what is kept belongs to the rounded one.
    """
    dropped: Tensor = _ShortDropout.apply(x, probability)
    return dropped


def short_draws(shape: torch.Size, probability: float) -> tuple[Tensor, float]:
    """Draw what is kept, as ones and zeros in a byte each, and say by what it is multiplied."""
    count = math.prod(shape)
    bits = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None).view(torch.int16)[:count]
    parts = max(round((1.0 - probability) * _PARTS), 1)
    torch.lt(bits, parts - _PARTS // 2, out=bits)
    return bits.to(torch.int8).view(shape), _PARTS / parts


class _ShortDropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, probability: float) -> Tensor:
        kept, ctx.factor = short_draws(x.shape, probability)
        ctx.save_for_backward(kept)
        return kept.to(x.dtype).mul_(ctx.factor).mul_(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (kept,) = ctx.saved_tensors
        return kept.to(gradient.dtype).mul_(ctx.factor).mul_(gradient), None


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, probability: float) -> Tensor:
        kept = 1.0 - probability
        bits = torch.empty(x.shape, dtype=torch.int64).random_(-(2**63), None)
        bits.bitwise_and_(2**_PRECISION - 1)
        torch.lt(bits, math.ceil(kept * 2**_PRECISION), out=bits)  # into bools it would take five times as long
        factors = bits.to(x.dtype).div_(kept)
        ctx.save_for_backward(factors)
        return x * factors

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (factors,) = ctx.saved_tensors
        return gradient * factors, None
