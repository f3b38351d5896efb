"""In which number format the heavy products are computed."""

import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from domain.exceptions import ConfigurationError
from infrastructure.models.fp8 import require_fp8
from infrastructure.training.loss_scaler import LossScaler

# A lower precision must pay: below this ratio of speeds fp32 is kept.
WORTHWHILE_SPEEDUP = 1.3
PROBE_SIZE = {"cpu": 512, "cuda": 4096}
PROBE_REPEATS = 15

# What tensors are: tf32 rounds within the products alone, fp8 what goes into those of some layers, which give bf16.
_DTYPES = {
    "fp32": torch.float32,
    "tf32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "fp8": torch.bfloat16,
}


@dataclass
class Precision:
    """Autocast for the forward pass and, for fp16, a loss scaler; weights and optimizer stay in fp32."""

    name: str
    device: torch.device

    def __post_init__(self) -> None:
        if self.name not in _DTYPES:
            raise ConfigurationError(f"precision {self.name!r} is not known.", remedy=f"Use {', '.join(_DTYPES)}.")
        if self.name == "fp16" and self.device.type == "mps":
            raise ConfigurationError("precision 'fp16' cannot be trained on mps.", remedy="Use --precision fp32.")
        if self.name == "fp8":
            require_fp8(self.device)
        self.scaler = LossScaler(self.device) if self.name == "fp16" else None

    @property
    def form(self) -> torch.dtype:
        """The format of the heavy products."""
        return _DTYPES[self.name]

    def autocast(self) -> AbstractContextManager[object]:
        """Give the context of a forward pass."""
        if self.form == torch.float32:
            return self.products()
        return torch.autocast(self.device.type, dtype=self.form)

    def products(self) -> AbstractContextManager[object]:
        """Let a GPU round the factors of products of fp32 as the format says, in both passes of a step."""
        return _rounded_to_tf32() if self.name == "tf32" else nullcontext()

    @property
    def loss_scale(self) -> Tensor:
        """How many times too large the loss is for its backward pass, and so every gradient; a number of the device."""
        return torch.ones((), device=self.device) if self.scaler is None else self.scaler.scale

    def scaled(self, loss: Tensor) -> Tensor:
        """Scale a loss before its backward pass, so that small fp16 gradients do not vanish."""
        return loss if self.scaler is None else loss * self.scaler.scale

    def step(self, optimizer: torch.optim.Optimizer, divisor: Tensor, found_inf: Tensor) -> None:
        """Apply the gradients of the true loss divided by `divisor`, or drop them where `found_inf` is 1.0, not 0.0.

        A scaler learns from both.
        """
        _take_step(optimizer, divisor * self.loss_scale, found_inf)
        if self.scaler is not None:
            self.scaler.update(found_inf)


def _take_step(optimizer: torch.optim.Optimizer, divisor: Tensor, found_inf: Tensor) -> None:
    """Update by the gradients divided by `divisor`, or not at all where `found_inf` is 1.0; both [] on the device.

    Behind it the gradients have no meaning. A fused kernel divides them on its way, which saves a pass over them, and
    on a GPU it learns there that the step is dropped. Beside a processor, and for another optimizer, the host asks.
    """
    told: Any = optimizer
    fused = getattr(optimizer, "_step_supports_amp_scaling", False)
    on_device = fused and divisor.device.type != "cpu"
    if not on_device and found_inf.item():
        return
    # By these names torch's own scaler tells it to its optimizers. A kernel that divides also writes what it has found.
    told.found_inf = found_inf if on_device else None
    told.grad_scale = divisor if on_device or (fused and divisor.item() != 1.0) else None
    if not fused:
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        torch._foreach_div_(gradients, divisor) if gradients else None
    optimizer.step()


def choose_precision(
    requested: str, use_mixed_precision: bool, device: torch.device, outgrows_fp16: bool = False
) -> str:
    """Settle "auto" by what this hardware really runs faster; anything else stays as it is.

    A model whose numbers outgrow fp16 is not computed in it unasked.
    """
    if not use_mixed_precision:
        return "fp32"
    if requested == "fp8":
        require_fp8(device)
    if requested != "auto":
        return requested
    if device.type == "mps":
        return "fp32"
    # Before Ampere a GPU only imitates bf16; from then on it needs no loss scaler and is as fast as fp16.
    old_gpu = device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 0)
    if old_gpu and outgrows_fp16:
        return "fp32"
    lower = ("fp16",) if old_gpu else ("tf32", "bf16") if device.type == "cuda" else ("bf16",)
    speeds, chosen = probe(device, ("fp32", *lower)), "fp32"
    for name in lower:  # each rounds more than the one before it
        if speeds[name] > WORTHWHILE_SPEEDUP * speeds[chosen]:
            chosen = name
    return chosen


@contextmanager
def _rounded_to_tf32() -> Iterator[None]:
    """Round the factors of products of fp32 on a GPU to ten bits inside the block; sums stay in fp32."""
    products = torch.backends.cuda.matmul
    before, products.fp32_precision = products.fp32_precision, "tf32"
    try:
        yield
    finally:
        products.fp32_precision = before


def probe(device: torch.device, names: Iterable[str]) -> dict[str, float]:
    """Measure matrix products in each format, alternating; gives GFLOP/s.

    The fastest of the repeats counts: other programs on the machine can only make one slower.
    """
    size = PROBE_SIZE[device.type]
    factors = {name: torch.ones(size, size, device=device, dtype=_DTYPES[name]) for name in names}
    formats = {name: Precision(name, device) for name in factors}
    seconds: dict[str, list[float]] = {name: [] for name in factors}
    for _ in range(1 + PROBE_REPEATS):
        for name, factor in factors.items():
            with formats[name].products():
                seconds[name].append(_seconds_of_product(factor))
    # The first product of a format also prepares its kernel.
    return {name: 2e-9 * size**3 / min(times[1:]) for name, times in seconds.items()}


def _seconds_of_product(factor: Tensor) -> float:
    started = time.perf_counter()
    torch.mm(factor, factor)
    if factor.device.type == "cuda":
        torch.cuda.synchronize(factor.device)
    return time.perf_counter() - started
