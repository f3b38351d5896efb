"""Targets learnt on another scale: the way there and back, what is measured, and that only the learning sees it."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from application.use_cases.evaluate_model import EvaluateModelRequest
from application.use_cases.predict import PredictRequest
from domain.exceptions import DatasetError
from infrastructure.container import Container
from infrastructure.data.series.series import SeriesRecipe
from infrastructure.data.series.target_values import TargetValues
from infrastructure.data.series.value_scale import LARGEST, ValueScale
from infrastructure.tasks.series.scoring.calibration import Calibration
from tests.support import tiny_panels, tiny_series
from tests.support.valued import COUNTS, LEVELS, RULES, forecasts, loaded, recipe_of

KINDS = ("log", "asinh")
DRAW = np.random.default_rng(0)
SKEWED = np.exp(DRAW.normal(size=300).cumsum() * 0.3 + DRAW.normal(size=300))
SWINGING = np.sinh(2 * DRAW.normal(size=300))
STEADY = 100 + DRAW.normal(size=300)
scales = st.builds(
    ValueScale,
    st.sampled_from(("plain", *KINDS)),
    centre=st.floats(-3, 3),
    width=st.floats(1e-3, 10),
    mean=st.floats(-3, 3),
    deviation=st.floats(0.1, 5),
)


@pytest.mark.parametrize("kind", KINDS)
def test_the_way_there_and_back_changes_nothing_and_what_is_learnt_is_standardised(kind: str) -> None:
    values = ((SKEWED - SKEWED.mean()) / SKEWED.std()).astype(np.float32)
    zero = np.full(len(values), -SKEWED.mean() / SKEWED.std())
    scale = ValueScale.fit(kind, values, zero)
    learnt = scale.learnt(values, zero)
    assert abs(learnt.mean()) < 1e-9
    assert learnt.std() == pytest.approx(1.0)
    assert np.array_equal(np.argsort(learnt), np.argsort(values))
    np.testing.assert_allclose(scale.standardised(learnt, zero), values, rtol=1e-9, atol=1e-12)


@settings(deadline=None, max_examples=200)
@given(forecasts(2.0**99), scales, scales, RULES, RULES)
def test_no_quantiles_cross_on_the_way_back(
    values: np.ndarray, first: ValueScale, second: ValueScale, one: TargetValues, other: TargetValues
) -> None:
    recipe = scaled(recipe_of(one, other), first, second)
    plain = recipe.on_plain_scale(values)
    given_away = recipe.kept_to(Calibration(LEVELS, (1.5, 0.5, 1.0, 0.7, 2.0)).applied(plain))
    for forecast in (plain, given_away):
        assert np.isfinite(forecast[:, [of.kind != "plain" for of in (first, second)]]).all()
        assert (np.diff(forecast, axis=-1) >= 0).all()
    assert (np.abs(plain[:, 0]) <= 1.01 * LARGEST).all() or first.kind == "plain"


@settings(deadline=None)
@given(forecasts())
def test_equal_quantiles_stay_equal(forecast: np.ndarray) -> None:
    forecast[..., 1:4] = forecast[..., 1:2]
    plain = scaled(recipe_of(TargetValues(), TargetValues()), ValueScale("log"), ValueScale("asinh")).on_plain_scale(
        np.sort(forecast, axis=-1)
    )
    assert all((np.asarray(low) <= np.asarray(high)).all() for low, high in pairwise(np.moveaxis(plain, -1, 0)))
    assert np.array_equal(plain[..., 1], plain[..., 3])


def test_auto_takes_a_logarithm_where_changes_grow_with_the_level_and_only_there(tmp_path: Path) -> None:
    columns = {"skewed": SKEWED, "swinging": SWINGING, "steady": STEADY}
    recipe = loaded(tmp_path, columns, value_scale="auto").recipe
    assert [scale.kind for scale in recipe.scales] == ["log", "plain", "plain"]
    assert recipe.values[0] == TargetValues(floor=0.0)  # below which there is no logarithm
    assert loaded(tmp_path, {"steady": STEADY}, value_scale="auto").recipe.scales == ()


@pytest.mark.parametrize("seed", range(3))
def test_zeros_are_zeros_to_a_logarithm_whatever_they_were_rounded_to(tmp_path: Path, seed: int) -> None:
    draw = np.random.default_rng(seed)
    sold = np.where(draw.random(300) < 0.6, np.ceil(np.exp(1 + draw.normal(size=300))), 0.0)
    recipe = loaded(tmp_path, {"sold": sold}, value_scale="log").recipe
    assert recipe.scales[0].width * recipe.target_scales[0] == pytest.approx(
        np.quantile(sold[:180][sold[:180] > 0], 0.05)
    )
    grown = sold * np.exp(draw.normal(size=300).cumsum() * 0.2)
    assert loaded(tmp_path, {"grown": grown}, value_scale="auto").recipe.values[0].floor == 0.0


def test_what_never_changes_is_refused_on_each_scale(tmp_path: Path) -> None:
    for kind in ("plain", *KINDS, "auto"):
        with pytest.raises(DatasetError, match="nothing to learn"):
            loaded(tmp_path, {"a": np.zeros(300), "b": SKEWED}, value_scale=kind)


def test_the_scale_is_that_of_the_training_part_alone(tmp_path: Path) -> None:
    later = np.where(np.arange(300) < 180, SKEWED, SKEWED * 50)
    for kind in (*KINDS, "auto"):
        first, second = (loaded(tmp_path, {"a": values}, value_scale=kind).recipe for values in (SKEWED, later))
        assert first.scales == second.scales


def test_no_logarithm_is_taken_of_what_is_negative(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"a is -.* below 0, where there is no logarithm .*value_scale=asinh"):
        loaded(tmp_path, {"a": SWINGING, "b": SKEWED}, value_scale="log")
    assert loaded(tmp_path, {"a": SWINGING, "b": SKEWED}, value_scale=("asinh", "log")).recipe.scales[1].kind == "log"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_scored_and_compared_is_the_same_on_each_scale(tmp_path: Path, kind: str) -> None:
    plain, mapped = (loaded(tmp_path, {"a": SKEWED}, value_scale=scale).evaluation for scale in ("plain", kind))
    before, after = (part.cut(part.anchors) for part in (plain, mapped))
    assert {"seen", "learnt"} == {*after} - {*before}
    assert all(np.array_equal(before[name], after[name], equal_nan=True) for name in before)
    assert plain.digest(3) == mapped.digest(3)
    recipe = mapped.series.recipe
    assert recipe is not None
    back = recipe.on_plain_scale(after["learnt"][..., None])[..., 0]
    np.testing.assert_allclose(back, after["target"], rtol=1e-4, atol=1e-5)


def test_the_loss_is_that_of_the_scale_of_learning_and_the_scores_are_not(tmp_path: Path) -> None:
    settings = {"volatility_window": None, "target_columns": ("volume",), "value_scale": "log"}
    made = tiny_series.ready("quantile_forecasting", tmp_path, **settings)
    adapter, part = made.prepared.adapter, made.data.evaluation
    batch = adapter.collate([part[0], part[1]], None)
    made.model.eval()
    with torch.no_grad():
        forecast = made.model(values=batch["seen"], observed=batch["observed"], calendar=batch["calendar"])["forecast"]
        loss = float(adapter.loss_sum(made.model, batch))
    levels = np.array(made.request.quantiles)
    short = batch["learnt"].numpy()[..., None] - forecast.numpy()
    assert loss == pytest.approx(float(np.nansum(np.maximum(levels * short, (levels - 1) * short).mean(-1))), rel=1e-4)
    evaluation = adapter.evaluation()
    with torch.no_grad():
        evaluation.merge(evaluation.ask(made.model, batch))
    recipe = made.data.recipe
    given_away = recipe.kept_to(recipe.on_plain_scale(forecast.numpy()))
    short = batch["target"].numpy()[..., None].astype(np.float64) - given_away
    wanted = float(np.nanmean(np.maximum(levels * short, (levels - 1) * short)))
    assert evaluation.metrics()["loss"] == pytest.approx(wanted, rel=1e-5)


def test_a_model_on_a_logarithm_is_trained_opened_scored_and_asked(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    lines = (f"{time},{count}" for time, count in zip(tiny_series.stamps(300), COUNTS, strict=True))
    path.write_text("\n".join(["time,sales", *lines]))
    settings: dict[str, Any] = {"volatility_window": None, "target_columns": ("sales",), "value_scale": "log"}
    request = tiny_series.request(
        "quantile_forecasting", tmp_path, dataset_path=path, max_steps=2, output_dir=str(tmp_path / "run"), **settings
    )
    assert Container().train_model().execute(request).success
    run = str(tmp_path / "run")
    scored = Container().evaluate_model().execute(EvaluateModelRequest(run=run, dataset_path=str(path)))
    assert 0 < scored.metrics["loss"] < 2
    answers = list(Container().predict().execute(PredictRequest(run=run, input_path=str(path))))
    quantiles = np.array([[value for name, value in row.items() if name.startswith("q")] for row in answers])
    assert (quantiles == np.rint(quantiles)).all()
    assert (quantiles >= 0).all()
    assert quantiles.max() < 50
    again = {"model_name": f"{run}/model", "output_dir": str(tmp_path / "again")}
    refused = Container().train_model().execute(request.changed(**again, value_scale="plain"))
    assert "has learnt on the scales log, but value_scale asks for plain" in str(refused.errors)
    assert "Set value_scale=log" in str(refused.errors)
    assert Container().train_model().execute(request.changed(**again)).success


def scaled(recipe: SeriesRecipe, *found: ValueScale) -> SeriesRecipe:
    """Give a recipe whose targets are learnt on some scales, which has been through a file."""
    values = recipe.to_json() | {"scales": [vars(scale) for scale in found]}
    return SeriesRecipe.from_json(values)


def test_many_series_are_learnt_in_units_of_each_and_told_in_their_own(tmp_path: Path) -> None:
    small = [{**row, "sales": round(row["sales"])} for row in tiny_panels.rows()]
    first = small[0]["shop"]
    large = [{**row, "sales": row["sales"] * (1000 if row["shop"] == first else 1)} for row in small]
    cuts, recipes = [], []
    for name, rows in (("small", small), ("large", large)):
        path = tiny_panels.written(tmp_path / f"{name}.csv", rows)
        part = tiny_series.loaded(tiny_panels.request(tmp_path, dataset_path=path, value_scale="log")).evaluation
        cuts.append(part.cut(part.anchors))
        recipes.append(part.series.recipe)
    for name in ("seen", "learnt"):
        np.testing.assert_allclose(cuts[0][name][..., 0], cuts[1][name][..., 0], atol=1e-4)
    for cut, recipe in zip(cuts, recipes, strict=True):
        assert recipe.values == (TargetValues(floor=0.0, integers=True),)
        plain = recipe.on_plain_scale(cut["learnt"][..., None], cut["level"], cut["unit"])
        np.testing.assert_allclose(plain[..., 0], cut["target"], atol=1e-3)
        lowest = recipe.kept_to(np.full_like(plain, -1e6), cut["level"], cut["unit"])
        own = lowest[..., 0] * cut["unit"][..., None] + cut["level"][..., None]
        np.testing.assert_allclose(own, 0.0, atol=2e-2)
