"""A model as functions of named tensors, whoever computes them: torch, ONNX Runtime or an exported program."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

Tensors = Mapping[str, Tensor]
# Computes the outputs of one graph from its inputs, both by name.
Side = Callable[[Tensors], Tensors]
# What to do about a model that has no graphs, whatever the format: that of weights is compared by graphs, too.
AS_IT_IS = "Take its model directory as it is, which transformers opens too."


@dataclass(frozen=True)
class Graph:
    """One function of a model.

    `module` is called with the inputs by name and gives the outputs by name; `inputs` are an example of them, in their
    order, no axis of which that varies has a size of 0 or 1; `axes` names by input the axes that vary.
    """

    name: str
    module: nn.Module
    inputs: Tensors
    axes: Mapping[str, Sequence[int]]
    outputs: Sequence[str]

    def in_order(self) -> nn.Module:
        """Give the same with inputs and outputs in their order in place of names, as exporters want it."""
        return _InOrder(self.module, tuple(self.inputs), tuple(self.outputs)).eval()

    def in_torch(self) -> Side:
        """Give who computes it with the weights of the model."""
        return torch.inference_mode()(lambda inputs: self.module(**{name: inputs[name] for name in self.inputs}))


class _InOrder(nn.Module):
    def __init__(self, module: nn.Module, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        super().__init__()
        self.module, self.inputs, self.outputs = module, inputs, outputs

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        found = self.module(**dict(zip(self.inputs, tensors, strict=True)))
        return tuple(found[name] for name in self.outputs)


class Shape(Protocol):
    """What kind of model is exported: its graphs, and how they are asked together."""

    @property
    def graphs(self) -> Sequence[Graph]:
        """Give the graphs of the model."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """Say what whoever runs the graphs must know, as plain JSON values."""

    @property
    def asked(self) -> Sequence[str]:
        """Name the tensors of a batch that `together` takes, as far as the batch has them."""

    @property
    def compared(self) -> str:
        """Name the output by which two models are compared, [B, ...]."""

    @property
    def is_choice(self) -> bool:
        """Tell whether an answer is the likeliest of the last axis, and no number."""

    @property
    def has_head(self) -> bool:
        """Tell whether its outputs can be scored as those of the model are."""

    def together(self, sides: Mapping[str, Side]) -> "Standing":
        """Let graphs stand for the model, for those who score it."""


class Standing(nn.Module):
    """Graphs in the place of a model; `asked` and `told` are what went in and came out last."""

    def __init__(self, sides: Mapping[str, Side]) -> None:
        super().__init__()
        self.sides = sides
        self.asked: Tensors = {}
        self.told: Tensors = {}
        # Who asks a model looks for its device where its parameters are.
        self.nowhere = nn.Parameter(torch.empty(0), requires_grad=False)
        self.register_forward_pre_hook(_remembered, with_kwargs=True)

    def hear(self, found: Any) -> None:
        """Be told what a pass has found by the answers; most have been compared as they were given."""


@dataclass(frozen=True)
class Computed:
    """The graphs of a model, with who computes each."""

    shape: Shape
    sides: Mapping[str, Side]

    @classmethod
    def in_torch(cls, shape: Shape) -> "Computed":
        """Let torch compute them with the weights of the model."""
        return cls(shape, {graph.name: graph.in_torch() for graph in shape.graphs})

    def standing(self) -> Standing:
        """Let them stand for the model, for those who score it."""
        return self.shape.together(self.sides).eval()


def _remembered(standing: Any, given: Any, named: Tensors) -> None:
    standing.asked = named
