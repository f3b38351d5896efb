"""How models of the transformers library that fill gaps score the tokens that were hidden."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from transformers.modeling_utils import PreTrainedModel

from infrastructure.tasks.writing.heads import known, scores_at
from infrastructure.tasks.writing.token_losses import linear_cross_entropy_sum, losses_and_guesses

Transform = Callable[[Tensor], Tensor]


def masked_loss_sum(model: nn.Module, inputs: Mapping[str, Any], at: Tensor, targets: Tensor) -> Tensor:
    """Sum the cross-entropies of `targets` [T], which stand at the places `at` [T] of the flattened rows [B * L].

    Nothing is computed of the vocabulary elsewhere. Inputs that the forward pass does not know are left out.
    """
    head = _head_of(model)
    if head is None:
        return nn.functional.cross_entropy(scores_at(model, inputs, at), targets, reduction="sum")
    transform, decoder = head
    hidden = transform(_hidden(model, inputs, at))  # [T, D]
    return linear_cross_entropy_sum(hidden, decoder.weight, targets, bias=decoder.bias)


def masked_losses(model: nn.Module, inputs: Mapping[str, Any], at: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Give the cross-entropy of each of those targets [T], in nats and without a gradient, and the best guesses [T]."""
    head = _head_of(model)
    if head is None:
        scores = scores_at(model, inputs, at)
        return nn.functional.cross_entropy(scores, targets, reduction="none"), scores.argmax(1)
    transform, decoder = head
    return losses_and_guesses(transform(_hidden(model, inputs, at)), decoder.weight, targets, bias=decoder.bias)


def masked_scores(model: nn.Module, inputs: Mapping[str, Any], at: Tensor) -> Tensor:
    """Give the scores of the vocabulary [T, V] at a few places."""
    head = _head_of(model)
    if head is None:
        return scores_at(model, inputs, at)
    transform, decoder = head
    scores: Tensor = decoder(transform(_hidden(model, inputs, at)))
    return scores.float()


def _hidden(model: Any, inputs: Mapping[str, Any], at: Tensor) -> Tensor:
    """Run all but the head; gives what it saw at some places [T, D]."""
    backbone = model.base_model
    hidden: Tensor = backbone(**known(backbone, inputs)).last_hidden_state  # [B, L, D]
    return hidden.flatten(0, 1).index_select(0, at)


def _head_of(model: nn.Module) -> tuple[Transform, nn.Linear] | None:
    """Give what turns hidden states into those that are scored, and the layer that scores them; None where unknown."""
    if not isinstance(model, PreTrainedModel):
        return None
    for family, head in _HEADS.items():
        if model.config.model_type in family:
            transform, decoder = head(model)
            # What an adapter has wrapped is more than its weights.
            return (transform, decoder) if type(decoder) is nn.Linear else None
    return None


def _of_roberta(model: Any) -> tuple[Transform, nn.Linear]:
    head = model.lm_head
    return lambda hidden: head.layer_norm(nn.functional.gelu(head.dense(hidden))), head.decoder


def _of_distilbert(model: Any) -> tuple[Transform, nn.Linear]:
    def transform(hidden: Tensor) -> Tensor:
        changed: Tensor = model.vocab_layer_norm(model.activation(model.vocab_transform(hidden)))
        return changed

    return transform, model.vocab_projector


def _of_albert(model: Any) -> tuple[Transform, nn.Linear]:
    head = model.predictions
    return lambda hidden: head.LayerNorm(head.activation(head.dense(hidden))), head.decoder


# By families of models. Others are asked for the scores of all places, of which those that count are taken.
_HEADS: Mapping[tuple[str, ...], Callable[[Any], tuple[Transform, nn.Linear]]] = {
    ("modernbert",): lambda model: (model.head, model.decoder),
    ("bert", "ernie", "nomic_bert", "roformer"): lambda model: (
        model.cls.predictions.transform,
        model.cls.predictions.decoder,
    ),
    ("roberta", "xlm-roberta", "roberta-prelayernorm", "camembert", "mpnet", "data2vec-text"): _of_roberta,
    ("distilbert",): _of_distilbert,
    ("electra",): lambda model: (model.generator_predictions, model.generator_lm_head),
    ("albert",): _of_albert,
    ("eurobert",): lambda model: (nn.Identity(), model.lm_head),
}
