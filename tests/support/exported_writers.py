"""Models that write as graphs: exported to ONNX, or computed by torch from the same named arrays."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from infrastructure.exported.writing.writer import Signs, Writer
from infrastructure.exporting.graph import Graph
from infrastructure.exporting.onnx_graphs import write_graph
from infrastructure.exporting.writing import Writing, decoder, encoder_decoder
from infrastructure.model_files.card import read_card
from infrastructure.tasks.registry import kind_of
from infrastructure.writing.windows import Places


class TorchGraph:
    """A graph that torch computes: the same names, no file, and no seconds to make it."""

    def __init__(self, graph: Graph) -> None:
        self._ask = graph.in_torch()
        self.inputs = graph.inputs
        self.input_shapes = {name: list(tensor.shape) for name, tensor in graph.inputs.items()}

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = {name: torch.from_numpy(np.ascontiguousarray(arrays[name])) for name in self.inputs}
        return {name: tensor.numpy() for name, tensor in self._ask(given).items()}


def writer_of(model: Any, tokenizer: Any) -> Writer:
    """Give a model of torch as who writes with arrays."""
    shape = _shape_of(model, tokenizer)
    graphs: dict[str, Any] = {graph.name: TorchGraph(graph) for graph in shape.graphs}
    halves = (model.config.get_text_config(decoder=True), model.config.get_text_config(encoder=True))
    writable, readable = (getattr(half, "max_position_embeddings", None) for half in halves)
    places = Places(writable, readable, "encoder" in graphs)
    return Writer(graphs["decoder"], graphs.get("encoder"), tokenizer, Signs(**shape.facts), places)


def export_writer(directory: Path, place: Path, graphs: dict[Path, Any] | None = None) -> Path:
    """Write the graphs of a finished model that writes, and what stands beside them; nothing is compared.

    With `graphs` no file of theirs is written: they are put there as such that torch computes.
    """
    card = read_card(directory)
    model, task = kind_of(card["task"], directory).open(directory, card)
    finished: Any = task
    shape = _shape_of(model.eval(), finished.tokenizer)
    place.mkdir()
    for path in directory.iterdir():
        if path.suffix != ".safetensors":
            shutil.copy(path, place)
    files = {graph.name: f"{graph.name}_model.onnx" for graph in shape.graphs}
    for graph in shape.graphs:
        if graphs is None:
            write_graph(graph, place / files[graph.name])
        else:
            graphs[place / files[graph.name]] = TorchGraph(graph)
    known = {name: value for name, value in card.items() if name != "files"}
    export = {"format": "onnx", "graphs": files, **shape.facts}
    (place / "athanor.json").write_text(json.dumps({**known, "export": export}), encoding="utf-8")
    return place


def _shape_of(model: Any, tokenizer: Any) -> Writing:
    return (encoder_decoder if model.config.is_encoder_decoder else decoder)(model, tokenizer)
