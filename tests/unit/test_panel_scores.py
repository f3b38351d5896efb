"""What benchmarks/panel.py scores: the definitions of GluonTS on a small example, and who is scored when."""

import numpy as np

from benchmarks.panel_table import HORIZON, PART, QUANTILES, Shops, origins, scores, targets, without_holes


def test_scores_are_those_that_are_counted_by_hand() -> None:
    actual = np.array([[[10.0, np.nan], [2.0, 4.0]]])  # [O, S, H]
    forecast = np.broadcast_to(actual[..., None] - 1.0, (*actual.shape, len(QUANTILES)))
    found = scores(np.nan_to_num(forecast), actual, scale=np.array([5.0, 2.0]))
    pinball = 2 * np.mean(QUANTILES)  # each quantile lies one piece below
    assert found["mae"] == 1.0
    assert np.isclose(found["wql"], 3 * pinball / 16)
    assert np.isclose(found["mase"], (1 / 5 + 1 / 2) / 2)
    assert np.isclose(found["scaled_pinball"], pinball * (1 / 5 + 1 / 2) / 2)
    assert found["coverage_80"] == 0.0


def test_closed_and_missing_days_are_not_scored_nor_series_without_a_past() -> None:
    days = np.datetime64("2023-01-02") + np.arange(3 * PART)
    sales = np.ones((2, len(days)))
    sales[1, : 2 * PART - 5] = np.nan  # begins five days before the test part
    sales[0, -1] = np.nan
    known = np.ones((2, len(days), 4))
    known[0, -3, 3] = 0.0
    shops = Shops([("a", "tea"), ("b", "tea")], [(), ()], days, sales, known)
    scored = np.isfinite(targets(shops, "test"))  # [O, S, H]
    assert scored.shape == (len(origins(len(days), "test")), 2, HORIZON)
    assert scored[-1, 0].tolist() == [True] * (HORIZON - 3) + [False, True, False]
    assert not scored[:4, 1].any()
    assert scored[4:, 1].all()


def test_a_hole_is_filled_by_the_week_before_within_the_life_of_a_series() -> None:
    days = np.datetime64("2023-01-02") + np.arange(40)
    sales = np.arange(40.0)[None].copy()
    sales[0, :3] = np.nan
    sales[0, [20, 27]] = np.nan
    sales[0, 30:] = np.nan  # closed for good
    shops = Shops([("a", "tea")], [()], days, sales, np.ones((1, 40, 4)))
    filled = without_holes(shops)[0]
    assert filled[20] == 13.0
    assert filled[27] == 13.0
    assert np.isnan(filled[:3]).all()
    assert np.isnan(filled[30:]).all()
