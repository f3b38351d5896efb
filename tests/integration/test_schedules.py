import math
import warnings
from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LinearLR,
    LRScheduler,
    ReduceLROnPlateau,
)

from domain.config import TrainingConfig
from domain.exceptions import ConfigurationError
from domain.plan import TrainingPlan
from domain.progress import EarlyStopping, Progress
from domain.schedule import SCHEDULERS, Decay, Plateau, lr_factor

WARMUP = 60
TOTAL = 1060


def factors_of(scheduler: str, **decay: Any) -> list[float]:
    return [lr_factor(scheduler, step, TOTAL, WARMUP, Decay(**decay)) for step in range(TOTAL)]


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def torch_factors(make: Callable[[torch.optim.Optimizer], LRScheduler], num_steps: int) -> list[float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no optimizer step in between: only the rates matter here
        sgd = optimizer()
        scheduler, factors = make(sgd), []
        for _ in range(num_steps):
            factors.append(float(sgd.param_groups[0]["lr"]))
            scheduler.step()
    return factors


AFTER_WARMUP: dict[str, tuple[str, dict[str, Any], Callable[[torch.optim.Optimizer], LRScheduler]]] = {
    "linear": ("linear", {"least": 0.1}, lambda o: LinearLR(o, 1.0, 0.1, total_iters=1000)),
    "cosine": ("cosine", {"least": 0.05}, lambda o: CosineAnnealingLR(o, 1000, eta_min=0.05)),
    "restarts": (
        "cosine_with_restarts",
        {"t_0": 70, "t_mult": 2, "least": 0.05},
        lambda o: CosineAnnealingWarmRestarts(o, 70, 2, eta_min=0.05),
    ),
    "equal restarts": (
        "cosine_with_restarts",
        {"t_0": 90, "t_mult": 1},
        lambda o: CosineAnnealingWarmRestarts(o, 90, 1),
    ),
    "exponential": ("exponential", {"gamma": 0.997}, lambda o: ExponentialLR(o, 0.997)),
}


@pytest.mark.parametrize("name", AFTER_WARMUP)
def test_a_thousand_factors_are_those_of_torch(name: str) -> None:
    scheduler, decay, make = AFTER_WARMUP[name]
    assert factors_of(scheduler, **decay)[WARMUP:] == pytest.approx(torch_factors(make, 1000), abs=1e-9)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_every_schedule_warms_up_as_torch_does(scheduler: str) -> None:
    expected = torch_factors(lambda o: LinearLR(o, 1 / (WARMUP + 1), 1.0, total_iters=WARMUP), WARMUP + 1)
    assert factors_of(scheduler)[: WARMUP + 1] == pytest.approx(expected, abs=1e-9)


def test_constant_stays_at_its_peak() -> None:
    assert set(factors_of("constant", least=0.5)[WARMUP:]) == {1.0}


def test_exponential_falls_to_a_hundredth_when_nobody_says_its_gamma() -> None:
    expected = [math.exp(math.log(0.01) * step / 1000) for step in range(1000)]
    assert factors_of("exponential")[WARMUP:] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("t_mult", "starts"), [(1, [0, 333, 666]), (2, [0, 142, 428]), (3, [0, 76, 307])])
def test_three_cycles_fill_the_run_when_nobody_says_their_length(t_mult: int, starts: list[int]) -> None:
    factors = factors_of("cosine_with_restarts", t_mult=t_mult)[WARMUP:]
    assert [step for step, factor in enumerate(factors) if factor == 1.0] == starts
    assert factors[-1] == pytest.approx((1 - math.cos(math.pi / (1000 - starts[-1]))) / 2, rel=1e-9)


def test_no_schedule_falls_below_the_least_rate() -> None:
    for scheduler in SCHEDULERS:
        factors = [lr_factor(scheduler, step, 300, 0, Decay(least=0.2), step // 10) for step in range(400)]
        assert min(factors) >= 0.2


@pytest.mark.parametrize("direction", ["min", "max"])
def test_plateau_reduces_when_torch_does(direction: Literal["min", "max"]) -> None:
    scores = [round(math.sin(0.37 * n) + 0.01 * n, 2) for n in range(1000)]
    scores[13] = scores[14] = math.nan
    sgd, plateau = optimizer(), Plateau(patience=3)
    # torch waits for one more than its patience: it names those that are forgiven, we the one that counts.
    scheduler = ReduceLROnPlateau(
        sgd, direction, factor=0.9, patience=2, threshold=0.0, threshold_mode="abs", min_lr=1e-3, eps=0.0
    )
    ours, theirs = [], []
    for score in scores:
        plateau.take_in(score, direction)
        scheduler.step(score)
        ours.append(lr_factor("plateau", 500, 1000, 0, Decay(plateau_factor=0.9, least=1e-3), plateau.num_reductions))
        theirs.append(sgd.param_groups[0]["lr"])
    assert ours == pytest.approx(theirs, rel=1e-9)
    assert ours[-1] == 1e-3


def test_a_plateau_goes_on_from_a_checkpoint_where_it_stood() -> None:
    def progress() -> Progress:
        return Progress("min", EarlyStopping(0), 8, Plateau(patience=3))

    whole, first = progress(), progress()
    for loss in (1.0, 1.1, 1.2):
        whole.consider({"loss": loss}, "loss", epoch=0)
        first.consider({"loss": loss}, "loss", epoch=0)
    resumed = Progress.from_json(first.to_json())
    for each in (whole, resumed):
        each.consider({"loss": 1.3}, "loss", epoch=1)
    assert resumed == whole
    assert resumed.plateau.num_reductions == 1


def test_the_plan_turns_settings_into_factors() -> None:
    def factor(applied_steps: int, num_reductions: int = 0, **settings: Any) -> float:
        config = TrainingConfig(learning_rate=0.01, batch_size=1, num_epochs=1, warmup_steps=0, **settings)
        return TrainingPlan.of(config, 100).lr_factor(applied_steps, num_reductions)

    assert factor(100, scheduler="cosine", eta_min=0.001) == pytest.approx(0.1)
    assert factor(10, scheduler="cosine_with_restarts", t_0=10, t_mult=3) == 1.0
    assert factor(2, scheduler="exponential", gamma=0.5) == 0.25
    assert factor(50, 2, scheduler="plateau", plateau_factor=0.1) == pytest.approx(0.01)


def test_all_faults_of_a_schedule_are_told_together() -> None:
    with pytest.raises(ConfigurationError) as error:
        TrainingConfig(
            scheduler="step",
            eta_min=1.0,
            t_0=0,
            t_mult=0,
            gamma=1.5,
            plateau_factor=1.0,
            plateau_patience=0,
            keep_best=0,
        )
    named = {message.split()[0] for message in error.value.messages}
    assert named == {
        "scheduler",
        "eta_min",
        "t_0",
        "t_mult",
        "gamma",
        "plateau_factor",
        "plateau_patience",
        "keep_best",
    }
