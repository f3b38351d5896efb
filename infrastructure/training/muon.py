"""Muon: orthogonal updates for the hidden matrices of a network, AdamW for everything else."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from infrastructure.spread_tensors import held, is_spread, spread_like

# A quintic whose iteration drives singular values from (0, 1] into about 0.7 to 1.2 in five rounds. It does not reach
# 1, and need not: being steep at zero is what makes five rounds enough.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
NUM_ITERATIONS = 5
# An orthogonal [R, C] matrix has entries of root mean square 1/sqrt(max(R, C)), those of an AdamW update are about 0.2
# to 0.4: scaled like this, one learning rate and one weight decay serve both.
UPDATE_RMS = 0.2
# Below this a gradient counts as none; also keeps a matrix of zeros from becoming NaN.
LEAST_NORM = 1e-12


class Muon(torch.optim.Optimizer):
    """Orthogonalises the momentum of matrices; other parameters take AdamW steps at the same learning rate.

    Groups with `orthogonal` hold matrices [R, C] only. The AdamW part remembers squares for 20 steps (a second beta
    of 0.95), as is usual beside Muon: the matrices move fast, and 1,000 steps of memory would outlast their gradients.
    Weight decay is decoupled in both parts.
    Sources: Jordan et al., Muon (2024); for the scale, Liu et al., Muon is Scalable for LLM Training (2025).
    """

    # Where it is so, whoever calls `step` may set by what it divides the gradients, and that it is dropped (1.0).
    _step_supports_amp_scaling = True
    grad_scale: Tensor | None = None
    found_inf: Tensor | None = None

    def __init__(
        self,
        params: Iterable[dict[str, Any]],
        lr: float = 1e-3,
        weight_decay: float = 0.01,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 1e-8,
    ) -> None:
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"momentum is {momentum!r}, but must be at least 0 and below 1")
        if not all(0.0 <= beta < 1.0 for beta in betas):
            raise ValueError(f"betas are {betas!r}, but must be at least 0 and below 1")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "betas": tuple(betas),
            "eps": eps,
            "orthogonal": False,
            # Read by `load_state_dict` of torch: the step counts of fused kernels belong on the parameter's device.
            "fused": True,
        }
        super().__init__(params, defaults)
        wrong = [p for group in self.param_groups if group["orthogonal"] for p in group["params"] if p.ndim != 2]
        if wrong:
            raise ValueError(f"a parameter of shape {tuple(wrong[0].shape)} is no matrix")

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]  # torch overloads it
        """Update every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if parameters and group["orthogonal"]:
                self._step_orthogonal(group, parameters)
            elif parameters:
                self._step_adamw(group, parameters)
        return loss

    def _step_orthogonal(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter]["momentum"] = torch.zeros_like(parameter)
        directions = [parameter.grad for parameter in parameters if parameter.grad is not None]
        momenta = [held(self.state[parameter]["momentum"]) for parameter in parameters]
        self._look_ahead([held(direction) for direction in directions], momenta, group["momentum"])
        torch._foreach_mul_([held(parameter) for parameter in parameters], self._kept_share(group, momenta[0].device))
        if is_spread(parameters[0]):
            for parameter, direction in zip(parameters, directions, strict=True):
                self._add_spread(group, parameter, direction)
            return
        # Wide and tall matrices of the same sides go into one stack: few large products instead of many small ones.
        stacks: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, parameter in enumerate(parameters):
            rows, columns = parameter.shape
            stacks[min(rows, columns), max(rows, columns)].append(index)
        for indices in stacks.values():
            ahead = torch.stack([_as_wide(directions[index]) for index in indices])  # [K, short, long]
            updates = orthogonalised(ahead).to(ahead.dtype).mul_(self._length(group, ahead))
            torch._foreach_add_([_as_wide(parameters[index]) for index in indices], updates.unbind())

    def _add_spread(self, group: dict[str, Any], parameter: Tensor, direction: Tensor) -> None:
        """Update a matrix that ranks hold together: one at a time is whole, and all ranks compute the same of it."""
        assert is_spread(parameter)
        assert is_spread(direction)
        whole = direction.full_tensor()
        update = orthogonalised(_as_wide(whole)[None])[0].to(whole.dtype).mul_(self._length(group, whole))
        update = update if len(whole) <= whole.shape[1] else update.mT
        held(parameter).add_(held(spread_like(parameter, lambda start, stop: update[start:stop])))

    def _look_ahead(self, gradients: list[Tensor], momenta: list[Tensor], beta: float) -> None:
        """Move momenta by gradients of their shapes, which become what the momenta will be, after Nesterov."""
        if self.grad_scale is not None:
            torch._foreach_div_(gradients, self.grad_scale)
        if self.found_inf is not None:  # a gradient that is the momentum itself moves nothing, and is finite
            dropped = self.found_inf.bool()
            for gradient, momentum in zip(gradients, momenta, strict=True):
                torch.where(dropped, momentum, gradient, out=gradient)
        torch._foreach_lerp_(momenta, gradients, 1.0 - beta)
        torch._foreach_lerp_(gradients, momenta, beta)

    def _kept_share(self, group: dict[str, Any], device: torch.device) -> Tensor:
        """Tell which share of a weight decay leaves of it; all of a step that is dropped."""
        kept = _on(device, 1.0 - group["lr"] * group["weight_decay"])
        return kept if self.found_inf is None else torch.where(self.found_inf.bool(), 1.0, kept)

    def _length(self, group: dict[str, Any], matrices: Tensor) -> Tensor:
        """Tell by what orthogonal updates of matrices [..., R, C] are multiplied; zero in a step that is dropped."""
        length = _on(matrices.device, -group["lr"] * UPDATE_RMS * max(matrices.shape[-2:]) ** 0.5)
        return length if self.found_inf is None else torch.where(self.found_inf.bool(), 0.0, length)

    def _step_adamw(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter] = {
                    "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
                    "exp_avg": torch.zeros_like(parameter),
                    "exp_avg_sq": torch.zeros_like(parameter),
                }
        states = [self.state[parameter] for parameter in parameters]
        adamw(
            parameters,
            [parameter.grad for parameter in parameters if parameter.grad is not None],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
            grad_scale=self.grad_scale,
            found_inf=self.found_inf,
        )


def _on(device: torch.device, number: float | Tensor) -> Tensor:
    """Give a number as a tensor [] of a device in fp32; a rate may be there already, and is not asked for."""
    return number.float() if isinstance(number, Tensor) else torch.full((), number, device=device)


def orthogonalised(matrices: Tensor) -> Tensor:
    """Bring the singular values of each matrix near 1 and leave its singular vectors.

    Shapes: matrices [K, R, C] with R at most C, in fp32; gives [K, R, C] in the format of the products.
    Source: Newton-Schulz iteration as in Jordan et al., Muon (2024).
    """
    a, b, c = COEFFICIENTS
    norms = torch.linalg.vector_norm(matrices, dim=(1, 2), keepdim=True).clamp_min_(LEAST_NORM)
    x = (matrices / norms).to(_product_format(matrices.device))
    for _ in range(NUM_ITERATIONS):
        gram = torch.bmm(x, x.mT)  # [K, R, R]
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, polynomial, x, beta=a)
    return x


def _as_wide(matrix: Tensor) -> Tensor:
    return matrix if matrix.shape[0] <= matrix.shape[1] else matrix.mT


def _product_format(device: torch.device) -> torch.dtype:
    # A processor without bf16 instructions imitates them many times slower than it computes in fp32.
    has_bf16 = device.type != "cpu" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.bfloat16 if has_bf16 else torch.float32
