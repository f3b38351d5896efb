"""Where a new forecaster begins: a line that later windows bear out, walks that repeat their last value, bands."""

from typing import Any

import numpy as np
import torch

from infrastructure.data.series.series import Series
from infrastructure.data.series.windows import Windows
from infrastructure.models.first_line import start_from_least_squares
from infrastructure.models.forecaster import Forecaster, ForecasterConfig
from tests.support.tiny_series import answer_of

CONTEXT, HORIZONS, ROWS = 24, (1, 2, 3, 4), 900
LEVELS = (0.1, 0.5, 0.9)
DRAW = np.random.default_rng(0)
WALKING = DRAW.normal(size=(ROWS, 2)).cumsum(axis=0) / 10
DAILY = np.sin(np.arange(ROWS) * 2 * np.pi / 12) + DRAW.normal(0, 0.3, ROWS)


def windows_of(*columns: np.ndarray) -> Windows:
    values = np.stack(columns, axis=1).astype(np.float32)
    series = Series(values, np.isfinite(values), np.zeros((ROWS, 0), np.float32), len(columns))
    return Windows(series, np.arange(CONTEXT - 1, ROWS - max(HORIZONS)), CONTEXT, HORIZONS)


def begun(train: Windows, **changes: Any) -> Forecaster:
    width = train.series.values.shape[1]
    shape: dict[str, Any] = {"num_inputs": width, "num_targets": width, "horizons": HORIZONS, "quantiles": LEVELS}
    torch.manual_seed(0)
    config = ForecasterConfig(context_length=CONTEXT, patch_length=8, **{**shape, **changes})
    model = Forecaster(config).eval()
    start_from_least_squares(model, train)
    return model


def test_walks_repeat_their_last_value_beside_a_column_that_a_line_forecasts() -> None:
    train = windows_of(WALKING[:, 0], DAILY, WALKING[:, 1])
    model, cut = begun(train), train.cut(train.anchors[-200:])
    median = answer_of(model, cut)[..., 1].numpy()
    assert model.config.walks == [True, False, True]
    last = cut["values"][:, -1, :, None]
    np.testing.assert_allclose(median[:, ::2], np.broadcast_to(last, median.shape)[:, ::2], rtol=0, atol=1e-5)
    left = ((median - cut["target"]) ** 2)[:, 1].mean()
    assert left < 1.2 * 0.3**2
    assert ((last - cut["target"]) ** 2)[:, 1].mean() > 3 * left


def test_a_table_of_walks_has_no_line_and_may_be_saved_so(tmp_path: Any) -> None:
    train = windows_of(*WALKING.T)
    model = begun(train)
    assert model.head.linear is None
    model.save_pretrained(tmp_path)
    opened, cut = Forecaster.from_pretrained(tmp_path).eval(), train.cut(train.anchors[:5])
    assert answer_of(opened, cut).equal(answer_of(model, cut))


def test_bands_cover_before_anything_is_learnt_what_they_should() -> None:
    train = windows_of(WALKING[:, 0], DAILY)
    cut = train.cut(train.anchors[len(train) * 4 // 5 :])
    forecast = answer_of(begun(train), cut).numpy()
    covered = (cut["target"] >= forecast[..., 0]) & (cut["target"] <= forecast[..., 2])  # [B, T, H]
    assert np.abs(covered.mean(axis=0) - 0.8).max() < 0.1


def test_a_few_errors_leave_the_bands_as_they_were() -> None:
    train = windows_of(WALKING[:, 0])
    few = train.at(train.anchors[:50])
    shape: dict[str, Any] = {"context_length": CONTEXT, "patch_length": 8, "horizons": HORIZONS, "quantiles": LEVELS}
    torch.manual_seed(0)
    fresh = Forecaster(ForecasterConfig(**shape))
    assert begun(few).head.spread_bias.equal(fresh.head.spread_bias)
