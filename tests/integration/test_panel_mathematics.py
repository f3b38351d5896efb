"""However windows of many series are cut into batches: the same gradients and scores; and quantiles never cross."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from infrastructure.models.series_inputs import model_inputs
from infrastructure.parallel.strategy import Forward
from infrastructure.tasks.series.scoring.calibration import Calibration
from infrastructure.training.evaluation import evaluate
from infrastructure.training.precision import Precision
from tests.support import tiny_panels
from tests.support.mathematics import CPU, STEP, assert_cut_alike, batch_of, gradients
from tests.support.tiny_panels import changed, rows, written
from tests.support.tiny_series import Ready, rough

FP32 = Precision("fp32", CPU)
PENALTIES = {"sharpness_weight": 0.1, "crossing_weight": 1.0}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ready]:
    known: dict[str, Ready] = {}

    def of(**settings: Any) -> Ready:
        if str(settings) not in known:
            table = [{**row, "sales": None if number % 11 == 3 else row["sales"]} for number, row in enumerate(rows())]
            directory = tmp_path_factory.mktemp("made")
            found = tiny_panels.ready(directory, dataset_path=written(directory / "s.csv", table), **settings)
            for module in found.model.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = 0.0  # masks are drawn for each micro-batch
            known[str(settings)] = found
        return known[str(settings)]

    return of


@pytest.mark.parametrize("settings", [{}, PENALTIES], ids=["", "penalties"])
@pytest.mark.parametrize("micro", [4, 3, 1], ids=["4x2", "ragged 3+3+2", "1x8"])
@pytest.mark.parametrize("last", [False, True], ids=["full step", "last, short step"])
def test_micro_batches_do_not_change_the_gradient(made: Any, settings: dict[str, Any], micro: int, last: bool) -> None:
    series = made(**settings)
    assert_cut_alike(series.prepared, series.model, micro, last)


def test_every_weight_learns_from_a_panel(made: Any) -> None:
    series = made()
    train, adapter = series.prepared.train, series.prepared.adapter
    rough(series.model)
    batch = batch_of(train, adapter, 8, STEP)
    found = gradients(series.model, adapter, batch)
    assert len(found) == len(list(series.model.parameters()))
    assert all(gradient.abs().max() > 0 for gradient in found)


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_scores_do_not_depend_on_the_batch_size(made: Any, batch_size: int) -> None:
    series = made()
    adapter = series.prepared.adapter
    reference, found = (
        evaluate(Forward(series.model), adapter, series.test, size, FP32, CPU) for size in (16, batch_size)
    )
    for name, value in reference.items():
        if isinstance(value, float):
            assert found[name] == pytest.approx(value, rel=1e-6, nan_ok=True), name


def test_the_loss_of_an_evaluation_is_the_mean_over_all_its_targets(made: Any) -> None:
    series = made()
    found = evaluate(Forward(series.model), series.prepared.adapter, series.test, 4, FP32, CPU)
    cut = series.test.cut(series.test.anchors)
    levels = torch.tensor(series.request.quantiles)
    short = torch.from_numpy(cut["target"])[..., None] - _forecast(series, cut)
    expected = torch.where(short > 0, levels * short, (levels - 1) * short).nanmean().item()
    assert found["loss"] == pytest.approx(expected, rel=1e-5)
    assert found["num_points"] == int(np.isfinite(cut["target"]).sum())


@pytest.mark.parametrize("size", [0.0, 1.0, 1e6, 1e30, np.inf, -np.inf, np.nan])
def test_quantiles_never_cross_whatever_is_known_ahead(made: Any, size: float) -> None:
    series = made()
    cut = {name: array.copy() for name, array in series.test.cut(series.test.anchors).items()}
    for name in ("ahead", "static", "values"):
        cut[name] = np.where(cut[name] > 0, size, np.where(cut[name] < 0, -size, 0.0)).astype(np.float32)
    forecast = _forecast(series, cut)
    assert forecast.isfinite().all()
    assert (forecast.diff(dim=-1) >= 0).all()
    levels = series.request.quantiles
    factors = Calibration(levels, tuple(np.linspace(0.2, 3.0, len(levels)).tolist()))
    moved = factors.applied(forecast.numpy(), np.zeros(forecast.shape[:2], dtype=bool))
    assert (np.diff(moved, axis=-1) >= 0).all()


def test_a_table_of_nothing_but_zeros_and_huge_known_values_keeps_to_numbers(tmp_path: Path) -> None:
    table = changed(rows(), 81, sales=0, price=1e308, promotion=-1e308, size=1e308)
    found = tiny_panels.ready(tmp_path, dataset_path=written(tmp_path / "s.csv", table))
    for part in (found.data.train, found.data.evaluation, found.test):
        cut = part.cut(part.anchors)
        assert all(np.isfinite(array).all() for name, array in cut.items() if name in ("values", "ahead", "static"))
        assert _forecast(found, cut).isfinite().all()


def test_series_of_nothing_but_zeros_have_gradients_that_are_numbers(tmp_path: Path) -> None:
    found = tiny_panels.ready(tmp_path, dataset_path=written(tmp_path / "s.csv", zeros_in("c")))
    train, adapter = found.prepared.train, found.prepared.adapter
    series = train.series.numbers_of(train.anchors)
    of_c = train.at(train.anchors[series == 2])
    assert not of_c.series.values[of_c.anchors, 0].any()
    learnt = gradients(found.model, adapter, batch_of(of_c, adapter, 8, 0))
    assert all(gradient.isfinite().all() for gradient in learnt)


def zeros_in(shop: str) -> list[tiny_panels.Row]:
    return [{**row, "sales": 0.0} if row["shop"] == shop else row for row in rows()]


def test_an_exported_forecaster_of_a_panel_gives_the_same_numbers_for_any_batch(made: Any) -> None:
    series, count = made(), torch.export.Dim("count")
    train = series.prepared.train
    traced = model_inputs(train.cut(train.anchors[:3]))
    program = torch.export.export(series.model.eval(), (), traced, dynamic_shapes={name: {0: count} for name in traced})
    for size in (1, 7):
        batch = model_inputs(train.cut(train.anchors[-size:]))
        with torch.inference_mode():
            expected, found = series.model(**batch), program.module()(**batch)
        torch.testing.assert_close(found["forecast"], expected["forecast"], rtol=1e-5, atol=1e-5)


def _forecast(series: Ready, cut: dict[str, np.ndarray]) -> torch.Tensor:
    series.model.eval()
    with torch.no_grad():
        found: torch.Tensor = series.model(**model_inputs(cut))["forecast"]
    return found
