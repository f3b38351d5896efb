"""Graphs as programs of torch.export, and weights of eight bits for torch."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch

from infrastructure.exporting.graph import Graph, Side, Tensors
from infrastructure.exporting.onnx_graphs import dynamic_shapes, quiet, told_of_tracing

# Of an operation, where in the code of the model it comes from: lines of it, and places of this machine.
NOTES = ("stack_trace", "nn_module_stack", "torch_fn")


def write_program(graph: Graph, path: Path) -> None:
    """Write a graph. Raises: ExportError for a model that cannot be traced; OSError of the disk."""
    with quiet(), torch.no_grad():
        with told_of_tracing():
            inputs = tuple(graph.inputs.values())
            program = torch.export.export(graph.in_order(), inputs, dynamic_shapes=dynamic_shapes(graph))
        _without_notes(program)
        _of_any_size(program)
        with path.open("wb") as file:
            torch.export.save(program, file)


def _without_notes(program: torch.export.ExportedProgram) -> None:
    """Take out where operations come from, those within other operations included."""
    for part in program.graph_module.modules():
        for node in part.graph.nodes if isinstance(part, torch.fx.GraphModule) else ():
            for note in NOTES:
                node.meta.pop(note, None)


def _of_any_size(program: torch.export.ExportedProgram) -> None:
    """Let go of bounds that follow from torch taking every size for 2 or more, which it does not want of inputs.

    A mask over past and new tokens would have to be 4 tokens long: the first three of a text could not be asked about.
    """
    for size, span in program.range_constraints.items():
        program.range_constraints[size] = type(span)(min(span.lower, 2), span.upper)


def in_program(graph: Graph, path: Path) -> Side:
    """Open the program of a graph; gives who computes it."""
    with quiet():
        program = torch.export.load(path).module()

    def computed(inputs: Tensors) -> Tensors:
        found = program(*(inputs[name] for name in graph.inputs))
        return dict(zip(graph.outputs, found, strict=True))

    return computed


def with_weights_of_eight_bits(model: Any) -> Any:
    """Give a copy whose linear layers hold eight bits, each column by its own scale, and compute in fp32."""
    with quiet():  # to load it, too
        from torchao.quantization import Int8WeightOnlyConfig, quantize_
        from torchao.utils import unwrap_tensor_subclass

        copied = deepcopy(model)
        quantize_(copied, Int8WeightOnlyConfig())
        return unwrap_tensor_subclass(copied)
