"""Linear layers whose products are computed in numbers of eight bits, by torchao."""

from importlib.util import find_spec

import torch
from torch import nn

from domain.exceptions import ConfigurationError

# Hopper; kernels of products in fp8 with scales in both passes.
LEAST_CAPABILITY = (9, 0)
# The kernels take sides of whole pieces of 16 bytes.
MULTIPLE = 16


def require_fp8(device: torch.device) -> None:
    """Want what products in fp8 need. Raises: ConfigurationError."""
    capability = torch.cuda.get_device_capability(device) if device.type == "cuda" else (0, 0)
    if capability < LEAST_CAPABILITY:
        raise ConfigurationError(
            f"precision fp8 needs a GPU of compute capability {'.'.join(map(str, LEAST_CAPABILITY))}, Hopper or later, "
            f"and {device} is none.",
            remedy="Use precision auto.",
        )
    if find_spec("torchao") is None:
        raise ConfigurationError(
            "precision fp8 needs the package torchao.", remedy='Install it with: pip install "athanor[fp8]".'
        )


def use_fp8_products(model: nn.Module, *, emulated: bool = False) -> None:
    """Let the linear layers of a model that are trained round factors to fp8; their weights and names stay.

    Each factor has a scale of its own, found anew at each use; sums are taken in fp32. What scores tokens stays as it
    is, and so do layers whose sides the kernels do not take. `emulated` computes the same anywhere, and slowly.
    Source: Micikevicius et al., FP8 Formats for Deep Learning (2022).
    Raises: ConfigurationError when no layer is left.
    """
    from torchao.float8 import Float8LinearConfig, convert_to_float8_training
    from torchao.float8.float8_linear import Float8Linear

    if any(isinstance(module, Float8Linear) for module in model.modules()):
        return  # it was, when the training was measured
    find_head = getattr(model, "get_output_embeddings", None)
    head = find_head() if find_head is not None else None
    chosen = [
        module
        for module in model.modules()
        if type(module) is nn.Linear
        and module is not head
        and module.weight.requires_grad
        and not any(side % MULTIPLE for side in module.weight.shape)
    ]
    if not chosen:
        raise ConfigurationError(
            "precision is fp8, but the model trains no linear layer whose sides are multiples of 16.",
            remedy="Use precision bf16.",
        )
    convert_to_float8_training(
        model,
        module_filter_fn=lambda module, _: any(module is one for one in chosen),
        config=Float8LinearConfig(emulate=emulated),
    )
