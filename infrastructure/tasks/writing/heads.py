"""How models of the transformers library that write text score the tokens they should write."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_utils import PreTrainedModel

from infrastructure.tasks.writing.token_losses import linear_cross_entropy_sum, token_losses

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
        return hidden_loss_sum(model, _hidden(model, inputs), at, targets, label_smoothing)
    scores = scores_at(model, inputs, at)
    return nn.functional.cross_entropy(scores, targets, reduction="sum", label_smoothing=label_smoothing)


def target_losses(model: nn.Module, inputs: Mapping[str, Tensor], at: Tensor, targets: Tensor) -> Tensor:
    """Give the cross-entropy of each of those targets [T], in nats and without a gradient."""
    if has_plain_head(model):
        return hidden_losses(model, _hidden(model, inputs), at, targets)
    return nn.functional.cross_entropy(scores_at(model, inputs, at), targets, reduction="none")


def hidden_loss_sum(model: Any, hidden: Tensor, at: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
    """Sum the cross-entropies of targets from hidden states [B, L, D], by the model's plain head and in chunks."""
    rows = hidden.flatten(0, 1).index_select(0, at)
    return linear_cross_entropy_sum(rows, targets=targets, label_smoothing=label_smoothing, **_plain_head(model))


def hidden_losses(model: Any, hidden: Tensor, at: Tensor, targets: Tensor) -> Tensor:
    """Give the cross-entropy of each target [T] from hidden states [B, L, D], without a gradient."""
    return token_losses(hidden.flatten(0, 1).index_select(0, at), targets=targets, **_plain_head(model))


def scores_at(model: nn.Module, inputs: Mapping[str, Tensor], at: Tensor) -> Tensor:
    """Ask any model for the scores of its vocabulary at some places [T, V]."""
    output = model(**known(model, inputs), **without_cache(model))
    logits: Tensor = output["logits"] if isinstance(output, Mapping) else output
    return logits.flatten(0, 1).index_select(0, at).float()


def _hidden(model: Any, inputs: Mapping[str, Tensor]) -> Tensor:
    """Run all but the head; gives [B, L, D]."""
    backbone = model.base_model
    hidden: Tensor = backbone(**known(backbone, inputs), use_cache=False).last_hidden_state
    return hidden


def _plain_head(model: Any) -> dict[str, Any]:
    head = model.get_output_embeddings()
    softcap = getattr(model.config.get_text_config(decoder=True), "final_logit_softcapping", None)
    return {"weight": head.weight, "bias": head.bias, "softcap": softcap}


def has_plain_head(model: nn.Module) -> bool:
    """Tell whether scores are the hidden states times the weights of the output embeddings."""
    if not isinstance(model, PreTrainedModel) or model.config.model_type not in PLAIN_HEADS:
        return False
    return getattr(model.config.get_text_config(decoder=True), "final_logit_softcapping", None) is None


@torch.no_grad()
def keeps_documents_apart(model: Any) -> bool:
    """Find out whether a decoder sees, behind a place whose position is 0, anything of what stands before it.

    Tried and not looked up: some families of the library take positions and look back all the same.
    """
    if "position_ids" not in signature(model.forward).parameters:
        return False
    was_training = model.training
    model.eval()
    try:
        positions = torch.tensor([[0, 1, 2, 0, 1, 2]])
        seen = [
            model(input_ids=torch.tensor([[*before, 5, 6, 7]]), position_ids=positions, **without_cache(model)).logits
            for before in ((1, 2, 3), (3, 4, 1))
        ]
    finally:
        model.train(was_training)
    return torch.equal(seen[0][:, 3:], seen[1][:, 3:])


def without_cache(model: nn.Module) -> dict[str, bool]:
    """Turn off the cache of generation where there is one: with it the library does not look for borders."""
    return {"use_cache": False} if "use_cache" in signature(model.forward).parameters else {}


def known(model: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave out the inputs that the forward pass of a model does not take."""
    names = signature(model.forward).parameters
    return {name: tensor for name, tensor in inputs.items() if name in names}
