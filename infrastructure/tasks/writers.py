"""How models of the transformers library that write text score the tokens they should write."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

from torch import Tensor, nn
from transformers.modeling_utils import PreTrainedModel

from infrastructure.tasks.token_losses import linear_cross_entropy_sum

# Models whose scores are the last hidden states times one matrix and nothing else. Their scores need not be held all
# at once; those of another model may be scaled, capped or shifted, and are asked of the model itself.
PLAIN_HEADS = ("llama", "mistral", "qwen2", "qwen3", "gpt2", "t5gemma")


def target_loss_sum(
    model: nn.Module, inputs: Mapping[str, Tensor], at: Tensor, targets: Tensor, label_smoothing: float
) -> Tensor:
    """Sum the cross-entropies of `targets` [T], which stand at the places `at` [T] of the flattened rows [B * L].

    Inputs that the forward pass does not know are left out.
    """
    if has_plain_head(model):
        writer: Any = model  # its parts are typed as tensors: modules answer for any name
        backbone = writer.base_model
        hidden = backbone(**known(backbone, inputs), use_cache=False).last_hidden_state  # [B, L, D]
        return hidden_loss_sum(model, hidden, at, targets, label_smoothing)
    output = model(**known(getattr(model, "module", model), inputs))
    logits = output["logits"] if isinstance(output, Mapping) else output
    scores = logits.flatten(0, 1).index_select(0, at).float()  # [T, V]
    return nn.functional.cross_entropy(scores, targets, reduction="sum", label_smoothing=label_smoothing)


def hidden_loss_sum(model: Any, hidden: Tensor, at: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
    """Sum the cross-entropies of targets from hidden states [B, L, D], by the model's plain head and in chunks."""
    head = model.get_output_embeddings()
    rows = hidden.flatten(0, 1).index_select(0, at)
    return linear_cross_entropy_sum(rows, head.weight, targets, label_smoothing=label_smoothing, bias=head.bias)


def has_plain_head(model: nn.Module) -> bool:
    """Tell whether scores are the hidden states times the weights of the output embeddings."""
    if not isinstance(model, PreTrainedModel) or model.config.model_type not in PLAIN_HEADS:
        return False
    return getattr(model.config.get_text_config(decoder=True), "final_logit_softcapping", None) is None


def takes(model: nn.Module, name: str) -> bool:
    """Tell whether the forward pass of a model knows an input."""
    return name in signature(model.forward).parameters


def known(model: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave out the inputs that the forward pass of a model does not take."""
    names = signature(model.forward).parameters
    return {name: tensor for name, tensor in inputs.items() if name in names}
