"""Settings of how much of a text model is trained, and at which share of the learning rate."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from application.groups.setting import Settings, listed_names, setting, share_below_one
from domain.config import TrainingConfig
from domain.showing import shown
from domain.task import Task

AUTO = "auto"
MOST_RANK = 8192
MOST_ALPHA = 1e6
OF_ADAPTERS = ("adapter_rank", "adapter_alpha", "adapter_dropout", "adapter_targets", "merge_adapter", "quantize")


def _auto_or_names(value: Any) -> Any:
    """Take `[q_proj,v_proj]` and `q_proj,v_proj` for lists of names."""
    return value if value == AUTO else listed_names(value)


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
    adapter: Literal["none", "lora", "dora"] = setting(
        "none", "Train small matrices beside the linear layers of a pretrained model, which stay as they are."
    )
    adapter_rank: int = setting(8, "Width of these matrices; the wider, the more they can learn.")
    adapter_alpha: float | None = setting(
        None, "What they give is multiplied by adapter_alpha / adapter_rank; else twice the rank."
    )
    adapter_dropout: float = setting(0.0, "Share of what they read that each training step hides.", unit="share")
    adapter_targets: Annotated[Literal["auto"] | tuple[str, ...], BeforeValidator(_auto_or_names)] = setting(
        AUTO, "Layers that get them: auto for every linear layer below the head, or the ends of their names."
    )
    merge_adapter: bool = setting(
        True, "Keep a model with the adapter in its weights; false keeps the adapter alone, which needs its base."
    )
    quantize: Literal["none", "8bit", "4bit"] = setting(
        "none", "Keep the weights beside an adapter in 8 or 4 bits; needs a CUDA device."
    )

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        if isinstance(self.freeze, int) and self.freeze < 1:
            yield (
                f"freeze is {self.freeze}, but a number of layers must be at least 1. Use embeddings to freeze these "
                "alone, or none."
            )
        yield from self._faults_of_adapter()

    @property
    def alpha(self) -> float:
        """What an adapter is multiplied by, times its rank."""
        return 2.0 * self.adapter_rank if self.adapter_alpha is None else self.adapter_alpha

    def _faults_of_adapter(self) -> Iterator[str]:
        if self.adapter == "none":
            for name in OF_ADAPTERS:
                if getattr(self, name) != type(self).model_fields[name].default:
                    told = shown(getattr(self, name))
                    yield f"{name} is {told}, but adapter is none. Add adapter=lora, or leave {name} out."
            return
        if not 1 <= self.adapter_rank <= MOST_RANK:
            yield f"adapter_rank is {self.adapter_rank}, but must lie between 1 and {MOST_RANK}. Use 8."
        if self.adapter_alpha is not None and not 0.0 < self.adapter_alpha <= MOST_ALPHA:
            yield (
                f"adapter_alpha is {self.adapter_alpha:g}, but must lie above 0 and be at most {MOST_ALPHA:g}. Leave it"
                " out for twice the rank."
            )
        yield from share_below_one("adapter_dropout", self.adapter_dropout)
        if self.adapter_targets != AUTO and not (self.adapter_targets and all(self.adapter_targets)):
            yield "adapter_targets names no layer. Use auto, or names such as [q_proj,v_proj]."
        if self.freeze != "none":
            yield (
                f"freeze is {self.freeze} and adapter is {self.adapter}, which freezes all but the head already. Drop"
                " one of them."
            )
