"""How many steps were applied, where the host may not know it yet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class AppliedSteps:
    """Count the steps that were applied before another: `known` to the host, and of some that their device alone knows.

    `in_flight` has for each of those a number [] on the device, 1.0 where it was applied and 0.0 where it was dropped;
    None where the host always knows.
    """

    known: int
    in_flight: Sequence[Tensor] | None = None

    def values(self, value_after: Callable[[int], float]) -> list[float]:
        """List what `value_after` as many steps may be."""
        return [value_after(self.known + more) for more in range(len(self.in_flight or ()) + 1)]

    def chosen(self, value_after: Callable[[int], float], device: torch.device) -> float | Tensor:
        """Give `value_after` as many steps as were applied: a number [] of the device where the host may not know.

        That also where none is in flight, so that a run that goes on there rounds as an undisturbed one does.
        """
        first, *others = self.values(value_after)
        if self.in_flight is None:
            return first
        # The kernels of a GPU take a rate in fp32.
        form = torch.float32 if device.type == "cuda" else torch.float64
        found = torch.full((), first, dtype=form, device=device)
        for more, value in enumerate(others, start=1):
            found = torch.where(torch.stack(list(self.in_flight)).sum() >= more, value, found)
        return found
