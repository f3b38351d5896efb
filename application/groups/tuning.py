"""Settings of how much of a text model is trained, and at which share of the learning rate."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import field_validator

from application.groups.setting import Settings, setting
from domain.config import TrainingConfig
from domain.showing import shown
from domain.task import Task


class TuningSettings(Settings):
    """Which weights are trained, and how fast each of them."""

    title: ClassVar[str] = "Tuning"

    freeze: Literal["none", "embeddings", "all_but_head"] | int = setting(
        "none",
        "Weights that stay as they are: none, embeddings, all_but_head, or a number N for the embeddings and the "
        "first N layers.",
    )
    layer_decay: float = setting(
        TrainingConfig.layer_decay,
        "Factor of the learning rate from each layer to the one below it; the head has the full rate.",
    )

    @field_validator("freeze", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any) -> Any:
        """Let the `no` and `yes` of YAML be no numbers of layers."""
        return shown(value) if isinstance(value, bool) else value

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        if isinstance(self.freeze, int) and self.freeze < 1:
            yield (
                f"freeze is {self.freeze}, but a number of layers must be at least 1. Use embeddings to freeze these "
                "alone, or none."
            )
