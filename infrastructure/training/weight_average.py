"""A moving average of the weights, which generalises better than the weights of any one step."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import torch
from torch import Tensor, nn

from domain.schedule import average_decay
from infrastructure.spread_tensors import held
from infrastructure.training.applied_steps import AppliedSteps
from infrastructure.training.trained_part import TrainedPart

# The average moves by little in a step; taking every fourth one makes it four times as cheap.
STEPS_PER_UPDATE = 4


class WeightAverage:
    """Follows the parameters of a model, or of what of it is trained, as an exponential moving average.

    Early on the average is short, so that it forgets the random beginning: see `average_decay`.
    Source: Polyak and Juditsky, SIAM J. Control Optim. 30 (1992), in its exponential form.
    """

    def __init__(self, model: nn.Module | TrainedPart, decay: float) -> None:
        self._decay = decay
        self._average = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module | TrainedPart, before: AppliedSteps, found_inf: Tensor | None = None) -> None:
        """Take in the weights behind a step, before which so many were applied, unless it was dropped.

        `found_inf` [] says so by 1.0, else 0.0.
        """
        if not any(before.values(self._weight_after)):
            return
        parameters = dict(model.named_parameters())
        averages, values = list(self._average.values()), [parameters[name] for name in self._average]
        weight = before.chosen(self._weight_after, averages[0].device)
        if found_inf is not None:
            weight = weight * (1.0 - found_inf)
        if isinstance(weight, Tensor) and weight.is_cuda:  # which is not asked, for the host would wait
            torch._foreach_lerp_([held(one) for one in averages], [held(one) for one in values], [weight] * len(values))
        elif number := float(weight):
            torch._foreach_lerp_(averages, values, number)

    def _weight_after(self, applied_steps: int) -> float:
        """Tell how much the next step weighs once so many were applied."""
        number = applied_steps + 1
        # Every step of the first ones: else a run shorter than this would save the weights it began with.
        if number % STEPS_PER_UPDATE and number > STEPS_PER_UPDATE:
            return 0.0
        return 1.0 - average_decay(self._decay, number // STEPS_PER_UPDATE)

    @contextmanager
    def standing_in(self, model: nn.Module | TrainedPart) -> Iterator[None]:
        """Let the model have the averaged weights inside the block, and its own again behind it."""
        own = {name: p.detach().clone() for name, p in model.named_parameters() if name in self._average}
        _assign(model, self._average)
        try:
            yield
        except BaseException:
            # A pass of fsdp that was broken off leaves weights together, which take no rows. Why it was, matters more.
            with suppress(RuntimeError):
                _assign(model, own)
            raise
        _assign(model, own)

    def settle_in(self, model: nn.Module | TrainedPart) -> None:
        """Give the model the averaged weights for good."""
        _assign(model, self._average)

    def state_dict(self) -> dict[str, Tensor]:
        """Give the averaged weights by name."""
        return dict(self._average)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up what `state_dict` gave."""
        for name, tensor in self._average.items():
            tensor.copy_(state[name])


@torch.no_grad()
def _assign(model: nn.Module | TrainedPart, values: Mapping[str, Tensor]) -> None:
    for name, parameter in model.named_parameters():
        if name in values:
            parameter.copy_(values[name])
