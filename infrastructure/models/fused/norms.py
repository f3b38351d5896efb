"""Norms that give the format of the products behind them."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def layer_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
    """Normalise the last dimension, for a linear layer.

    Shapes: x and result [..., D], weight and bias [D]. Statistics are taken in fp32; the result has the format in which
    autocast multiplies, so that it is rounded once and not at each product that takes it.
    """
    normalised: Tensor = _LayerNorm.apply(x, weight, bias, eps, product_format(x))
    return normalised


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Bring the last dimension to a mean square of one, for a linear layer.

    Shapes: x and result [..., D], weight [D]. Computed in fp32; the result has the format in which autocast multiplies.
    Source: Zhang and Sennrich, Root Mean Square Layer Normalization, NeurIPS 2019.
    """
    normalised: Tensor = _RMSNorm.apply(x, weight, eps, product_format(x))
    return normalised


def product_format(x: Tensor) -> torch.dtype:
    """Say in which format a linear layer multiplies `x` here."""
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype


class _LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float, form: torch.dtype
    ) -> Tensor:
        normalised, mean, rstd = torch.native_layer_norm(x, x.shape[-1:], weight, bias, eps)
        ctx.save_for_backward(x, weight, bias, mean, rstd)
        return normalised.to(form)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        x, weight, bias, mean, rstd = ctx.saved_tensors
        found = torch.ops.aten.native_layer_norm_backward(
            gradient.to(x.dtype), x, x.shape[-1:], mean, rstd, weight, bias, list(ctx.needs_input_grad[:3])
        )
        return *found, None, None


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float, form: torch.dtype) -> Tensor:
        wide = _widened(x)
        scale = wide.square().mean(-1, keepdim=True).add_(eps).rsqrt_()  # [..., 1]
        ctx.save_for_backward(x, weight, scale)
        return (wide * scale).mul_(weight).to(form)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, weight, scale = ctx.saved_tensors
        size = x.shape[-1]
        wide, gradient, weighing = _widened(x), _widened(gradient), _widened(weight)
        products = (gradient * wide).reshape(-1, size)
        of_weight = torch.mv(products.t(), scale.view(-1))
        pulled = torch.mv(products, weighing).view_as(scale).mul_(scale.pow(3)).div_(size)
        of_x = (gradient * weighing).mul_(scale).addcmul_(wide, pulled, value=-1.0)
        return of_x.to(x.dtype), of_weight.to(weight.dtype), None, None


def _widened(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))
