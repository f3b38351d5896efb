"""Weights that are not trained, in the number format in which they are computed with."""

from typing import Any

import torch
from torch import Tensor, nn


def keep_frozen_in(model: nn.Module, form: torch.dtype, with_tables: bool = False) -> None:
    """Keep the frozen matrices of linear layers in the format of the products, which halves what they take.

    Autocast brings them to this format at each use anyhow, so a model computes what it would have. With tables of
    embeddings, which give fp32 as before, their numbers are rounded to it. Norms are small and stay as they are, and so
    does what is no plain layer: some scale what they look up by a number that would be rounded too.
    """
    if form == torch.float32:
        return
    from transformers.pytorch_utils import Conv1D

    plain = (nn.Linear, Conv1D, nn.Embedding) if with_tables else (nn.Linear, Conv1D)
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
