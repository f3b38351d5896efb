"""Models of which one process has the weights and the others have the shape alone."""

from copy import deepcopy

import torch
from torch import nn


def skeleton_of(model: nn.Module) -> nn.Module:
    """Give a copy whose weights have shapes and no content; buffers, which are small, have theirs."""
    # What is copied already, as far as the copying knows.
    known: dict[int, object] = {
        id(one): nn.Parameter(torch.empty_like(one, device="meta"), one.requires_grad) for one in model.parameters()
    }
    return deepcopy(model, known)


def give_memory(part: nn.Module, device: torch.device) -> None:
    """Let weights without content have memory, of whatever content, the shared ones once.

    On a processor memory that nobody writes to takes none.
    """
    known: dict[int, nn.Parameter] = {}
    for module in part.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.is_meta:
                if id(parameter) not in known:
                    empty = torch.empty_like(parameter, device=device)
                    known[id(parameter)] = nn.Parameter(empty, parameter.requires_grad)
                module.register_parameter(name, known[id(parameter)])
