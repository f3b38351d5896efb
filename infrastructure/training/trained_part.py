"""What of a model a training changes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from infrastructure.training.model_weights import unwrapped_names

if TYPE_CHECKING:
    from infrastructure.models.freezing import FrozenBase  # which would bring the transformers library


@dataclass(frozen=True)
class TrainedPart:
    """All of a model, or what is left of it without the weights that its base brings again.

    States, averages and what they take on disk are made of this. Buffers belong to it: a training may change them.
    Weights that are frozen without a base belong to it too, for nobody knows whether they can be had again.
    """

    model: nn.Module
    base: "FrozenBase | None" = None

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Give the parameters by name, shared ones once."""
        for name, parameter in self.model.named_parameters():
            if self.base is None or not self.base.holds(name):
                yield name, parameter

    def state_dict(self) -> dict[str, Any]:
        """Give what a checkpoint holds of the model, by names without those of wrappers. Raises: CheckpointError."""
        state = unwrapped_names(self.model.state_dict(), self.model)
        return {name: value for name, value in state.items() if self.base is None or not self.base.holds(name)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave. Raises: RuntimeError and others of torch for the state of another model."""
        if self.base is None:
            self.model.load_state_dict(state)
            return
        if differing := self.state_dict().keys() ^ state.keys():
            raise KeyError(f"{len(differing)} tensors are of another part: {', '.join(sorted(differing)[:3])}")
        self.model.load_state_dict(state, strict=False)
