"""Weights as they travel: names without wrappers, files of other programs opened without running their code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from domain.exceptions import CheckpointError

_WRAPPER_NAMES = ("module", "_orig_mod")
_WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)


def unwrapped_names(state: Mapping[str, Any], model: Any = None) -> dict[str, Any]:
    """Rename the entries of a model's state as if no DataParallel and no compiler had wrapped it or a part of it.

    `module` and `_orig_mod` go wherever they stand in a name, save for a part of the `nn.Module` given as `model` that
    its author called so. Raises: CheckpointError when two entries would have one name.
    """
    own = _own_parts(model) if isinstance(model, nn.Module) else set()
    renamed: dict[str, Any] = {}
    for name, value in state.items():
        parts = name.split(".")
        stay = [
            part
            for position, part in enumerate(parts)
            if part not in _WRAPPER_NAMES or position == len(parts) - 1 or ".".join(parts[: position + 1]) in own
        ]
        plain = ".".join(stay)
        if plain in renamed:
            raise CheckpointError(
                f"two entries of the model are called {plain!r} once wrappers are set aside.",
                remedy="Rename the part of the model that is called 'module' or '_orig_mod'.",
            )
        renamed[plain] = value
    return renamed


def open_foreign_weights(path: str | Path) -> dict[str, Any]:
    """Open the weights of another program, `.safetensors`, `.pt`, `.pth` or `.bin`, without running code from them.

    Gives the mapping that the file holds, tensors on the CPU. Raises: CheckpointError when it cannot be opened safely.
    """
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if path.suffix not in (".pt", ".pth", ".bin"):
            raise CheckpointError(
                f"{path.name} has the ending {path.suffix!r}, but weights end in .safetensors, .pt, .pth or .bin.",
                remedy="Convert or rename the file.",
            )
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist.", remedy="Check the path.") from error
    except SafetensorError as error:
        raise CheckpointError(f"{path.name} is damaged: {error}.", remedy="Copy the file again.") from error
    except Exception as error:  # torch.load names no set of exceptions for a file that is not what it should be
        raise CheckpointError(
            f"{path.name} is refused: it is damaged or holds more than plain tensors.",
            remedy="Save it again as .safetensors, or with torch.save(model.state_dict(), ...).",
        ) from error
    if not isinstance(weights, dict):
        raise CheckpointError(
            f"{path.name} holds a {type(weights).__name__}, but must hold a mapping of names to tensors.",
            remedy="Save it again with torch.save(model.state_dict(), ...).",
        )
    return dict(weights)


def _own_parts(model: nn.Module) -> set[str]:
    """Give the paths of parts that are called like a wrapper's inside but belong to none."""
    return {
        f"{path}.module".removeprefix(".")
        for path, owner in model.named_modules(remove_duplicate=False)
        if "module" in owner._modules and not isinstance(owner, _WRAPPERS)
    }
