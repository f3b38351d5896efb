"""Tables and settings of which a reader would not think: what the series tasks make of them."""

import csv
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from application.training import QuantileTraining
from application.training_request import TrainModelRequest
from application.use_cases.predict import PredictRequest
from domain.events import RunOpened
from domain.exceptions import ConfigurationError, ModelError
from infrastructure.container import Container
from infrastructure.model_files.card import read_card
from infrastructure.predictors import opened_by_torch
from infrastructure.tasks.registry import kind_of
from tests.support.tiny_series import NAMES, bars, ready, request, stamps, table_file
from tests.support.trainings import asked_again

pytestmark = pytest.mark.usefixtures("pictures_drawn")
FEW = {"max_steps": 2, "eval_steps": 2, "warmup_steps": 1}


def trained(task: str, directory: Path, **changes: Any) -> Any:
    wanted = request(task, directory, **FEW, **changes).changed(output_dir=str(directory / "run"))
    return Container().train_model().execute(wanted)


def forecast_of(run: str, table: str) -> list[dict[str, str]]:
    answers = Container().predict().execute(PredictRequest(run=run, input_path=table))
    return list(csv.DictReader(answers.lines()))


def levels_of(row: dict[str, str]) -> list[float]:
    return [float(row[f"q{level}"]) for level in ("0.05", "0.1", "0.25", "0.5", "0.75", "0.9", "0.95")]


def test_a_test_part_of_a_single_window_is_scored_and_drawn(tmp_path: Path) -> None:
    response = trained("quantile_forecasting", tmp_path, split=(180, 60, 6))
    assert response.success, response.errors
    assert response.test_metrics["num_windows"] == 1
    assert (tmp_path / "run" / "forecasts.png").is_file()


def test_a_forecast_far_from_zero_keeps_the_digits_of_its_changes(tmp_path: Path) -> None:
    path = table_file(tmp_path / "far.csv", bars() + 1e9)
    response = trained("quantile_forecasting", tmp_path, dataset_path=str(path))
    for row in forecast_of(response.run_dir, str(path)):
        assert len(set(levels_of(row))) == 7
        assert levels_of(row) == sorted(levels_of(row))


def test_a_clock_that_is_named_like_a_quantile_hides_none(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    rows = [f"{time},{value}" for time, value in zip(stamps(300), bars()[:, 3].tolist(), strict=True)]
    path.write_text("\n".join(["q0.5,close", *rows]).replace("nan", "") + "\n")
    settings = {"target_columns": None, "time_column": "q0.5", "dataset_path": str(path)}
    response = trained("quantile_forecasting", tmp_path, **settings)
    row = forecast_of(response.run_dir, str(path))[0]
    assert row["time"] == "2024-01-13T12:00:00"
    assert levels_of(row) == sorted(levels_of(row))


@pytest.mark.parametrize(("given", "meant"), [([0, "OT"], ("0", "OT")), (0, ("0",)), ("0,1", ("0", "1"))])
def test_columns_may_be_named_by_numbers(given: Any, meant: Sequence[str]) -> None:
    assert TrainModelRequest(task="quantile_forecasting", target_columns=given).target_columns == meant
    assert TrainModelRequest(task="quantile_forecasting", columns=given).columns == meant


def test_a_dead_band_is_refused_where_no_classes_are_forecast() -> None:
    with pytest.raises(ConfigurationError, match="dead_band means nothing"):
        TrainModelRequest(task="quantile_forecasting", dead_band=0.3).resolved()


def test_a_finished_model_is_not_taken_for_one_of_another_normalisation(tmp_path: Path) -> None:
    run = ready("quantile_forecasting", tmp_path, instance_norm=False)
    run.model.save_pretrained(tmp_path / "model")
    with pytest.raises(ModelError, match=r"has instance_norm False, but .* want True"):
        ready("quantile_forecasting", tmp_path, model_name=str(tmp_path / "model"))
    ready("quantile_forecasting", tmp_path, model_name=str(tmp_path / "model"), instance_norm=False)


def test_a_price_that_cannot_be_is_named_by_its_time_where_rows_were_moved(tmp_path: Path) -> None:
    values, times = np.abs(bars(share_missing=0.0)), stamps(300)
    values[100, NAMES.index("volume")] = -1.0
    keep = [1, 0, *range(2, 50), *range(53, 300)]  # two change places, three are absent
    path = table_file(tmp_path / "moved.csv", values[keep], [times[row] for row in keep])
    response = trained("market_direction", tmp_path, dataset_path=str(path), unsorted_stamps="sort", gaps="fill")
    assert not response.success
    assert "moved.csv, 2024-01-05T04:00:00: volume is -1" in response.errors[0]


def test_a_forecast_behind_the_close_is_of_the_next_session(tmp_path: Path) -> None:
    hours = [time for time in stamps(2000) if date.fromisoformat(time[:10]).weekday() < 5]
    times = [time for time in hours if "09" <= time[11:13] <= "16"]
    path = table_file(tmp_path / "days.csv", bars(300), times[:300])
    response = trained("quantile_forecasting", tmp_path, dataset_path=str(path), target_columns=("close",))
    ahead = [row["time"] for row in forecast_of(response.run_dir, str(path))]
    assert ahead == [times[299 + step].replace(" ", "T") for step in (1, 3, 6)]


class InTheWay:
    """Puts a directory where a picture is to be written."""

    def notify(self, event: object) -> None:
        if isinstance(event, RunOpened):
            (Path(event.run_dir) / "training_curves.png").mkdir()

    def stop_requested(self) -> str:
        return ""


def test_a_report_that_the_disk_refuses_is_told_in_a_sentence(tmp_path: Path) -> None:
    wanted = request("quantile_forecasting", tmp_path, **FEW).changed(output_dir=str(tmp_path / "run"))
    response = Container().train_model().execute(wanted, InTheWay())
    assert not response.success
    assert re.search(r"the report of .* could not be written: Is a directory\.", response.errors[0])


def test_a_share_for_validation_is_a_split_in_time_without_a_test_part(tmp_path: Path) -> None:
    table = str(table_file(tmp_path / "bars.csv", bars(), stamps(300)))
    asked = TrainModelRequest(task="quantile_forecasting", dataset_path=table, validation_split=0.25)
    wanted = asked.resolved()
    assert isinstance(wanted, QuantileTraining)
    assert wanted.split == (0.75, 0.25)
    assert asked_again(wanted) == wanted
    with pytest.raises(ConfigurationError, match="split once"):
        asked.changed(split=(0.5, 0.5)).resolved()


def test_a_direction_is_scored_later_as_it_was_learnt(tmp_path: Path) -> None:
    """Weights, smoothing and the commonest direction of the training part travel with the model."""
    changes = {"class_weights": {"up": 5.0}, "label_smoothing": 0.1, "split": (0.6, 0.4)}
    response = trained("market_direction", tmp_path, **changes)
    directory = Path(response.model_path)
    _, task = kind_of("market_direction").open(directory, read_card(directory))
    _, adapter = task.scored(str(tmp_path / "bars.csv"))
    validation = ready("market_direction", tmp_path, **changes).data.evaluation
    later = opened_by_torch(str(directory), "cpu").score(validation, adapter)
    for name in ("loss", "majority_accuracy", "macro_f1"):
        assert later[name] == pytest.approx(response.final_metrics[name], rel=1e-6)
