"""The forecaster: quantiles that never cross whatever comes in, and no look at what is missing."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from inspect import signature
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from domain.forecast import HORIZONS, QUANTILES
from infrastructure.data.series.calendar import Calendar
from infrastructure.data.series.scaler import Scaler
from infrastructure.data.series.series import Series, SeriesRecipe
from infrastructure.models.forecaster import Forecaster, ForecasterConfig
from infrastructure.models.forecaster_factory import open_forecaster
from infrastructure.models.presets import FORECASTERS
from infrastructure.tasks.series.scoring.calibration import Calibration
from tests.support.tiny_series import answer_of, rough

LENGTH, INPUTS, TARGETS, CALENDAR = 12, 3, 2, 2
PER_CASE = 210
WEIGHTS = (0.0, 0.2, 1.0, 1e3)  # 0.0 stands for those of a fresh model
FORMATS = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
CASES = list(product(WEIGHTS, (True, False), (QUANTILES, (0.1, 0.2), (0.9,)), ("fp32", "bf16")))


def forecaster(weights: float = 0.2, **changes: Any) -> Forecaster:
    shape: dict[str, Any] = {
        "context_length": LENGTH, "patch_length": 5, "num_inputs": INPUTS, "num_targets": TARGETS,
        "num_calendar": CALENDAR, "horizons": HORIZONS, "quantiles": QUANTILES, "hidden_size": 16, "num_layers": 2,
        "num_heads": 2,
    }  # fmt: skip
    torch.manual_seed(0)
    model = Forecaster(ForecasterConfig(**{**shape, **changes})).eval()
    if weights:
        rough(model, weights)
    return model


def adversarial(draw: np.random.Generator, count: int) -> dict[str, Tensor]:
    """Draw windows that somebody chose to break a forecaster with."""
    shape = (LENGTH, INPUTS)
    kinds = [
        lambda: draw.normal(size=shape) * 1e38,
        lambda: np.full(shape, draw.choice([-3e38, 3e38])),
        lambda: draw.normal(size=shape) * 1e-40,
        lambda: np.full(shape, draw.normal() * 10.0 ** draw.integers(-30, 30)),
        lambda: np.zeros(shape),
        lambda: draw.choice([np.nan, np.inf, -np.inf, 1.0], size=shape),
        lambda: np.full(shape, np.nan),
        lambda: np.where(np.arange(LENGTH)[:, None] % 2, 1.0, -1.0) * 10.0 ** draw.integers(-20, 38) * np.ones(shape),
        lambda: draw.standard_cauchy(size=shape),
        lambda: 1e9 + draw.normal(size=shape),
        lambda: np.where(np.arange(LENGTH)[:, None] == draw.integers(LENGTH), 1e30, draw.normal(size=shape)),
    ]
    masks = [
        lambda: np.ones(shape, dtype=bool),
        lambda: np.zeros(shape, dtype=bool),
        lambda: draw.random(shape) < 0.5,
        lambda: np.arange(LENGTH * INPUTS).reshape(shape) == draw.integers(LENGTH * INPUTS),
        lambda: np.broadcast_to(np.arange(INPUTS) != draw.integers(INPUTS), shape),
    ]
    values = np.stack([kinds[draw.integers(len(kinds))]() for _ in range(count)])
    observed = np.stack([masks[draw.integers(len(masks))]() for _ in range(count)])
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    return {
        "values": torch.from_numpy(single),
        "observed": torch.from_numpy(observed),
        "calendar": torch.from_numpy(draw.uniform(-1, 1, size=(count, LENGTH, CALENDAR)).astype(np.float32)),
    }


def autocast(name: str) -> AbstractContextManager[Any]:
    dtype = FORMATS[name]
    return nullcontext() if dtype is None else torch.autocast("cpu", dtype=dtype)


def forecasts_of(case: tuple[float, bool, tuple[float, ...], str]) -> np.ndarray:
    weights, instance_norm, quantiles, format_name = case
    model = forecaster(weights, instance_norm=instance_norm, quantiles=quantiles)
    batch = adversarial(np.random.default_rng(CASES.index(case)), PER_CASE)
    with torch.inference_mode(), autocast(format_name):
        found: Tensor = model(**batch)["forecast"]
    return found.numpy()


def calibrations(quantiles: tuple[float, ...]) -> Iterator[Calibration]:
    draw = np.random.default_rng(3)
    for factors in (
        draw.random(len(quantiles)) * 5,
        np.zeros(len(quantiles)),
        10.0 ** draw.uniform(-9, 6, len(quantiles)),
    ):
        yield Calibration(quantiles, tuple(factors.tolist()))


def recipe_of(num_inputs: int, num_targets: int, **changes: Any) -> SeriesRecipe:
    names = tuple(f"column {number}" for number in range(num_inputs))
    settings = {"calendar": Calendar(), "context_length": LENGTH, "horizons": HORIZONS, **changes}
    scaler = settings.pop("scaler", Scaler((0.0,) * num_inputs, (1.0,) * num_inputs))
    return SeriesRecipe(names, num_targets, scaler, **settings)


def test_there_are_ten_thousand_adversarial_inputs() -> None:
    assert len(CASES) * PER_CASE >= 10_000


@pytest.mark.parametrize("case", CASES, ids=str)
def test_quantiles_never_cross_and_are_finite_whatever_comes_in(case: Any) -> None:
    """Neither as the model gives them, nor calibrated, nor in the units of the table."""
    forecast, quantiles = forecasts_of(case), case[2]
    recipe = recipe_of(2, 2, scaler=Scaler((1e9, -1e-9), (1e-6, 1e12)))
    assert forecast.shape == (PER_CASE, TARGETS, len(HORIZONS), len(quantiles))
    for spread in (forecast, *(calibration.applied(forecast) for calibration in calibrations(quantiles))):
        for found in (spread, recipe.in_own_units(spread)):
            assert np.isfinite(found).all()
            assert (np.diff(found, axis=-1) >= 0).all()


@pytest.mark.parametrize("instance_norm", [True, False])
def test_a_fresh_forecaster_in_fp16_is_finite_whatever_comes_in(instance_norm: bool) -> None:
    """Weights of a thousand would leave fp16 between the layers, which no treatment of the inputs can mend."""
    model, batch = forecaster(0.0, instance_norm=instance_norm), adversarial(np.random.default_rng(1), 60)
    with torch.inference_mode(), autocast("fp16"):
        forecast = model(**batch)["forecast"]
    assert forecast.isfinite().all()
    assert (forecast.diff(dim=-1) >= 0).all()


EVERY_FLOAT = st.floats(width=32, allow_nan=True, allow_infinity=True)


@settings(max_examples=60)
@given(st.lists(st.tuples(EVERY_FLOAT, st.booleans()), min_size=LENGTH, max_size=LENGTH), st.sampled_from(WEIGHTS))
def test_no_history_that_can_be_written_down_makes_quantiles_cross(
    history: list[tuple[float, bool]], weights: float
) -> None:
    values, observed = (torch.tensor(part)[None, :, None] for part in zip(*history, strict=True))
    model = forecaster(weights, num_inputs=1, num_targets=1, num_calendar=0)
    with torch.inference_mode():
        forecast = model(values, observed, torch.zeros(1, LENGTH, 0))["forecast"]
    assert forecast.isfinite().all()
    assert (forecast.diff(dim=-1) >= 0).all()


def test_walks_that_are_not_said_of_each_target_are_none() -> None:
    for told in ([True], [True, 1], ["yes", "no"]):
        assert ForecasterConfig(num_targets=2, walks=told).walks == [False, False]  # type: ignore[arg-type]


def test_logits_are_finite_whatever_comes_in() -> None:
    for weights in WEIGHTS:
        batch = adversarial(np.random.default_rng(1), PER_CASE)
        with torch.inference_mode():
            logits = forecaster(weights, num_targets=0, num_classes=3)(**batch)["logits"]
        assert logits.shape == (PER_CASE, 3)
        assert logits.isfinite().all()


def plain(count: int = 6, seed: int = 0) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return {
        "values": torch.randn(count, LENGTH, INPUTS, generator=draw),
        "observed": torch.rand(count, LENGTH, INPUTS, generator=draw) < 0.7,
        "calendar": torch.randn(count, LENGTH, CALENDAR, generator=draw),
    }


@pytest.mark.parametrize("head", [{}, {"num_targets": 0, "num_classes": 3}], ids=["quantiles", "classes"])
@pytest.mark.parametrize("instance_norm", [True, False])
@pytest.mark.parametrize("hidden", [5.0, 1e38, float("nan"), float("inf")])
def test_values_that_are_not_observed_change_no_bit(head: dict[str, Any], instance_norm: bool, hidden: float) -> None:
    model, batch = forecaster(instance_norm=instance_norm, **head), plain()
    with torch.inference_mode():
        expected, *_ = model(**batch).values()
        found, *_ = model(**{**batch, "values": batch["values"].where(batch["observed"], hidden)}).values()
    assert found.equal(expected)
    assert found.isfinite().all()


@pytest.mark.parametrize("missing", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_counts_as_missing(missing: float) -> None:
    model, batch = forecaster(), plain()
    marked = {**batch, "values": batch["values"].where(batch["observed"], missing)}
    marked["observed"] = torch.ones_like(batch["observed"])
    with torch.inference_mode():
        assert model(**marked)["forecast"].equal(model(**batch)["forecast"])


@pytest.mark.parametrize("rows", [1, 4, 5, 11])
def test_a_short_history_is_one_whose_earlier_rows_are_masked(rows: int) -> None:
    draw = np.random.default_rng(2)
    values, calendar = draw.normal(size=(40, INPUTS)), draw.normal(size=(40, CALENDAR))
    values, calendar = values.astype(np.float32), calendar.astype(np.float32)
    model, here = forecaster(), np.ones((40, INPUTS), dtype=bool)
    masked = here.copy()
    masked[: 40 - rows] = False
    short = Series(values[-rows:], here[-rows:], calendar[-rows:], TARGETS)
    long = Series(values, masked, calendar, TARGETS)
    first = answer_of(model, short.history(np.array([rows - 1]), LENGTH))
    second = answer_of(model, long.history(np.array([39]), LENGTH))
    assert first.equal(second)
    assert not first.equal(answer_of(model, Series(values, here, calendar, TARGETS).history(np.array([39]), LENGTH)))


def test_a_variable_that_is_missing_altogether_is_as_if_the_model_did_not_have_it() -> None:
    """An independent reference: the same weights in a forecaster of one variable fewer."""
    model, batch = forecaster(), plain()
    fewer = forecaster(num_inputs=INPUTS - 1)
    weights = model.state_dict()
    fewer.load_state_dict({**weights, "variables": weights["variables"][: INPUTS - 1]})
    batch["observed"][..., -1] = False
    batch["observed"][..., 0] = True
    others = {**batch, "values": batch["values"][..., :-1], "observed": batch["observed"][..., :-1]}
    with torch.inference_mode():
        torch.testing.assert_close(model(**batch)["forecast"], fewer(**others)["forecast"], rtol=1e-5, atol=1e-5)
        batch["observed"][..., -1] = True
        assert (model(**batch)["forecast"] - fewer(**others)["forecast"]).abs().max() > 1e-2


def test_a_window_is_forecast_alone_as_it_is_among_others() -> None:
    model, batch = forecaster(), plain(9)
    with torch.inference_mode():
        together = model(**batch)["forecast"]
        alone = torch.cat([model(**{n: t[i : i + 1] for n, t in batch.items()})["forecast"] for i in range(9)])
    torch.testing.assert_close(alone, together, rtol=1e-5, atol=1e-5)


def test_with_instance_norm_a_forecast_moves_and_stretches_with_its_history() -> None:
    model, batch = forecaster(), plain()
    moved = {**batch, "values": batch["values"] * 4.0 + 32.0}
    with torch.inference_mode():
        torch.testing.assert_close(
            model(**moved)["forecast"], model(**batch)["forecast"] * 4.0 + 32.0, rtol=1e-4, atol=1e-3
        )


def test_a_fresh_forecaster_repeats_the_last_value_as_its_median() -> None:
    model, batch = forecaster(weights=0.0), plain()
    batch["observed"][:] = True
    with torch.inference_mode():
        median = model(**batch)["forecast"][..., QUANTILES.index(0.5)]
    last = batch["values"][:, -1, :TARGETS, None].expand_as(median)
    torch.testing.assert_close(median, last, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("head", [{}, {"walks": [False, True]}, {"num_targets": 0, "num_classes": 3}], ids=str)
def test_a_saved_forecaster_opens_to_the_same_bits(tmp_path: Path, head: dict[str, Any]) -> None:
    model, batch = forecaster(**head), plain()
    model.save_pretrained(tmp_path)
    opened = Forecaster.from_pretrained(tmp_path).eval()
    assert not dict(model.named_buffers())  # what is no parameter would have to be saved as well
    assert {n: t.shape for n, t in opened.state_dict().items()} == {n: t.shape for n, t in model.state_dict().items()}
    for name in list(signature(ForecasterConfig).parameters)[:-1]:
        assert getattr(opened.config, name) == getattr(model.config, name), name
    with torch.inference_mode():
        expected, *_ = model(**batch).values()
        for other in (opened, open_forecaster(tmp_path).eval()):
            found, *_ = other(**batch).values()
            assert found.equal(expected)


@pytest.mark.parametrize("head", [{"walks": [False, True]}, {"num_targets": 0, "num_classes": 3}], ids=str)
def test_an_exported_forecaster_gives_the_same_numbers_for_any_batch(tmp_path: Path, head: dict[str, Any]) -> None:
    model, traced = forecaster(**head), plain(3)
    model.save_pretrained(tmp_path)
    finished, count = open_forecaster(tmp_path).eval(), torch.export.Dim("count")
    program = torch.export.export(finished, (), traced, dynamic_shapes={name: {0: count} for name in traced})
    for rows in (1, 7):
        batch = plain(rows, seed=rows)
        batch["observed"][0] = False
        with torch.inference_mode():
            expected, found = model(**batch), program.module()(**batch)
        assert found.keys() == expected.keys()
        for name, answer in expected.items():
            torch.testing.assert_close(found[name], answer, rtol=1e-5, atol=1e-5)


SHAPES: list[dict[str, Any]] = [
    {"num_inputs": 1, "num_targets": 1, "calendar": (), "horizons": (1,), "quantiles": (0.5,)},
    {"num_inputs": 1, "num_targets": 1, "calendar": ("hour",), "horizons": (2, 7), "quantiles": (0.1, 0.9)},
    {"num_inputs": 5, "num_targets": 1, "calendar": ("session",), "horizons": HORIZONS, "quantiles": QUANTILES},
    {"num_inputs": 4, "num_targets": 4, "calendar": ("hour", "month"), "horizons": (96,), "quantiles": (0.01, 0.02)},
]  # fmt: skip


@pytest.mark.parametrize("preset", FORECASTERS)
@pytest.mark.parametrize("shape", SHAPES, ids=[f"{s['num_inputs']} variables" for s in SHAPES])
@pytest.mark.parametrize("patch_length", [1, 7, LENGTH, 50])
def test_a_preset_builds_for_any_table(preset: str, shape: dict[str, Any], patch_length: int) -> None:
    width, targets = shape["num_inputs"], shape["num_targets"]
    recipe = recipe_of(width, targets, calendar=Calendar(shape["calendar"]), horizons=shape["horizons"])
    made = {name: value for name, value in shape.items() if name != "calendar"} | {"patch_length": patch_length}
    config = ForecasterConfig(
        **vars(FORECASTERS[preset]), **made, context_length=LENGTH, num_calendar=recipe.calendar.width
    )
    model = Forecaster(config)
    calendar = recipe.calendar.features(np.arange(3 * LENGTH)).reshape(3, LENGTH, -1)
    values = np.random.default_rng(0).normal(size=(3, LENGTH, width)).astype(np.float32)
    forecast = answer_of(model, {"values": values, "observed": np.ones(values.shape, bool), "calendar": calendar})
    assert forecast.shape == (3, targets, len(shape["horizons"]), len(shape["quantiles"]))
    assert forecast.isfinite().all()
