"""What a season decides where nothing was said, and what is told of forecasts beside those that need no model."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from application.training_request import TrainModelRequest
from application.use_cases.evaluate_model import EvaluateModelRequest
from domain.forecast import suited_to_season
from infrastructure.container import Container
from infrastructure.data.windowed.loading import load_series
from infrastructure.tasks.series.beside_rivals import beside_rivals
from infrastructure.tasks.series.suited import suited_to_table
from tests.support.shops import sales, shop_table

MISSING = (30, 31, 100, 171, 172, 173, 200)
SEASONAL = {f"seasonal_naive_{name}" for name in ("loss", "mse", "mae", "mase")}


def asked(directory: Path, values: np.ndarray | None = None, missing: tuple[int, ...] = (), **said: Any) -> Any:
    path = shop_table(directory / "shops.csv", sales(400) if values is None else values, missing)
    settings = {"horizons": 14, "model_name": "forecaster-tiny", "max_steps": 3, **said}
    return TrainModelRequest(
        task="quantile_forecasting", dataset_path=str(path), output_dir=str(directory / "run"), **settings
    )


def decided(request: TrainModelRequest) -> tuple[int, int, str]:
    training: Any = suited_to_table(request.resolved(), request)  # type: ignore[arg-type]  # of this task
    return training.context_length, training.patch_length, training.gaps


def test_a_week_of_days_makes_the_token_and_missing_days_are_filled_in(tmp_path: Path) -> None:
    assert decided(asked(tmp_path)) == (91, 7, "keep")
    assert decided(asked(tmp_path, missing=MISSING)) == (91, 7, "fill")
    said: dict[str, Any] = {"context_length": 50, "patch_length": 10, "gaps": "keep"}
    assert decided(asked(tmp_path, missing=MISSING, **said)) == (50, 10, "keep")
    assert decided(asked(tmp_path, patch_length=10))[:2] == (90, 10)


def test_without_a_season_everything_is_as_it_was(tmp_path: Path) -> None:
    walk = 100 + np.cumsum(np.random.default_rng(0).normal(size=(400, 3)), axis=0)
    assert decided(asked(tmp_path, walk, MISSING)) == (96, 24, "keep")


@pytest.mark.parametrize(
    ("rows", "num_rows", "expected"),
    [
        (24, 8640, (96, 24)),  # hours: as without a season
        (168, 8640, (336, 24)),
        (7, 766, (98, 7)),
        (12, 84, (24, 12)),
        (365, 4000, (384, 24)),
        (2000, 9000, (96, 24)),
        (7, 20, (14, 7)),
    ],
)
def test_a_history_holds_whole_tokens_and_two_seasons_where_they_fit(
    rows: int, num_rows: int, expected: tuple[int, int]
) -> None:
    assert suited_to_season(rows, num_rows) == expected


def test_a_run_tells_of_its_rivals_everywhere(tmp_path: Path) -> None:
    request = asked(tmp_path, missing=MISSING, horizons=3, learning_rate=1.0)
    container = Container()
    planned = container.plan_training().execute(request)
    assert set(planned.baselines) >= SEASONAL
    response = container.train_model().execute(request)
    assert response.success, response.errors
    assert response.best_step == 0  # steps at such a rate spoil what the line knew before them
    assert set(response.baselines) >= SEASONAL | {"drift_mae", "repeat_last_mae", "repeat_last_mase"}
    metrics, intervals = response.test_metrics, response.intervals
    for name in ("seasonal_naive_mae", "drift_mae", "seasonal_naive_loss"):
        assert intervals[name][0] < metrics[name] < intervals[name][1]
        assert f"eval_{name}" in (tmp_path / "run" / "metrics.json").read_text()
    assert metrics["seasonal_naive_rows"] == 7
    assert metrics["seasonal_naive_mase"] == pytest.approx(1.0, abs=0.3)  # the same thing, later
    assert metrics["mase"] / metrics["seasonal_naive_mase"] == pytest.approx(
        metrics["mae"] / metrics["seasonal_naive_mae"], rel=0.3
    )
    assert response.facts["season"].startswith("a week of 7 rows; 91 are seen (context_length)")
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Seasonal naive repeats what was a season before" in page
    assert "of seasonal naive" in page  # for each series
    kept = (tmp_path / "run" / "run.yaml").read_text()
    assert all(line in kept for line in ("context_length: 91", "patch_length: 7", "gaps: fill"))
    rows = EvaluateModelRequest(run=str(tmp_path / "run"), dataset_path=str(tmp_path / "shops.csv"))
    scored = container.evaluate_model().execute(rows)
    assert set(scored.metrics) >= SEASONAL
    assert "seasonal_naive_mae" in scored.intervals
    card = json.loads((tmp_path / "run" / "model" / "athanor.json").read_text())
    assert card["series"]["season"] == {"length": 7, "rows": 7, "cycle": "week"}
    again = request.changed(model_name=str(tmp_path / "run" / "model"), output_dir=str(tmp_path / "again"))
    assert decided(again)[:2] == (91, 7)


def test_a_model_that_loses_to_a_rival_is_told_so_with_what_helps(tmp_path: Path) -> None:
    said: dict[str, Any] = {"gaps": "keep", "context_length": 10, "patch_length": 5}
    request: Any = asked(tmp_path, missing=MISSING, **said).resolved()
    dataset = load_series(request)
    points = np.full(90, 3)
    of_rival = np.random.default_rng(0).uniform(0.4, 0.6, 90)

    def told(error: float, swing: float = 0.0) -> Any:
        of_model = of_rival + error + swing * np.where(np.arange(90) // 15 % 2, 1.0, -1.0)
        outcomes = {"mae": of_model, "seasonal_naive_mae": of_rival, "num_points_repeat_last": points}
        metrics = {"mae": of_model.mean(), "seasonal_naive_mae": of_rival.mean(), "repeat_last_mae": 3.0}
        return beside_rivals(request, dataset, metrics, outcomes, overlap=2)

    (worse,) = told(0.1)
    assert "seasonal naive reaches MAE" in worse
    assert "something so simple does as well or better" in worse
    for setting in ("gaps=fill", "context_length=14", "patch_length=7"):
        assert setting in worse
    (alike,) = told(-0.01, swing=0.2)
    assert "do not tell the two apart" in alike
    assert told(-0.01) == ()  # far less than windows differ, but in every one of them
