"""Operations of fused layers compute what torch does in more passes, and no less exactly in bf16."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor
from torch.nn.functional import gelu, silu

from infrastructure.models.fused.attention import softmax_attention
from infrastructure.models.fused.dropout import dropout, short_dropout
from infrastructure.models.fused.gates import ACTIVATIONS, gated, split_gated
from infrastructure.models.fused.norms import layer_norm, rms_norm
from infrastructure.models.fused.rotary import rotated, split_rotated

Operation = Callable[..., Tensor | tuple[Tensor, ...]]
ANGLES = torch.arange(5.0, dtype=torch.float64)[None, :, None] * torch.tensor([1.0, 0.1, 1.0, 0.1])  # [1, L, D]
SEEN = torch.tensor([[True] * 5, [True, True, False, True, False]])[:, None, None, :].expand(2, 1, 5, 5)
ACTS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": gelu,
    "gelu_pytorch_tanh": lambda x: gelu(x, approximate="tanh"),
    "silu": silu,
}


def turned(x: Tensor) -> Tensor:
    """Turn [B, L, H, D] by positions, to [B, H, L, D]."""
    first, second = x.transpose(1, 2).chunk(2, dim=-1)
    around = torch.cat((-second, first), dim=-1)
    return x.transpose(1, 2) * ANGLES.cos().to(x.dtype) + around * ANGLES.sin().to(x.dtype)


def rotate(x: Tensor) -> Tensor:
    return rotated(x, ANGLES.cos().to(wide(x)), ANGLES.sin().to(wide(x)))


def wide(x: Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)


def plain_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    key, value = (x.repeat_interleave(query.shape[1] // x.shape[1], dim=1) for x in (key, value))
    scores = torch.einsum("bhqd,bhkd->bhqk", query, key) * 0.3
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return torch.einsum("bhqk,bhkd->bqhd", scores.softmax(-1, dtype=wide(query)).to(value.dtype), value)


def attention(mask: Tensor | None, causal: bool = False, seen: Tensor | None = None) -> tuple[Operation, Operation]:
    return (
        lambda q, k, v: softmax_attention(q, k, v, mask, 0.3, causal),
        lambda q, k, v: plain_attention(q, k, v, mask if seen is None else seen),
    )


def gates(name: str) -> tuple[Operation, Operation]:
    return lambda a, b: gated(a, b, ACTIVATIONS[name]), lambda a, b: ACTS[name](a) * b


QKV = ((2, 4, 5, 4),) * 3
LENGTHS = (20, 40)  # of rows that fill the registers of a processor in fp32, and in bf16 too
LOWER = torch.ones(5, 5, dtype=torch.bool).tril()
CASES: dict[str, tuple[Operation, Operation, Sequence[tuple[int, ...]]]] = {
    "layer norm": (
        lambda x, w, b: layer_norm(x, w, b, 1e-5),
        lambda x, w, b: torch.nn.functional.layer_norm(x, (6,), w, b, 1e-5),
        ((2, 3, 6), (6,), (6,)),
    ),
    "RMS norm": (
        lambda x, w: rms_norm(x, w, 1e-5),
        lambda x, w: torch.nn.functional.rms_norm(x, (6,), w, 1e-5),
        ((2, 3, 6), (6,)),
    ),
    "rotary": (rotate, turned, ((2, 5, 3, 4),)),
    "rotary of one projection": (
        lambda x: split_rotated(x, ANGLES.cos().to(wide(x)), ANGLES.sin().to(wide(x))),
        lambda x: (turned(x[:, :, 0]), turned(x[:, :, 1]), x[:, :, 2].transpose(1, 2)),
        ((2, 5, 3, 2, 4),),
    ),
    **{f"gated {name}": (*gates(name), ((3, 4), (3, 4))) for name in ACTS},
    "gated halves": (
        lambda x: split_gated(x, ACTIVATIONS["gelu"]),
        lambda x: gelu(x[..., :3]) * x[..., 3:],
        ((2, 4, 6),),
    ),
    "gated halves, the second the gate": (
        lambda x: split_gated(x, ACTIVATIONS["silu"], gate=1),
        lambda x: x[..., :3] * silu(x[..., 3:]),
        ((2, 4, 6),),
    ),
    "attention": (*attention(None), QKV),
    **{f"attention of {length}": (*attention(None), ((1, 2, length, 4),) * 3) for length in LENGTHS},
    "attention with a mask": (*attention(SEEN), QKV),
    "causal attention": (*attention(None, causal=True, seen=LOWER), QKV),
    "attention of heads that share keys": (*attention(SEEN), ((2, 4, 5, 4), (2, 2, 5, 4), (2, 2, 5, 4))),
}


def drawn(shapes: Sequence[tuple[int, ...]], form: torch.dtype) -> list[Tensor]:
    generator = torch.Generator().manual_seed(5)
    made = [torch.randn(shape, generator=generator, dtype=torch.float64).to(form) for shape in shapes]
    return [tensor.requires_grad_() for tensor in made]


def values_and_gradients(operation: Operation, inputs: Sequence[Tensor]) -> list[Tensor]:
    found = operation(*inputs)
    outputs = [found] if isinstance(found, Tensor) else list(found)
    generator = torch.Generator().manual_seed(6)
    sent = [torch.randn(out.shape, generator=generator, dtype=torch.float64).to(out.dtype) for out in outputs]
    return [*outputs, *torch.autograd.grad(outputs, list(inputs), sent)]


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_those_of_plain_torch(case: str) -> None:
    fused, plain, shapes = CASES[case]
    for form, tolerance in ((torch.float64, 1e-12), (torch.float32, 2e-6)):
        found = values_and_gradients(fused, drawn(shapes, form))
        for one, other in zip(found, values_and_gradients(plain, drawn(shapes, form)), strict=True):
            torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("case", CASES)
def test_bf16_is_rounded_no_more_than_in_plain_torch(case: str) -> None:
    fused, plain, shapes = CASES[case]
    exact = values_and_gradients(plain, [x.detach().double().requires_grad_() for x in drawn(shapes, torch.bfloat16)])
    errors = [
        [(found.double() - truth).norm() / truth.norm() for found, truth in zip(results, exact, strict=True)]
        for results in (values_and_gradients(way, drawn(shapes, torch.bfloat16)) for way in (fused, plain))
    ]
    for one, other in zip(*errors, strict=True):
        assert one <= 1.3 * other + 1e-3


def test_a_norm_gives_the_format_of_the_products_behind_it() -> None:
    x, weight = drawn(((4, 6), (6,)), torch.float32)
    assert layer_norm(x, weight, None, 1e-5).dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer_norm(x, weight, None, 1e-5).dtype == torch.bfloat16


def test_attention_takes_queries_keys_and_values_of_several_formats_under_autocast() -> None:
    query, key, value = drawn(QKV, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        attended = softmax_attention(query, key.bfloat16(), value, SEEN, 0.3, False)
    assert attended.dtype == torch.bfloat16
    torch.testing.assert_close(attended.float(), plain_attention(query, key, value, SEEN), rtol=0.02, atol=0.02)


def test_dropout_draws_as_the_generator_says_and_sends_gradients_through_what_it_kept() -> None:
    (x,) = drawn(((40, 50),), torch.float32)
    torch.manual_seed(1)
    uniform = torch.rand(40, 50, dtype=torch.float64)
    torch.manual_seed(1)
    dropped = dropout(x, 0.2)
    torch.testing.assert_close(dropped, torch.where(uniform < 0.8, x / 0.8, 0.0))
    dropped.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, (uniform < 0.8) / 0.8, check_dtype=False)


@pytest.mark.parametrize("form", [torch.float32, torch.bfloat16])
def test_short_dropout_keeps_a_share_and_sums_and_sends_gradients_through_what_it_kept(form: torch.dtype) -> None:
    x = torch.ones(301, 333, dtype=form, requires_grad=True)
    dropped, again = (short_dropout(x, 0.1) for _ in range(2) if torch.manual_seed(3))
    assert torch.equal(dropped, again)
    assert float((dropped != 0).double().mean()) == pytest.approx(0.9, abs=0.003)
    assert float(dropped.detach().double().max()) == pytest.approx(1 / 0.9, rel=4e-3)
    (gradient,) = torch.autograd.grad(dropped.sum(), x)
    assert torch.equal(gradient, dropped)


def test_attention_drops_weights_and_sends_gradients_through_those_it_kept() -> None:
    query, key, value = drawn(((2, 3, 6, 4),) * 3, torch.float64)

    def attended(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        torch.manual_seed(9)
        return softmax_attention(query, key, value, None, 0.5, False, dropout=0.4)

    assert torch.autograd.gradcheck(attended, (query, key, value))
    # What a row attends to with values of one is how much of its weight was kept.
    ones = torch.ones_like(value)
    kept = torch.cat([softmax_attention(query, key, ones, None, 0.5, False, 0.4).detach() for _ in range(200)])
    assert float(kept.mean()) == pytest.approx(1.0, abs=0.03)
    assert float(kept.std()) > 0.1
