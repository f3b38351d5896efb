"""Frozen weights in the number format in which a training computes with them."""

from typing import Any

import torch
from torch import Tensor, nn

from infrastructure.models.adapters.layers import has_adapters


def keep_frozen_in(model: nn.Module, form: torch.dtype) -> None:
    """Keep the frozen matrices of an adapted model in the format of its products, which halves what they take.

    Autocast brings the matrices of linear layers to this format anyhow, so they compute what they would have. Tables of
    embeddings give fp32 as before, with numbers rounded to it. Norms are small and stay as they are, and so does what
    is no plain layer: some scale what they look up by a number that would be rounded too.
    """
    if form == torch.float32 or not has_adapters(model):
        return
    from transformers.pytorch_utils import Conv1D

    plain = (nn.Linear, Conv1D, nn.Embedding)
    elsewhere = {id(p) for module in model.modules() if type(module) not in plain for p in module._parameters.values()}
    for module in model.modules():
        if type(module) not in plain:
            continue
        for parameter in module.parameters(recurse=False):
            if parameter.dtype == torch.float32 and not parameter.requires_grad and id(parameter) not in elsewhere:
                parameter.data = parameter.data.to(form)
        if isinstance(module, nn.Embedding) and module.weight.dtype == form:
            module.register_forward_hook(_widened)


def _widened(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return output.float()
