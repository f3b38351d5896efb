"""Everything a training step works with."""

from dataclasses import dataclass

import torch
from torch import nn

from domain.config import TrainingConfig
from infrastructure.memory import lost_memory_told
from infrastructure.models.adapters.frozen_format import keep_frozen_in
from infrastructure.models.adapters.layers import has_adapters
from infrastructure.models.attention import use_fast_attention
from infrastructure.models.fp8 import use_fp8_products
from infrastructure.models.freezing import FrozenBase
from infrastructure.models.fused.replacing import use_fast_layers
from infrastructure.parallel.strategy import Parallel
from infrastructure.tasks.adapter import TaskAdapter
from infrastructure.training.compiling import CompiledLayers
from infrastructure.training.device import choose_device, keep_freed_memory, return_freed_memory
from infrastructure.training.optimizers import OptimizerBuilder
from infrastructure.training.precision import Precision, choose_precision
from infrastructure.training.trained_part import TrainedPart
from infrastructure.training.weight_average import WeightAverage


@dataclass
class Session:
    """Model, task, optimizer and number format on their device.

    `forward` is the one way into the model, whatever wraps it; `average` follows its weights when one is kept. `base`
    are those that building the model again brings, `compiled` its layers where a run is long enough.
    """

    model: nn.Module
    forward: nn.Module
    parallel: Parallel
    task: TaskAdapter
    optimizer: torch.optim.Optimizer
    precision: Precision
    average: WeightAverage | None
    device: torch.device
    max_grad_norm: float
    seed: int
    base: FrozenBase | None = None
    compiled: CompiledLayers | None = None

    @property
    def num_devices(self) -> int:
        """Count the devices of all ranks that share out a step."""
        return self.parallel.ranks.size * len(self.parallel.devices(self.device))

    @property
    def trained(self) -> TrainedPart:
        """What of the model is trained, and must be kept."""
        return TrainedPart(self.model, self.base)


def open_session(
    model: nn.Module,
    task: TaskAdapter,
    config: TrainingConfig,
    base: FrozenBase | None = None,
    parallel: Parallel | None = None,
) -> Session:
    """Bring a model to its device and make its optimizer; `base` are weights that building it again brings.

    Without `parallel` it is trained by this process alone.
    Raises: ConfigurationError when the device is not there, TrainingError when the model does not fit into its memory.
    """
    parallel = parallel or Parallel()
    device = choose_device(config.device, parallel.ranks.launch.local_rank)
    return_freed_memory() if parallel.shards else keep_freed_memory()
    precision = Precision(choose_precision(config.precision, config.use_mixed_precision, device), device)
    with lost_memory_told(f"when the model was brought to {device}"):
        if has_adapters(model):
            keep_frozen_in(model, precision.form, with_tables=True)
        # Packed weights are there, and of those that are divided each rank brings its part.
        stays = getattr(model, "is_quantized", False) or parallel.shards
        placed = model if stays else model.to(device)
        return _opened(placed, task, config, precision, base, parallel)


def _opened(
    model: nn.Module,
    task: TaskAdapter,
    config: TrainingConfig,
    precision: Precision,
    base: FrozenBase | None,
    parallel: Parallel,
) -> Session:
    device = precision.device
    if precision.name == "fp8":
        use_fp8_products(model)
    use_fast_attention(model, device)
    use_fast_layers(model, device)
    return Session(
        model=model,
        forward=parallel.entered(model, device),
        parallel=parallel,
        task=task,
        optimizer=OptimizerBuilder().build(
            config.optimizer,
            model,
            config.learning_rate,
            weight_decay=config.weight_decay,
            layer_decay=config.layer_decay,
        ),
        average=WeightAverage(TrainedPart(model, base), config.average_decay) if config.average_decay else None,
        precision=precision,
        device=device,
        max_grad_norm=config.max_grad_norm,
        seed=config.seed,
        base=base,
    )
