"""Graphs as ONNX files, and ONNX Runtime that computes them."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import torch

from domain.exceptions import ExportError
from infrastructure.exporting.graph import Graph, Side, Tensors
from infrastructure.models.pretrained import first_sentence

# A file of protocol buffers ends at 2 GiB; larger weights stand beside it.
LARGEST_IN_ONE_FILE = 3 << 29


def write_graph(graph: Graph, path: Path) -> None:
    """Write a graph. Raises: ExportError for a model whose operations cannot be written; OSError of the disk."""
    size = sum(parameter.nbytes for parameter in graph.module.parameters())
    with quiet():
        program = _traced(graph)
        for node in program.model.graph:
            node.metadata_props.clear()  # where in the code of the model it comes from, places of this machine included
        program.save(str(path), external_data=size >= LARGEST_IN_ONE_FILE)


def _traced(graph: Graph) -> Any:
    with told_of_tracing(), torch.no_grad():
        return torch.onnx.export(
            graph.in_order(),
            tuple(graph.inputs.values()),
            dynamo=True,
            dynamic_shapes=dynamic_shapes(graph),
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            verbose=False,
        )


def dynamic_shapes(graph: Graph) -> Any:
    """Say which axes of the inputs vary, as torch.export wants it of a function of any number of tensors."""
    return (tuple(dict.fromkeys(graph.axes[name], torch.export.Dim.DYNAMIC) for name in graph.inputs),)


@contextmanager
def told_of_tracing() -> Iterator[None]:
    """Say in a sentence, and without the graph that torch would print, that a model cannot be traced.

    Raises: ExportError.
    """
    try:
        with redirect_stderr(StringIO()):
            yield
    except OSError:
        raise
    except Exception as error:  # whatever a model's own code meets
        raise ExportError(
            f"this model cannot be exported: {first_sentence(_first_cause(error))}.",
            remedy="Use --format safetensors, which keeps the code of the model.",
        ) from error


def _first_cause(error: BaseException) -> BaseException:
    """Give what an exporter has met; the errors that it wraps around it advise people who write exporters."""
    return error if error.__cause__ is None else _first_cause(error.__cause__)


@contextmanager
def quiet() -> Iterator[None]:
    """Let the libraries neither warn nor log inside the block: what a person reads is ours."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def in_onnx_runtime(path: Path, threads: int) -> Side:
    """Open a graph for so many threads; gives who computes it, on processors."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    outputs = [each.name for each in session.get_outputs()]

    def computed(inputs: Tensors) -> Tensors:
        found = session.run(outputs, {name: inputs[name].numpy() for name in names})
        return {name: torch.from_numpy(array) for name, array in zip(outputs, found, strict=True)}

    return computed
