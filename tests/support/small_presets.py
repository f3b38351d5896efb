"""The presets with fewer weights, for tests that train what a command names and look at everything but its size."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from infrastructure.models import presets

ENCODER: Mapping[str, int] = {"hidden_size": presets.HEAD_SIZE, "num_layers": 1, "intermediate_size": 64}
WRITER: Mapping[str, int] = {"hidden_size": 32, "num_layers": 1, "num_heads": 2, "intermediate_size": 64}


def small_presets(patch: pytest.MonkeyPatch) -> None:
    """Let each preset of this process have the shape of a small one; forecasters are small enough."""
    sizes: tuple[tuple[Any, Mapping[str, int]], ...] = (
        (presets.ENCODERS, ENCODER),
        (presets.FLOW_READERS, WRITER),
        (presets.DECODERS, WRITER),
        (presets.ENCODER_DECODERS, WRITER),
    )
    for known, shape in sizes:
        for name, size in known.items():
            patch.setitem(known, name, replace(size, **shape))
