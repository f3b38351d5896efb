"""A history that says too little never gives certainty: the training part says how wide its band is."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from application.training_request import TrainModelRequest
from application.use_cases.evaluate_model import EvaluateModelRequest
from application.use_cases.predict import PredictRequest
from domain.exceptions import DatasetError
from infrastructure.container import Container
from infrastructure.models.forecaster import Forecaster, ForecasterConfig
from infrastructure.tasks.series.scoring.forecasts import Forecasts
from infrastructure.tasks.series.scoring.readers import Fitting
from tests.support import tiny_series

LENGTH, LEVELS = 24, (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
SETTINGS: dict[str, Any] = {
    "task": "quantile_forecasting",
    "model_name": "forecaster-tiny",
    "context_length": LENGTH,
    "horizons": 6,
    "patch_length": 8,
    "max_steps": 60,
    "eval_steps": 30,
    "device": "cpu",
    "precision": "fp32",
}


def table(path: Path, values: np.ndarray) -> Path:
    """Write columns a, b, ... [N, C] with a daily clock; NaN becomes an empty cell."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["date", *"abc"[: values.shape[1]]])
        days = np.datetime64("2024-01-01") + np.arange(len(values))
        for day, row in zip(days, values.tolist(), strict=True):
            writer.writerow([str(day), *("" if value != value else value for value in row)])
    return path


def waves(count: int = 500) -> np.ndarray:
    """A season of a week that a model foresees almost exactly, [N, 2]."""
    days, draw = np.arange(count), np.random.default_rng(0)
    a = 20 + 3 * np.sin(days * 2 * np.pi / 7) + draw.normal(0, 0.05, count)
    return np.stack([a, 5 * np.cos(days * 2 * np.pi / 7) + draw.normal(0, 0.05, count)], axis=1).round(4)


def trained(path: Path, values: np.ndarray, **changes: Any) -> Any:
    request = TrainModelRequest(
        dataset_path=str(table(path / "t.csv", values)), output_dir=str(path / "run"), **{**SETTINGS, **changes}
    )
    response = Container().train_model().execute(request)
    assert response.success, response.errors
    return response


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(trained(tmp_path_factory.mktemp("waves"), waves()).run_dir)


def predicted(run: str, path: Path, values: np.ndarray) -> tuple[dict[str, np.ndarray], list[str]]:
    """Give the quantiles [H, Q] of each target, and the notes."""
    answers = Container().predict().execute(PredictRequest(run=run, input_path=str(table(path, values))))
    rows = list(answers)
    names = sorted({row["target"] for row in rows})
    quantiles = {
        name: np.array([[row[f"q{level:g}"] for level in LEVELS] for row in rows if row["target"] == name])
        for name in names
    }
    return quantiles, list(answers.notes)


def width(quantiles: np.ndarray) -> float:
    return float((quantiles[:, -1] - quantiles[:, 0]).min())


