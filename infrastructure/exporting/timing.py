"""How long two models take for the same rows, by turns."""

import time
from statistics import median

import torch
from torch import nn

from domain.export import Speed
from infrastructure.exporting.graph import Tensors

WARM_UPS = 3
TURNS = 25
SECONDS = 3.0  # after which no further turn begins


@torch.inference_mode()
def timed(before: nn.Module, after: nn.Module, inputs: Tensors) -> Speed:
    """Ask both the same, [B, L, ...] by name, by turns; gives the medians."""
    sides = (before, after)
    for _ in range(WARM_UPS):
        for side in sides:
            side(**inputs)
    taken: tuple[list[float], list[float]] = ([], [])
    ends = time.perf_counter() + SECONDS
    for turn in range(TURNS):
        if turn and time.perf_counter() > ends:
            break
        for seconds, side in zip(taken, sides, strict=True):
            began = time.perf_counter()
            side(**inputs)
            seconds.append(time.perf_counter() - began)
    rows, tokens = next(iter(inputs.values())).shape[:2]
    return Speed(rows, tokens, *(1000 * median(seconds) for seconds in taken))
