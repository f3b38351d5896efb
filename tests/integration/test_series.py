"""The scale of a table, and what a recipe carries to the next one."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from infrastructure.data.series import scaler as module
from infrastructure.data.series.calendar import Calendar
from infrastructure.data.series.public_holidays import Holidays
from infrastructure.data.series.scaler import Scaler
from infrastructure.data.series.series import Series, SeriesRecipe


def columns(rows: int = 300, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(rows, 4)) * [1e-7, 1.0, 30.0, 1e8] + [1e-6, -4.0, 1e6, 0.0]
    values[draw.random(values.shape) < 0.2] = np.nan
    return values


def recipe(scaler: Scaler, **changes: Any) -> SeriesRecipe:
    names = tuple("abcdefgh"[: len(scaler.mean)])
    return SeriesRecipe(**{
        "names": names, "num_targets": 2, "scaler": scaler, "calendar": Calendar(("hour",)), "context_length": 6,
        "horizons": (1, 3), **changes,
    })  # fmt: skip


class TestScaler:
    @pytest.mark.parametrize("chunk_rows", [7, 300, 1 << 16])
    def test_it_is_that_of_scikit_learn_however_it_is_read(
        self, chunk_rows: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "CHUNK_ROWS", chunk_rows)
        table = columns()
        scaler, reference = Scaler.fit(table), StandardScaler().fit(table)
        np.testing.assert_allclose(scaler.mean, reference.mean_, rtol=1e-12)
        np.testing.assert_allclose(scaler.scale, reference.scale_, rtol=1e-12)
        np.testing.assert_allclose(scaler.scaled(table), reference.transform(table), rtol=1e-6, atol=1e-6)
        assert scaler.scaled(table).dtype == np.float32

    @pytest.mark.parametrize("value", [0.0, 0.1, -1e9 / 3, 1e-300, 1e300 / 3])
    def test_a_column_that_never_changes_becomes_zeros(self, value: float) -> None:
        table = np.full((1000, 1), value)
        scaler = Scaler.fit(table)
        assert scaler.scale[0] == max(1.0, 1e-12 * abs(scaler.mean[0]))
        assert scaler.mean[0] == pytest.approx(value, rel=1e-12)
        np.testing.assert_allclose(scaler.scaled(table), 0.0, atol=1e-12 * max(abs(value), 1.0))

    def test_a_column_without_values_stays_without(self) -> None:
        table = np.full((5, 1), np.nan)
        scaler = Scaler.fit(table)
        assert (scaler.mean, scaler.scale) == ((0.0,), (1.0,))
        assert np.isnan(scaler.scaled(table)).all()

    def test_values_far_from_zero_keep_six_digits_of_their_changes(self) -> None:
        changes = np.random.default_rng(0).normal(size=(500, 1))
        scaled = Scaler.fit(changes + 1e9).scaled(changes + 1e9)
        np.testing.assert_allclose(scaled, (changes - changes.mean()) / changes.std(), atol=2e-6)

    def test_what_fp32_cannot_hold_counts_as_missing_and_huge_values_have_a_scale(self) -> None:
        small = Scaler.fit(np.array([[1.0], [2.0]]))
        assert np.isinf(small.scaled(np.array([[1e300]]))).all()
        series = recipe(small, num_targets=1).series(np.array([[1.0], [1e300], [np.nan]]), None)
        assert series.observed.ravel().tolist() == [True, False, False]
        assert series.values.ravel().tolist()[1:] == [0.0, 0.0]
        huge = np.array([[1e300], [-1e300], [2e300]])
        np.testing.assert_allclose(Scaler.fit(huge).scale[0] / 1e300, (huge / 1e300).std(), rtol=1e-12)

    @settings(max_examples=50)
    @given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40), st.integers(-8, 8))
    def test_another_unit_gives_the_same_inputs(self, values: list[float], exponent: int) -> None:
        table = np.array(values)[:, None]
        first, second = (Scaler.fit(t).scaled(t) for t in (table, table * 2.0**exponent))
        if np.ptp(table) > 1e-3:
            np.testing.assert_array_equal(first, second)


class TestRecipe:
    def test_it_is_the_same_after_a_file(self) -> None:
        holidays = Holidays(("DE", "DE-BY"), "0.86", 2021, 2023, "abc")
        made = recipe(Scaler.fit(columns()), calendar=Calendar(("hour", "session"), 5, 7, holidays))
        assert SeriesRecipe.from_json(json.loads(json.dumps(made.to_json()))) == made

    def test_forecasts_come_back_in_their_own_units(self) -> None:
        table = columns()
        made = recipe(Scaler.fit(table))
        series = made.series(table, None)
        there = np.where(series.observed, series.values, np.nan)[:, :2, None, None]  # [B, T, H, Q]
        np.testing.assert_allclose(made.in_own_units(there)[..., 0, 0], table[:, :2], rtol=1e-5)

    def test_what_is_missing_is_zero_and_marked(self) -> None:
        table = columns()
        series = recipe(Scaler.fit(table)).series(table, np.arange(len(table)))
        np.testing.assert_array_equal(series.observed, ~np.isnan(table))
        assert not series.values[~series.observed].any()
        assert series.calendar.shape == (len(table), 2)


class TestSeries:
    def of(self, rows: int = 10) -> Series:
        values = np.arange(1, 2 * rows + 1, dtype=np.float32).reshape(rows, 2)
        observed = np.ones((rows, 2), dtype=bool)
        observed[4, 0] = False
        return Series(values, observed, np.arange(rows, dtype=np.float32)[:, None], 1)

    def test_what_lies_before_the_first_row_is_not_observed(self) -> None:
        history = self.of().history(np.array([1, 5]), 4)
        assert history["observed"][0, :, 1].tolist() == [False, False, True, True]
        assert history["values"][0, :, 1].tolist() == [0.0, 0.0, 2.0, 4.0]
        assert history["observed"][1, :, 0].tolist() == [True, True, False, True]
        assert history["values"][1, :, 1].tolist() == [6.0, 8.0, 10.0, 12.0]

    def test_targets_are_the_first_columns_ahead_and_nan_where_nothing_was_observed(self) -> None:
        found = self.of().targets(np.array([3, 7]), (1, 2, 3))
        assert found.shape == (2, 1, 3)
        np.testing.assert_array_equal(found[:, 0], [[np.nan, 11.0, 13.0], [17.0, 19.0, np.nan]])

    def test_cutting_changes_nothing_of_the_series(self) -> None:
        series = self.of()
        before = series.values.tobytes()
        history = series.history(np.array([1, 9]), 4)
        history["values"][:] = 7.0
        series.targets(np.array([9]), (1,))[:] = 7.0
        assert series.values.tobytes() == before
