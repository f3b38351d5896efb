"""A module of 25 weights that learns the square of a number, and a trainer for it: sixteen steps in a blink."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from infrastructure.training import AdvancedTrainer

NUM_STEPS = 16


class Net(nn.Module):
    """Refuses more than `most` rows at once as a full memory would, in "training", in "evaluation" or in "both"."""

    def __init__(self, most: int | None = None, refuses: str = "both") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
        self.most, self.refuses = most, refuses
        self.evaluated: list[int] = []

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training:
            self.evaluated.append(len(inputs))
        applies = self.refuses == "both" or (self.refuses == "training") == self.training
        if applies and self.most is not None and len(inputs) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        out: Tensor = self.inner(inputs)
        return out


def rows(count: int = 32, slope: float = 1.0) -> list[tuple[Tensor, Tensor]]:
    """Give numbers between -1 and 1 with their squares, times `slope`."""
    return [(x, slope * x.square()) for x in torch.linspace(-1, 1, count)[:, None]]


def trainer(model: nn.Module, out: Path, monitor: Any = None, evaluation: Any = None, **settings: Any) -> Any:
    """Make a trainer of sixteen steps that saves after every second one."""
    settings = {"num_epochs": 4, "batch_size": 8, "learning_rate": 1e-2, "save_steps": 2, **settings}
    return AdvancedTrainer(
        model,
        settings.pop("training", None) or rows(),
        evaluation or rows(12),
        out,
        loss_function=nn.functional.mse_loss,
        monitor=monitor,
        precision="fp32",
        **settings,
    )


def weights(model: nn.Module) -> list[Tensor]:
    """Copy the parameters."""
    return [parameter.detach().clone() for parameter in model.parameters()]


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(bytes(content))
