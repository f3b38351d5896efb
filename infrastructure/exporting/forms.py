"""The formats of an export: how each is written, and who then computes it."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch

from application.export_ports import Wanted
from application.phases import phase
from domain.exceptions import DatasetError
from domain.export import BF16, INT8, ONNX_INT8, SAFETENSORS, STATIC, TORCH_EXPORT
from infrastructure.exporting.graph import Computed, Graph, Shape, Side, Tensors
from infrastructure.exporting.onnx_graphs import in_onnx_runtime, write_graph
from infrastructure.exporting.opened import Opened
from infrastructure.exporting.programs import in_program, with_weights_of_eight_bits, write_program
from infrastructure.exporting.quantising import quantise, quantise_calibrated
from infrastructure.exporting.rows import Rows
from infrastructure.exporting.shapes import shape_of
from infrastructure.tasks.registry import kind_of

Files = Mapping[str, str]


class Form(Protocol):
    """One format."""

    @property
    def pattern(self) -> str:
        """Match the files that hold weights."""

    def write(self, opened: Opened, shape: Shape, staging: Path) -> Files:
        """Write graphs or weights; gives the files of graphs by their names. Raises: ExportError, OSError."""

    def computed(self, opened: Opened, shape: Shape, files: Files, staging: Path) -> Computed:
        """Open what was written."""


def form_of(wanted: Wanted, rows: Rows | None) -> Form:
    """Give the format that is wanted; `rows` are those that calibrate.

    Raises: DatasetError where a calibration wants rows that cannot be had.
    """
    if wanted.calibration == STATIC and (rows is None or rows.train is None):
        raise DatasetError(
            "a static calibration wants rows of the training part, which cannot be had.",
            remedy="Name a run whose data are where it has read them, without --dataset, or use --calibration dynamic.",
        )
    if wanted.format == TORCH_EXPORT:
        return _Programs(wanted.weights == INT8)
    if wanted.format == SAFETENSORS:
        return _Directory(wanted.weights == BF16)
    return _Onnx(wanted.format == ONNX_INT8, rows if wanted.calibration == STATIC else None)


class _Onnx:
    pattern = "*.onnx*"

    def __init__(self, is_rounded: bool, calibrating: Rows | None) -> None:
        self._is_rounded, self._calibrating = is_rounded, calibrating

    def write(self, opened: Opened, shape: Shape, staging: Path) -> Files:
        files = {graph.name: f"{_name(graph)}.onnx" for graph in shape.graphs}
        given = _given(shape, self._calibrating) if self._calibrating is not None else {}
        for graph in shape.graphs:
            path = staging / files[graph.name]
            write_graph(graph, path)
            if self._is_rounded:
                with phase(f"rounding {path.name}"):
                    quantise_calibrated(path, iter(given[graph.name])) if given else quantise(path)
        return files

    def computed(self, opened: Opened, shape: Shape, files: Files, staging: Path) -> Computed:
        threads = torch.get_num_threads()
        return Computed(shape, {name: in_onnx_runtime(staging / file, threads) for name, file in files.items()})


class _Programs:
    pattern = "*.pt2"

    def __init__(self, is_rounded: bool) -> None:
        self._is_rounded = is_rounded

    def write(self, opened: Opened, shape: Shape, staging: Path) -> Files:
        if self._is_rounded:
            shape = _of(opened, with_weights_of_eight_bits(opened.model), shape)
        for graph in shape.graphs:
            write_program(graph, staging / f"{_name(graph)}.pt2")
        return {graph.name: f"{_name(graph)}.pt2" for graph in shape.graphs}

    def computed(self, opened: Opened, shape: Shape, files: Files, staging: Path) -> Computed:
        return Computed(shape, {graph.name: in_program(graph, staging / files[graph.name]) for graph in shape.graphs})


class _Directory:
    pattern = "*.safetensors"

    def __init__(self, is_halved: bool) -> None:
        self._is_halved = is_halved

    def write(self, opened: Opened, shape: Shape, staging: Path) -> Files:
        model = deepcopy(opened.model).to(torch.bfloat16) if self._is_halved else opened.model
        within = staging / "whole"
        replace(opened, model=model).bundle.save(within, {})
        for path in within.iterdir():
            path.rename(staging / path.name)
        within.rmdir()
        return {}

    def computed(self, opened: Opened, shape: Shape, files: Files, staging: Path) -> Computed:
        model, _ = kind_of(opened.card.task, staging).open(staging, opened.facts)
        return Computed.in_torch(_of(opened, model.eval(), shape))


def _of(opened: Opened, model: Any, like: Shape) -> Shape:
    """Give the graphs of a model that is another form of the one that was opened."""
    return shape_of(replace(opened, model=model), like.graphs[0].inputs)


def _name(graph: Graph) -> str:
    """Name the file of a graph as optimum does."""
    return "model" if graph.name == "model" else f"{graph.name}_model"


@torch.inference_mode()
def _given(shape: Shape, rows: Rows) -> dict[str, list[Tensors]]:
    """Ask a model about rows that calibrate; gives what each of its graphs was given."""
    found: dict[str, list[Tensors]] = {graph.name: [] for graph in shape.graphs}

    def remembering(graph: Graph) -> Side:
        side = graph.in_torch()

        def asked(inputs: Tensors) -> Tensors:
            found[graph.name].append({name: inputs[name] for name in graph.inputs})
            return side(inputs)

        return asked

    standing = shape.together({graph.name: remembering(graph) for graph in shape.graphs}).eval()
    for inputs in _asked(shape, rows):
        standing(**inputs)
    return found


def _asked(shape: Shape, rows: Rows) -> Iterator[Tensors]:
    for batch in rows.calibrating():
        yield {name: batch[name] for name in shape.asked if name in batch}