class TestPredict:
    def test_a_usual_history_gives_a_narrow_band_and_no_word(self, run: str, tmp_path: Path) -> None:
        quantiles, notes = predicted(run, tmp_path / "now.csv", waves(300))
        assert width(quantiles["a"]) < waves()[:, 0].std()
        assert notes == []

    def test_where_forecasts_start_is_told_apart_from_warnings(self, run: str, tmp_path: Path) -> None:
        path = str(table(tmp_path / "now.csv", waves(300)))
        answers = Container().predict().execute(PredictRequest(run=run, input_path=path))
        assert list(answers)
        told = ["forecasts start behind 2024-10-26, with 24 of 24 rows of history."]
        assert (list(answers.facts), list(answers.notes)) == (told, [])

    def test_what_was_found_out_about_the_table_is_told(self, run: str, tmp_path: Path) -> None:
        path = table(tmp_path / "now.csv", waves(40))
        path.write_text(path.read_text().replace(",", ";"))
        answers = Container().predict().execute(PredictRequest(run=run, input_path=str(path)))
        assert list(answers)
        assert answers.facts[0] == "now.csv: cells are split by ';'."

    @pytest.mark.parametrize("level", [20.0, 0.0, 1000.0])
    def test_a_flat_history_gives_a_band_as_wide_as_the_training_part(
        self, run: str, tmp_path: Path, level: float
    ) -> None:
        values = waves(300)
        values[-LENGTH:, 0] = level
        quantiles, notes = predicted(run, tmp_path / "now.csv", values)
        deviation = waves()[:350, 0].std()
        assert 2.5 * deviation < width(quantiles["a"]) < 4 * deviation
        assert np.abs(quantiles["a"][:, LEVELS.index(0.5)] - level).max() < 0.1 * deviation
        assert width(quantiles["b"]) < waves()[:, 1].std(), "the other target has its history"
        assert "the band of a is as wide as the training part" in notes[0]

    def test_rows_without_a_target_are_counted_and_the_remedy_works(self, run: str, tmp_path: Path) -> None:
        values = waves(300)
        values[-30:] = np.nan
        with pytest.raises(DatasetError) as refused:
            predicted(run, tmp_path / "now.csv", values)
        assert "the last 30 rows of now.csv hold no value of a or b, and the model sees 24" in refused.value.problem
        assert refused.value.exit_code == 2
        assert refused.value.remedy == "Leave out the last 30 rows: forecasts then start behind 2024-09-26."
        quantiles, notes = predicted(run, tmp_path / "now.csv", values[:-30])
        assert len(quantiles["a"]) == 6
        assert notes == []

    def test_a_few_rows_without_a_target_are_told(self, run: str, tmp_path: Path) -> None:
        values = waves(300)
        values[-5:] = np.nan
        _, notes = predicted(run, tmp_path / "now.csv", values)
        assert notes == [
            "forecasts start behind 2024-10-26, with 19 of 24 rows of history; a was last observed 5 rows before; "
            "b was last observed 5 rows before."
        ]

    def test_a_target_that_is_missing_beside_another_has_the_band_of_the_training_part(
        self, run: str, tmp_path: Path
    ) -> None:
        values = waves(300)
        values[-LENGTH:, 0] = np.nan
        quantiles, notes = predicted(run, tmp_path / "now.csv", values)
        past = waves()[:350, 0]
        assert width(quantiles["a"]) > 2.5 * past.std()
        assert np.abs(quantiles["a"][:, LEVELS.index(0.5)] - past.mean()).max() < 0.1 * past.std()
        assert "a was not observed in them" in notes[0]

    def test_a_table_shorter_than_the_history_is_told(self, run: str, tmp_path: Path) -> None:
        _, notes = predicted(run, tmp_path / "now.csv", waves(10))
        assert notes[0].startswith("forecasts start behind 2024-01-10, with 10 of 24 rows of history")

    def test_a_target_that_was_never_observed_is_refused(self, run: str, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="hold"):
            predicted(run, tmp_path / "now.csv", np.full((40, 2), np.nan))


def test_windows_without_target_history_are_left_out_and_said(tmp_path: Path) -> None:
    values = np.column_stack([waves(600), np.arange(600) % 5])
    values[100:160, :2] = np.nan
    request = TrainModelRequest(
        dataset_path=str(table(tmp_path / "t.csv", values)), target_columns=("a", "b"), output_dir="x", **SETTINGS
    )
    data = tiny_series.loaded(request)
    told = [warning for warning in data.warnings if "windows are left out" in warning]
    assert len(told) == 1
    assert "hold no value of a or b" in told[0]
    blind = [anchor for anchor in data.train.anchors.tolist() if 100 + LENGTH - 1 <= anchor < 160]
    assert blind == []


def test_a_forecast_is_scored_only_on_targets_that_its_history_holds(run: str, tmp_path: Path) -> None:
    values = waves(100)
    values[20:60, 0] = np.nan
    asked = EvaluateModelRequest(run=run, dataset_path=str(table(tmp_path / "t.csv", values)))
    scored = Container().evaluate_model().execute(asked)
    assert scored.metrics["num_points"] == scored.metrics["num_points_repeat_last"]


@pytest.mark.parametrize("share", [0.02, 0.05, 0.2])
def test_intermittent_demand_is_covered_as_promised(tmp_path: Path, share: float) -> None:
    draw = np.random.default_rng(3)
    demand = np.where(draw.random(1500) < share, draw.poisson(8, 1500) + 1.0, 0.0)[:, None]
    response = trained(tmp_path, demand, max_steps=200, eval_steps=100)
    test = response.test_metrics
    assert test["picp_80"] > 0.75
    assert test["picp_90"] > 0.8
    zero = np.zeros((100, 1))
    quantiles, _ = predicted(response.run_dir, tmp_path / "zero.csv", zero)
    # The quantile 0.95 of what is 0 in 95 of 100 cases is 0.
    assert (quantiles["a"][:, -1] > 0).all() == (share > 0.05)
    assert (quantiles["a"] >= 0).all()


