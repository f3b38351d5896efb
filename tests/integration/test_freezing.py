"""Which weights stay as they are, in models of many architectures, and at what share of the rate the others learn."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from domain.exceptions import ConfigurationError
from infrastructure.models.freezing import freeze, frozen_base
from infrastructure.models.layers import depths_of
from infrastructure.training.optimizers import OptimizerBuilder
from tests.support.tiny_architectures import ARCHITECTURES, ENCODER_DECODERS, ENCODERS, model_of

# The names under which layers, and what belongs to a head, stand in the library, written down by hand.
LAYER = re.compile(r"(?:layers?|h|block|attentions|layer_norm[12]|ffns)\.(\d+)\.")
HEAD = re.compile(r"pooler|classifier|^head|lm_head|summary")
NUM_LAYERS = {name: 5 if name in ENCODER_DECODERS else 3 for name in ARCHITECTURES}


def frozen_names(model: nn.Module) -> set[str]:
    return {name for name, parameter in model.named_parameters() if not parameter.requires_grad}


def of_layer(name: str) -> int:
    """Read from a name which layer it is of, from 0, two of an encoder below its decoder; -1 outside of layers."""
    found = LAYER.search(name)
    above = 2 if "decoder." in name else 0
    return -1 if found is None else int(found[1]) + above


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_first_layers_and_all_below_them_are_frozen(name: str) -> None:
    model = model_of(name)
    freeze(model, 2)
    frozen = frozen_names(model)
    places = {n: of_layer(n) for n, _ in model.named_parameters() if of_layer(n) >= 0}
    if name == "opt":  # a decoder alone that calls itself one
        places = {n: place - 2 for n, place in places.items()}
    assert {*places.values()} == {*range(NUM_LAYERS[name])}
    assert {n for n in places if n in frozen} == {n for n, place in places.items() if place < 2}
    assert model.get_input_embeddings().weight.requires_grad is False


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_no_gradient_is_computed_below_what_is_trained(name: str) -> None:
    """An independent look at the order of the layers: what the first trained one reads has no gradient."""
    model = model_of(name)
    assert depths_of(model, "freeze").num_layers == NUM_LAYERS[name]
    freeze(model, 2)
    seen: list[bool] = []
    # Of an encoder-decoder two layers are its encoder.
    first = r"decoder\.(layers|block)\.0$" if name in ENCODER_DECODERS else r"(layers?|h|attentions)\.2$"
    trained = next(module for place, module in model.named_modules() if re.search(first, place))
    trained.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(any(t.requires_grad for t in _tensors(args, kwargs))),
        with_kwargs=True,
    )
    loss_of(model).backward()
    assert seen == [False]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_all_but_the_head_is_frozen(name: str) -> None:
    model = model_of(name)
    told = freeze(model, "all_but_head")
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    tied = depths_of(model, "freeze").tied
    if tied:
        assert {id(p) for p in model.parameters() if p.requires_grad} == tied
        assert "gradients go through all layers" in told[0]
    else:
        assert trained == {n for n, _ in model.named_parameters() if HEAD.search(n)}
        assert told == ()
    assert trained


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_embeddings_are_all_that_stands_below_the_layers(name: str) -> None:
    model = model_of(name)
    freeze(model, "embeddings")
    frozen = frozen_names(model)
    assert frozen
    assert all(re.search(r"emb|wte|wpe|shared|project_in|relative_attention_bias", n) for n in frozen)
    assert not any(of_layer(n) >= 0 and "relative_attention_bias" not in n for n in frozen)


@pytest.mark.parametrize(("name", "there"), [("bert", 3), ("gpt2", 3), ("bart", 5)])
def test_more_layers_than_there_are_is_refused_with_their_number(name: str, there: int) -> None:
    with pytest.raises(ConfigurationError, match=f"freeze is 9, but the model has {there} layers"):
        freeze(model_of(name), 9)


def test_nothing_left_to_train_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="nothing is left to train"):
        freeze(model_of("gpt2"), 3)


def test_layers_that_cannot_be_told_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="those of Sequential cannot be told"):
        freeze(nn.Sequential(nn.Linear(2, 2)), 1)


def test_a_tied_table_that_is_frozen_is_told() -> None:
    assert "its table of embeddings, and is frozen with them" in freeze(model_of("gpt2"), "embeddings")[0]
    assert freeze(model_of("llama"), "embeddings") == ()


@pytest.mark.parametrize("name", ["bert", "llama", "t5", "modernbert"])
@pytest.mark.parametrize("optimizer", ["adamw", "muon", "sgd"])
def test_each_layer_learns_at_the_share_reckoned_by_hand(name: str, optimizer: str) -> None:
    model, decay = model_of(name), 0.5
    top = NUM_LAYERS[name]
    expected = {}
    for n, parameter in model.named_parameters():
        if of_layer(n) >= 0:
            share = decay ** (top - of_layer(n))
        elif "norm" in n and "emb" not in n and not n.startswith("head"):
            share = decay ** (top - 1) if n.startswith("encoder") else decay
        else:
            share = 1.0 if HEAD.search(n) else decay ** (top + 1)
        expected[id(parameter)] = share
    built = OptimizerBuilder().build(optimizer, model, 1e-3, layer_decay=decay)
    seen = {id(p): group["lr_scale"] for group in built.param_groups for p in group["params"]}
    assert seen == pytest.approx(expected)
    matrices = {id(p) for group in built.param_groups if group["weight_decay"] for p in group["params"]}
    plain = OptimizerBuilder().build(optimizer, model, 1e-3)
    assert matrices == {id(p) for group in plain.param_groups if group["weight_decay"] for p in group["params"]}


def test_equal_rates_leave_the_groups_as_they_were() -> None:
    built = OptimizerBuilder().build("adamw", model_of("bert"), 1e-3, layer_decay=1.0)
    assert not any("lr_scale" in group for group in built.param_groups)


@pytest.mark.parametrize("change", ["value", "dtype", "name"])
def test_the_base_is_known_by_every_bit(change: str) -> None:
    def base_of(name: str = "bert", **changes: Any) -> str:
        model = model_of(name)
        freeze(model, "embeddings")
        for found, value in changes.items():
            getattr(model.bert.embeddings, found).weight.data = value
        known = frozen_base(model)
        assert known is not None
        return known.digest

    table = model_of("bert").bert.embeddings.word_embeddings.weight.data
    assert base_of() == base_of(word_embeddings=table.clone())
    other = {"value": torch.nextafter(table, table + 1), "dtype": table.double(), "name": table[:, :1]}[change]
    assert base_of(word_embeddings=other) != base_of()


def test_nothing_frozen_is_no_base() -> None:
    assert frozen_base(model_of("bert")) is None


def loss_of(model: Any) -> Tensor:
    ids = torch.randint(3, 64, (2, 6), generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1]) if model.config.model_type in ENCODERS else ids
    loss: Tensor = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss
    return loss


def _tensors(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    return [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
