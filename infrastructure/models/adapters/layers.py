"""Adapters put into a model, which keeps its class: what works with a model works with an adapted one."""

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from infrastructure.models.adapters.targets import is_turned
from infrastructure.models.left_out import left_out

if TYPE_CHECKING:
    from peft import LoraConfig
    from transformers import PreTrainedModel

# The name under which the library keeps the only adapter of a model; its files leave it out.
NAME = "default"
# The library keeps a plan of its adapters here; a model without adapters has none.
_PLAN = "peft_config"


def lora_config(model: nn.Module, layers: Sequence[str], **settings: Any) -> "LoraConfig":
    """Describe adapters for `layers`, known by their full names; `settings` are those of the library."""
    from peft import LoraConfig

    turned = all(is_turned(model.get_submodule(name)) for name in layers)
    return LoraConfig(target_modules=list(layers), fan_in_fan_out=turned, bias="none", **settings)


def put_in(model: "PreTrainedModel", config: "LoraConfig", in_full: Collection[str] = ()) -> None:
    """Give the layers that `config` targets their adapters, and let only these and the parameters `in_full` be trained.

    What is trained is fp32, whatever the base is.
    """
    from peft import inject_adapter_in_model

    named = dict(model.named_parameters(remove_duplicate=False))
    trained = [named[name] for name in in_full]
    with left_out("torchao"):
        inject_adapter_in_model(config, model, adapter_name=NAME)
    for parameter in trained:
        parameter.requires_grad_(True)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def adapted_layers(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Give the layers that have an adapter, each a `LoraLayer` of the library, with their names."""
    if not has_adapters(model):
        return
    from peft.tuners.lora import LoraLayer

    yield from ((name, module) for name, module in model.named_modules() if isinstance(module, LoraLayer))


def has_adapters(model: nn.Module) -> bool:
    """Tell whether adapters were put into a model."""
    return hasattr(model, _PLAN)


def take_out(model: "PreTrainedModel") -> None:
    """Put the layers back that stood where adapted ones stand now, and let all be trained."""
    for name, layer in list(adapted_layers(model)):
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, layer.get_base_layer())
    delattr(model, _PLAN)
    for parameter in model.parameters():
        parameter.requires_grad_(parameter.is_floating_point())