class TestModel:
    def model(self, **changes: Any) -> Forecaster:
        config = ForecasterConfig(
            context_length=LENGTH, patch_length=8, num_inputs=2, num_targets=2, quantiles=LEVELS, **changes
        )
        made = Forecaster(config).eval()
        tiny_series.rough(made)
        return made

    def forecast(self, model: Forecaster, values: torch.Tensor, observed: torch.Tensor) -> dict[str, torch.Tensor]:
        with torch.inference_mode():
            return dict(model(values, observed, torch.zeros(len(values), LENGTH, 0)))

    @pytest.mark.parametrize("instance_norm", [True, False])
    @pytest.mark.parametrize("num_observed", [0, 1, 5])
    def test_too_few_values_give_the_quantiles_of_the_training_part(
        self, instance_norm: bool, num_observed: int
    ) -> None:
        values, observed = torch.randn(3, LENGTH, 2), torch.ones(3, LENGTH, 2, dtype=torch.bool)
        observed[1, : LENGTH - num_observed, 0] = False
        found = self.forecast(self.model(instance_norm=instance_norm), values, observed)
        assert found["assumed"].tolist() == [[False, False], [True, False], [False, False]]
        level = values[1, LENGTH - num_observed :, 0].mean() if num_observed else torch.tensor(0.0)
        normal = torch.distributions.Normal(level, 1.0).icdf(torch.tensor(LEVELS))
        torch.testing.assert_close(found["forecast"][1, 0, 0], normal, rtol=1e-4, atol=1e-4)

    def test_what_training_has_seen_often_is_asked_of_the_weights_on_the_scale_of_the_training_part(self) -> None:
        values, observed = torch.full((1, LENGTH, 2), 3.0), torch.ones(1, LENGTH, 2, dtype=torch.bool)
        model = self.model(thin_targets=[True, False])
        found = self.forecast(model, values, observed)
        assert found["assumed"].tolist() == [[False, True]]
        own, assumed = found["forecast"][0, :, 0]
        assert own[-1] - own[0] > 0.5
        torch.testing.assert_close(assumed[3], torch.tensor(3.0))

    def test_a_model_that_was_saved_before_assumes(self) -> None:
        known = {name: value for name, value in self.model().config.to_dict().items() if name != "thin_targets"}
        for given in ({}, {"thin_targets": [True]}, {"thin_targets": ["yes", 1]}):
            assert ForecasterConfig(**known, **given).thin_targets == [False, False]


class TestCalibration:
    """A held-out part of flat histories says nothing of those that vary."""

    def factors(self, num_thin: int) -> tuple[float, ...]:
        forecast = np.tile(np.array(LEVELS) - 0.5, (100, 1, 6, 1))
        thin = np.arange(100)[:, None] < num_thin
        fit, nothing = Fitting(LEVELS, range(1, 7), 6), np.zeros((100, 1), dtype=bool)
        fit.add(Forecasts(forecast, np.full((100, 1, 6), 0.001), nothing, nothing, thin))
        factors: tuple[float, ...] = fit.metrics()["calibration"].factors
        return factors

    @pytest.mark.parametrize("num_thin", [81, 100])
    def test_flat_histories_narrow_no_forecast(self, num_thin: int) -> None:
        assert min(self.factors(num_thin)) >= 1

    @pytest.mark.parametrize("num_thin", [0, 80])
    def test_histories_that_vary_do(self, num_thin: int) -> None:
        assert max(self.factors(num_thin)[4:]) < 0.2

    def test_a_part_without_change_before_the_end_leaves_the_band_wide(self, tmp_path: Path) -> None:
        values = waves()[:, :1]
        values[100:440] = 20.0
        response = trained(tmp_path, values)
        quantiles, _ = predicted(response.run_dir, tmp_path / "now.csv", waves(300)[:, :1])
        assert width(quantiles["a"]) > 0.5
