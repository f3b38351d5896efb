from collections import Counter, OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from domain.exceptions import CheckpointError
from infrastructure.training.tensor_tree import join_tree, split_tree
from tests.support.trees import DTYPES, SHAPES, is_same, tensor_of, through_disk_formats, trees


@settings(max_examples=80, deadline=None)
@given(tree=trees)
def test_a_nested_state_comes_back_bit_for_bit_through_strict_json_and_safetensors(tree: Any) -> None:
    assert is_same(through_disk_formats(tree), tree)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_dtype_keeps_its_bits_in_every_shape(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tensor = tensor_of(dtype, shape, seed=1)
    assert is_same(through_disk_formats({"x": tensor}), {"x": tensor})


def test_views_of_one_memory_keep_their_own_values() -> None:
    memory = torch.arange(12.0).reshape(3, 4)
    numbers = torch.tensor([1 + 2j])
    tree = {
        "whole": memory,
        "transposed": memory.t(),
        "row": memory[1],
        "strided": memory[:, ::2],
        "expanded": memory[0, 0].expand(5),
        "alone": torch.tensor([3 + 4j]).conj(),
        "numbers": numbers,
        "conjugate": numbers.conj(),
    }
    assert is_same(through_disk_formats(tree), tree)


def test_a_tensor_in_two_places_is_stored_once_and_shared_again() -> None:
    tied = torch.randn(4, 2)
    structure, named = split_tree({"embedding": tied, "head": tied.view(4, 2)})
    joined = join_tree(structure, named)
    assert list(named) == ["embedding"]
    assert joined["head"] is joined["embedding"]


def test_paths_that_read_alike_do_not_overwrite_each_other() -> None:
    tree = {"a/b": torch.zeros(1), "a": {"b": torch.ones(1)}, "c": {0: torch.ones(2), "0": torch.zeros(2)}}
    assert is_same(through_disk_formats(tree), tree)


def test_the_entries_of_a_flat_state_are_named_by_their_keys() -> None:
    _, named = split_tree({"layer.0.weight": torch.ones(1), "layer.0.bias": torch.zeros(1)})
    assert list(named) == ["layer.0.weight", "layer.0.bias"]


def test_a_parameter_comes_back_without_its_gradient() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    joined = through_disk_formats([parameter])
    assert type(joined[0]) is Tensor
    assert not joined[0].requires_grad


def test_subclasses_of_plain_kinds_come_back_as_the_plain_kind() -> None:
    tree = {"a": OrderedDict(x=1), "b": Counter({3: 2}), "c": torch.Size([2, 3]), "d": np.float64(0.1)}
    assert is_same(through_disk_formats(tree), {"a": {"x": 1}, "b": {3: 2}, "c": (2, 3), "d": 0.1})


class Foreign:
    pass


@pytest.mark.parametrize(
    "value",
    [
        Foreign(),
        {1, 2},
        b"bytes",
        1 + 2j,
        np.zeros(2),
        np.int64(3),
        len,
        torch.float32,
        torch.Generator(),
        torch.eye(2).to_sparse(),
        torch.empty(2, device="meta"),
        {None: 1},
        {True: 1},
        {(1, 2): 3},
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_is_refused_by_its_place(value: Any) -> None:
    with pytest.raises(CheckpointError, match="the state at outer/1 "):
        split_tree({"outer": [0, value]})


def test_a_state_that_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(CheckpointError, match="contains itself"):
        split_tree(endless)


@pytest.mark.parametrize(
    "structure",
    [
        {"$tensor": "absent"},
        {"$tensor": "x", "dtype": "load", "shape": [2]},
        {"$tensor": "x", "dtype": "float32", "shape": [7]},
        {"$unknown": 1},
        {"$tuple": 3},
        {"$dict": [[1]]},
        {"$float": "seven"},
        {"$tuple": [], "$dict": []},
    ],
    ids=str,
)
def test_a_structure_that_does_not_fit_its_tensors_is_refused(structure: Any) -> None:
    with pytest.raises(CheckpointError, match="do not belong together"):
        join_tree([structure], {"x": torch.zeros(8, dtype=torch.uint8)})


def test_rows_that_some_rank_did_not_bring_are_missed() -> None:
    structure = {"weight": {"$tensor": "weight", "rows": 3}}
    assert join_tree(structure, {"weight": torch.ones(3, 2)})["weight"].sum() == 6
    with pytest.raises(CheckpointError, match="weight has 2 of 3 rows"):
        join_tree(structure, {"weight": torch.ones(2, 2)})
