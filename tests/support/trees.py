"""Nested states of any dtype and shape, and whether two of them are the same to the bit."""

import json
import math
import struct
from typing import Any

import torch
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import Tensor

from infrastructure.training.tensor_tree import join_tree, split_tree
from tests.support.texts import any_text

DTYPES = (
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.uint16,
    torch.uint32,
    torch.uint64,
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
    torch.complex64,
    torch.complex128,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
    torch.float8_e4m3fnuz,
    torch.float8_e8m0fnu,
)
SHAPES = ((), (0,), (2, 0), (3,), (2, 3))


def through_disk_formats(tree: Any) -> Any:
    """Take a state apart, write it as JSON and safetensors, and put it together again."""
    structure, tensors = split_tree(tree)
    return join_tree(json.loads(json.dumps(structure, allow_nan=False)), load(save(tensors)))


def bits(tensor: Tensor) -> bytes:
    """Give the memory of a tensor, as its values stand in it."""
    return bytes(tensor.detach().resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8).tolist())


def is_same(left: Any, right: Any) -> bool:
    """Compare type, order of keys and bits; written without the code under test."""
    if type(left) is not type(right):
        return False
    if isinstance(left, Tensor):
        return (left.dtype, left.shape, bits(left)) == (right.dtype, right.shape, bits(right))
    if isinstance(left, dict):
        pairs = zip(left.items(), right.items(), strict=False)
        return len(left) == len(right) and all(is_same(a, b) and is_same(x, y) for (a, x), (b, y) in pairs)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(is_same(x, y) for x, y in zip(left, right, strict=True))
    if isinstance(left, float):
        return (math.isnan(left) and math.isnan(right)) or struct.pack("d", left) == struct.pack("d", right)
    return bool(left == right)


def tensor_of(dtype: torch.dtype, shape: tuple[int, ...], seed: int) -> Tensor:
    """Draw the bits of a tensor, NaN and all."""
    width = torch.empty(0, dtype=dtype).element_size()
    high = 2 if dtype is torch.bool else 256
    generator = torch.Generator().manual_seed(seed)
    content = torch.randint(0, high, (math.prod(shape) * width,), dtype=torch.uint8, generator=generator)
    return content.view(dtype).reshape(shape)


tensors = st.builds(tensor_of, st.sampled_from(DTYPES), st.sampled_from(SHAPES), st.integers(0, 9))
leaves = st.one_of(st.none(), st.booleans(), st.integers(-(2**130), 2**130), st.floats(), any_text(max_size=4), tensors)
keys = st.one_of(st.integers(-3, 3), st.sampled_from(["a", "a/b", "0", "", "$tensor", "$x", "__metadata__"]))
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple), st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=8,
)
