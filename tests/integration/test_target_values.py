"""Forecasts keep to what values can be: order, coverage and loss are held to what that promises for any forecast."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from domain.exceptions import ConfigurationError, DatasetError
from infrastructure.data.series.series import SeriesRecipe
from infrastructure.data.series.target_values import TargetValues
from infrastructure.tasks.series.scoring.calibration import Calibration
from tests.support.valued import COUNTS, LEVELS, RULES, forecasts, loaded, recipe_of

FREE = TargetValues()
scalers = st.tuples(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))


@settings(deadline=None, max_examples=200)
@given(forecasts(), RULES, RULES, scalers, st.lists(st.floats(0.0, 3.0), min_size=5, max_size=5))
def test_no_quantiles_cross_whatever_values_can_be_calibrated_or_not(
    forecast: np.ndarray, first: TargetValues, second: TargetValues, place: tuple[float, float], factors: list[float]
) -> None:
    recipe = recipe_of(first, second, mean=place[0], scale=place[1])
    calibrated = Calibration(LEVELS, tuple(factors)).applied(forecast)
    for given_away in (recipe.kept_to(forecast), recipe.kept_to(calibrated), recipe.in_own_units(calibrated)):
        assert (np.diff(given_away, axis=-1) >= 0).all()
    for number, of_target in enumerate((first, second)):
        own = recipe.in_own_units(calibrated)[:, number]
        assert of_target.floor is None or (own >= of_target.floor).all()
        assert of_target.ceiling is None or (own <= of_target.ceiling).all()
        assert not of_target.integers or (own == np.rint(own)).all()


@settings(deadline=None)
@given(forecasts(), arrays(np.int64, (3, 2, 4), elements=st.integers(0, 12)))
def test_rounding_leaves_no_count_out_that_lay_in_a_band(forecast: np.ndarray, counts: np.ndarray) -> None:
    recipe = recipe_of(*[TargetValues(floor=0.0, integers=True)] * 2)
    came = recipe.scaler.scaled(counts.reshape(-1, 1).repeat(2, 1).astype(np.float64))[:, 0].reshape(counts.shape)
    kept = recipe.kept_to(forecast)
    for low, high in ((0, 4), (1, 3)):
        before = (forecast[..., low] <= came) & (came <= forecast[..., high])
        after = (kept[..., low] <= came) & (came <= kept[..., high])
        assert (after | ~before).all()
    assert ((came <= kept[..., 2]) | ~(came <= forecast[..., 2])).all()


def test_a_value_at_a_bound_is_the_bound_to_the_bit() -> None:
    recipe = recipe_of(TargetValues(floor=0.0, ceiling=0.1))
    there = recipe.scaler.scaled(np.array([[0.0], [0.1]]))[:, 0]
    forecast = np.array([-9.0, 9.0], dtype=np.float32).reshape(1, 1, 1, 2)
    assert np.array_equal(recipe.kept_to(forecast).ravel(), there)


def test_what_is_free_stays_as_it_is() -> None:
    recipe = recipe_of(FREE, TargetValues(floor=0.0))
    forecast = np.random.default_rng(0).normal(size=(2, 2, 4, 5)).astype(np.float32)
    kept = recipe.kept_to(forecast)
    assert np.array_equal(kept[:, 0], forecast[:, 0])
    assert not np.array_equal(kept[:, 1], forecast[:, 1])
    assert recipe_of(FREE, FREE).kept_to(forecast) is forecast


DEGREES = 10 + 8 * np.sin(np.arange(300) / 40) + np.random.default_rng(1).random(300)


def test_auto_finds_counts_and_where_a_training_part_ends(tmp_path: Path) -> None:
    data = loaded(tmp_path, {"sales": COUNTS, "degrees": DEGREES})
    assert data.recipe.values == (TargetValues(floor=0.0, integers=True), FREE)
    assert data.facts["values"] == "sales: whole numbers of at least 0 (floor, ceiling, integers)"


def test_auto_looks_at_the_training_part_alone_and_what_lies_beyond_is_said(tmp_path: Path) -> None:
    later = np.where(np.arange(300) < 200, COUNTS.astype(float), COUNTS - 0.5)
    data = loaded(tmp_path, {"sales": later})
    assert data.recipe.values == (TargetValues(floor=0.0, integers=True),)
    assert any("100 rows hold sales of other values" in warning for warning in data.warnings)


def test_what_somebody_says_goes_before_what_is_found(tmp_path: Path) -> None:
    data = loaded(
        tmp_path, {"a": COUNTS, "b": COUNTS}, floor=("none", -1.5), ceiling=(9.0, "none"), integers=(False, True)
    )
    assert data.recipe.values == (TargetValues(ceiling=9.0), TargetValues(floor=-1.0, integers=True))


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"floor": 1.0}, r"b is 0 at .*, which lies below the floor 1.* Lower floor"),
        ({"ceiling": 1.0}, r"lies above the ceiling 1.* Raise ceiling"),
        ({"integers": True}, r"a is .*no whole number.* Say integers=false"),
        ({"floor": (0.0, "none", 1.0)}, r"floor has 3 values, but 2 targets are forecast \(a, b\)"),
    ],
)
def test_what_the_table_contradicts_is_refused(tmp_path: Path, said: dict[str, Any], fault: str) -> None:
    with pytest.raises((DatasetError, ConfigurationError), match=fault):
        loaded(tmp_path, {"a": DEGREES, "b": COUNTS}, **said)


def test_recipes_come_back_from_a_file() -> None:
    recipe = recipe_of(FREE, TargetValues(floor=0.0, ceiling=5.0, integers=True))
    assert SeriesRecipe.from_json(recipe.to_json()).values == recipe.values
