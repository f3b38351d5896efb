"""Bands that follow what has come: no sooner than it has come, as far as they should, however windows are batched."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from application.training_request import TrainModelRequest
from infrastructure.data.series.series import Series
from infrastructure.data.series.windows import Windows
from infrastructure.tasks.series.batches import asking
from infrastructure.tasks.series.card import SeriesCard
from infrastructure.tasks.series.drift import MOST_FOLLOWED, came_to, newer
from infrastructure.tasks.series.scoring.calibration import Calibration, Drift
from infrastructure.tasks.series.scoring.following import MEMORY, MOST, Follower, followed
from infrastructure.tasks.series.scoring.forecasts import Forecasts
from infrastructure.tasks.series.scoring.passing import ForecastPass, read
from infrastructure.tasks.series.scoring.readers import Scores
from infrastructure.training.training_state import TrainingState
from tests.support import tiny_series

LEVELS = (0.1, 0.5, 0.9)
DEVIATIONS = np.array([-1.2816, 0.0, 1.2816])
STEPS = 3


def found(target: np.ndarray, begins: np.ndarray, spread: float = 1.0) -> Forecasts:
    """Forecast 0 for targets [B, T, H] that begin then [B], with the quantiles of normal errors."""
    forecast = np.broadcast_to(spread * DEVIATIONS, (*target.shape, 3)).astype(np.float32)
    flags = np.zeros(target.shape[:2], dtype=bool)
    beside = np.zeros(target.shape[:2]), flags, flags
    return Forecasts(forecast, target.astype(np.float32), *beside, begins=begins, known=begins + STEPS)


def part_of(of: Forecasts, rows: slice) -> Forecasts:
    assert of.begins is not None
    return found(of.target[rows], of.begins[rows])


def follower(num_targets: int, factors: tuple[float, ...] = (1.0, 1.0, 1.0)) -> Follower:
    return Follower(Calibration(LEVELS, factors, drift=Drift((1.0,) * num_targets)))


def draw(count: int, num_targets: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, num_targets, STEPS))


def test_what_has_not_come_yet_widens_nothing() -> None:
    target, begins = draw(60), np.arange(60) + 7
    known = follower(2).widths(found(target, begins))
    for window in (20, 41):
        later = target.copy()
        later[window + 1 - STEPS :] += 100.0  # the windows of which the last step comes behind this one's beginning
        np.testing.assert_array_equal(follower(2).widths(found(later, begins))[: window + 1], known[: window + 1])
        later[window - STEPS] += 100.0  # of this one all has just come
        assert not np.array_equal(follower(2).widths(found(later, begins))[window], known[window])


def test_bands_widen_until_they_hold_what_they_promise_again() -> None:
    calm, wild = draw(300, 1), 2.5 * draw(900, 1, seed=1)
    target = np.concatenate([calm, wild])
    widths = follower(1).widths(found(target, np.arange(1200) * STEPS))
    inside = np.abs(target) <= DEVIATIONS[2] * widths[..., None]
    assert 0.77 < inside[:300].mean() < 0.83
    assert np.abs(wild[600:] <= DEVIATIONS[2]).mean() < 0.75
    assert 0.77 < inside[-600:].mean() < 0.83
    assert 2.0 < widths[-1, 0] < 3.0


def test_a_target_that_drifts_alone_is_followed_alone() -> None:
    target = draw(600)
    target[:, 1] *= 0.4
    end = follower(2).widths(found(target, np.arange(600) * STEPS))[-1]
    assert 0.8 < end[0] < 1.25
    assert 0.3 < end[1] < 0.55


def test_they_begin_from_the_factors_that_were_calibrated() -> None:
    target = 2.0 * draw(400, 1)
    begins = np.arange(400) * STEPS
    assert 0.8 < follower(1, (2.0, 1.0, 2.0)).widths(found(target, begins))[-1, 0] < 1.25


@pytest.mark.parametrize("batch", [1, 4, 50])
def test_windows_of_one_moment_are_one_piece_of_news_however_they_are_batched(batch: int) -> None:
    target, begins = 3.0 * draw(120), np.repeat(np.arange(40), 3)
    whole = follower(2).widths(found(target, begins))
    assert all(len(np.unique(whole[begins == moment], axis=0)) == 1 for moment in range(40))
    parts = follower(2)
    forecasts = found(target, begins)
    by_parts = [parts.widths(part_of(forecasts, slice(start, start + batch))) for start in range(0, 120, batch)]
    np.testing.assert_allclose(np.concatenate(by_parts), whole, rtol=1e-12)
    once = target[::3]
    thrice = follower(2).widths(found(np.repeat(once, 3, axis=0), begins))
    np.testing.assert_allclose(thrice[::3], follower(2).widths(found(once, np.arange(40))), rtol=1e-9)


def test_windows_far_apart_count_more_than_those_that_share_their_targets() -> None:
    target = 3.0 * draw(30, 1)
    near, far = (follower(1).widths(found(target, np.arange(30) * apart))[-1, 0] for apart in (1, STEPS))
    assert 1.0 < near < far


def test_bands_stay_within_bounds_where_nothing_can_be_reached() -> None:
    begins = np.arange(3000) * STEPS
    assert follower(1).widths(found(1e6 + draw(3000, 1), begins))[-1, 0] == pytest.approx(MOST)
    assert follower(1).widths(found(np.zeros((3000, 1, STEPS)), begins))[-1, 0] == pytest.approx(1 / MOST)


@pytest.mark.parametrize("why", ["assumed", "thin", "unknown", "flat"])
def test_what_says_nothing_of_bands_moves_none(why: str) -> None:
    target = 5.0 * draw(60, 1)
    came = np.full_like(target, np.nan) if why == "unknown" else target
    said = found(came, np.arange(60), 0.0 if why == "flat" else 1.0)
    everywhere = np.ones((60, 1), dtype=bool)
    said = {"assumed": replace(said, assumed=everywhere), "thin": replace(said, thin=everywhere)}.get(why, said)
    of = follower(1)
    assert (of.widths(said) == 1.0).all()
    assert of.ended() == Drift((1.0,), 0.0)


def test_a_width_multiplies_the_factors_and_keeps_the_order() -> None:
    forecast = np.array([[[[-1.0, 0.0, 2.0]], [[-1.0, 0.0, 2.0]]]])  # [1, T, 1, Q]
    calibration = Calibration(LEVELS, (2.0, 1.0, 0.5), by_target=(1.0, 2.0))
    given = calibration.applied(forecast, None, np.array([[3.0, 0.5]]))
    np.testing.assert_allclose(given, [[[[-6.0, 0.0, 3.0]], [[-2.0, 0.0, 1.0]]]])
    drifted = replace(calibration, drift=Drift((3.0, 0.5)))
    np.testing.assert_allclose(drifted.applied(forecast), given)
    assumed = np.array([[True, False]])
    np.testing.assert_array_equal(drifted.applied(forecast, assumed)[0, 0], forecast[0, 0])


def test_a_drift_survives_json() -> None:
    known = Calibration(LEVELS, (1.0, 1.0, 1.0), told="by none", drift=Drift((1.25, 0.5), 3.5, 17))
    assert Calibration(**json.loads(json.dumps(asdict(known)))) == known
    assert known.rests_on == "by none; follows what comes: 0.50 to 1.25 times as wide in the end"


@pytest.mark.parametrize(("value", "meant"), [(True, "guarded"), (False, "none"), ("adaptive", "adaptive")])
def test_the_truth_values_of_earlier_run_files_are_read(value: Any, meant: str) -> None:
    request: Any = TrainModelRequest(task="quantile_forecasting", calibration=value).resolved()
    assert request.calibration == meant


def test_a_state_with_a_truth_value_is_taken_up() -> None:
    def state(calibration: Any) -> TrainingState:
        known = TrainingState.__dataclass_fields__
        values: dict[str, Any] = dict.fromkeys(known) | {"settings": {"calibration": calibration}, "data": {}}
        return TrainingState(**values)

    assert state("guarded").changes_since(state(True)) == []
    assert state("none").changes_since(state(False)) == []
    assert [change.name for change in state("adaptive").changes_since(state(True))] == ["calibration"]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> tiny_series.Ready:
    return tiny_series.ready("quantile_forecasting", tmp_path_factory.mktemp("bars"), horizons=(1, 3))


def card_of(ready: tiny_series.Ready, until: int | None) -> SeriesCard:
    card = SeriesCard.of(ready.request, ready.data, ready.request.quantiles)
    ones = (1.0,) * len(card.quantiles)
    return card.calibrated(Calibration(card.quantiles, ones, drift=Drift((1.0, 1.0), 2.0, until)))


def test_a_finished_model_follows_what_it_has_not_followed_and_no_more_than_it_remembers(
    ready: tiny_series.Ready,
) -> None:
    windows = ready.data.whole()
    assert windows.table is not None
    assert windows.table.stamps is not None
    stamps = windows.table.stamps[windows.anchors]
    for last in (len(stamps) - 20, len(stamps) - 200):
        chosen = newer(windows, card_of(ready, int(stamps[last])))
        assert chosen.anchors[-1] == windows.anchors[-1]
        assert chosen.anchors[0] == max(windows.anchors[last + 1], windows.anchors[-1] - int(MEMORY) * 3 + 1)
        assert len(chosen) <= MOST_FOLLOWED
    assert not len(newer(windows, card_of(ready, int(stamps[-1]))))
    assert not len(newer(windows, card_of(ready, None))), "without a clock old and new are alike"


def test_windows_of_many_series_are_known_by_their_own_clock_and_not_by_rows() -> None:
    offsets = np.array([0, 4, 8])
    values, ones = np.zeros((8, 1), dtype=np.float32), np.ones((8, 1), dtype=bool)
    series = Series(values, ones, np.zeros((8, 0), dtype=np.float32), 1, offsets=offsets)
    table: Any = SimpleNamespace(stamps=np.array([0, 10, 20, 30, 10, 20, 70, 80]), step=10)
    windows = Windows(series, np.array([1, 4, 5]), 1, (1, 2), table=table)
    begins, known = windows.moments(windows.anchors)
    assert begins.tolist() == [10, 10, 20]
    assert known.tolist() == [30, 70, 80], "rows are missing behind the second series' second"
    alone = Windows(Series(values, ones, np.zeros((8, 0), dtype=np.float32), 1), np.array([1, 4, 5]), 1, (1, 2))
    assert [moments.tolist() for moments in alone.moments(alone.anchors)] == [[1, 4, 5], [3, 6, 7]]


def test_a_pass_tells_where_bands_have_come_to_and_when(ready: tiny_series.Ready) -> None:
    windows, card = ready.test, card_of(ready, 0)

    def scored(calibration: Calibration | None) -> Mapping[str, Any]:
        scores = ForecastPass(followed(Scores(card.recipe, card.quantiles, calibration), calibration))
        return read(asking(ready.model), windows, scores).metrics()

    found = came_to(scored(card.calibration), windows)
    assert found.widths != (1.0, 1.0)
    assert windows.table is not None
    assert windows.table.stamps is not None
    assert found.until == windows.table.stamps[windows.anchors[-1]]
    assert "drift" not in scored(None)
