"""The scale of the loss under fp16."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

FIRST_SCALE = 2.0**16
STEPS_BETWEEN_GROWTHS = 2000


class LossScaler:
    """Searches the greatest scale that lets no gradient overflow: halved with each that does, doubled after a while.

    That of torch keeps what it has seen of gradients between two calls, and wants a pass over them of its own. Here
    both are on the device, `scale` and the number of steps since it last changed, and the host waits for neither.
    Source: Micikevicius et al., Mixed Precision Training, ICLR 2018, section 3.2.
    """

    def __init__(self, device: torch.device) -> None:
        self.scale = torch.full((), FIRST_SCALE, device=device)
        self._num_good = torch.zeros((), dtype=torch.int32, device=device)

    def update(self, found_inf: Tensor) -> None:
        """Learn from a step; `found_inf` is 1.0 where its gradient was not finite, else 0.0."""
        dropped = found_inf.bool()
        num_good = torch.where(dropped, 0, self._num_good + 1)
        grows = num_good >= STEPS_BETWEEN_GROWTHS
        self.scale = torch.where(dropped, self.scale * 0.5, torch.where(grows, self.scale * 2.0, self.scale))
        self._num_good = torch.where(grows, 0, num_good)

    def state_dict(self) -> dict[str, Any]:
        """Give the state, by the names that torch has for it."""
        return {"scale": self.scale.item(), "_growth_tracker": int(self._num_good.item())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave, or that of torch."""
        self.scale.fill_(state["scale"])
        self._num_good.fill_(state["_growth_tracker"])
