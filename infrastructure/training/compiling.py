"""Layers of a model compiled for passes that learn, where the planned steps pay for it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from domain.config import TrainingConfig
from infrastructure.models.attention import keep_from_compilers
from infrastructure.models.layers import blocks_of
from infrastructure.parallel.strategy import Parallel
from infrastructure.tasks.adapter import lengths_of

# Compiling takes a minute or so whatever the run, and saves a part of each step. An estimate: no GPU was at hand.
STEPS_THAT_PAY = 2_000
# Of the code of layers: for each kind of them, with padding and without, one length and any length. torch itself stops
# at 8, and lets the rest compute as it is written.
MOST_VARIANTS = 64


class CompiledLayers:
    """The layers of a model, compiled each by itself: one of a kind is compiled, and the others of it are found known.

    Only passes with a gradient take the compiled way. Evaluation and writing see ever new shapes, and no gain would
    bring back what those cost. Dropout draws what it would else, so that nothing but rounding differs. A model is
    saved, copied and sent as if nothing were compiled. With `graphs` a GPU plays back what a layer launches.
    """

    def __init__(self, layers: Sequence[nn.Module], *, graphs: bool = False) -> None:
        self.graphs = graphs
        self._layers = layers
        for layer in layers:
            layer._compiled_call_impl = self._where_it_learns(layer)

    def undo(self) -> None:
        """Let the layers compute as they are written."""
        for layer in self._layers:
            layer._compiled_call_impl = None

    def _where_it_learns(self, layer: nn.Module) -> Callable[..., Any]:
        plain, compiled = layer._call_impl, compiled_call(layer.forward, graphs=self.graphs)

        def call(*given: Any, **named: Any) -> Any:
            if not (layer.training and torch.is_grad_enabled()):
                return plain(*given, **named)
            # What hooks do, which take padding from a batch and put it back, is no part of what is compiled.
            layer.forward = compiled  # of this one alone, and for this call
            try:
                return plain(*given, **named)
            finally:
                del layer.forward

        return call


def compiled_call(call: Callable[..., Any], *, graphs: bool) -> Callable[..., Any]:
    """Compile a call when it is first made."""
    from torch._dynamo import config  # slow to load, which torch does for the first compiled call in any case

    config.recompile_limit = max(config.recompile_limit, MOST_VARIANTS)
    keep_from_compilers()
    options: dict[str, Any] = {"fallback_random": True, "triton.cudagraphs": graphs}
    # Without graphs the second length that comes makes of it a symbol, and all others are known from then on.
    return torch.compile(call, dynamic=False if graphs else None, options=options)


def compiled_layers(
    model: nn.Module, device: torch.device, parallel: Parallel, config: TrainingConfig, total_steps: int, train: Any
) -> CompiledLayers | None:
    """Compile the layers of a model for a run of so many planned steps, when they are first passed through.

    None where that is not wanted, and for layers that cannot be told, that are copied to several devices, or whose
    weights are divided among ranks. Graphs play into the same memory each time, so that a step must be one micro-batch,
    and they are of one shape, so that rows must have one length; else layers are compiled without.
    """
    pays = device.type == "cuda" and total_steps >= STEPS_THAT_PAY
    if config.compile == "off" or (config.compile == "auto" and not pays):
        return None
    if parallel.shards or len(parallel.devices(device)) > 1 or not (layers := blocks_of(model)):
        return None
    fits = config.gradient_accumulation_steps == 1 and len(np.unique(lengths_of(train))) == 1
    return CompiledLayers(layers, graphs=config.compile == "graphs" and fits and device.type == "cuda")


def is_failed_compilation(error: BaseException) -> bool:
    """Recognise that a compiler failed or is not there: what it was given is right, and can be computed as it is."""
    from torch._dynamo.exc import TorchDynamoException  # slow to load, and there if anything was compiled

    return isinstance(error, TorchDynamoException)
