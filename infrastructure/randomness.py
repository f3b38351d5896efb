"""Random numbers that belong to one run, though torch has one generator for the whole process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# One lock and not one for each device: what draws on a GPU may draw on the CPU as well, as layer dropout does.
_DRAWING = threading.RLock()


@contextmanager
def drawing(device: torch.device) -> Iterator[None]:
    """Let torch draw for one caller alone, who calls `draw_from` first; behind the block its generators are as before.

    Two runs in threads of one process take turns here, so that neither changes what the other draws.
    """
    cuda = list(range(torch.cuda.device_count())) if device.type == "cuda" else []
    with _DRAWING, torch.random.fork_rng(devices=cuda):
        yield


def draw_from(seed: int, device: torch.device) -> None:
    """Begin the generators that work on `device` draws from at `seed`."""
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would touch the GPUs of other programs as well
    else:
        torch.manual_seed(seed)
