"""Nothing of what comes after a window reaches it: not its inputs, not the scale, not the forecast."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infrastructure.data.table.table import Table
from infrastructure.data.windowed.direction_rule import DirectionRule
from infrastructure.data.windowed.loading import value_inputs
from tests.support import tiny_series
from tests.support.tiny_series import CONTEXT, PARTS, SERIES_TASKS, Ready, answer_of, loaded, ready, request

ROWS = sum(PARTS)
TRAINING, VALIDATION = PARTS[0], PARTS[0] + PARTS[1]
each_task = pytest.mark.parametrize("task", SERIES_TASKS)
each_change = pytest.mark.parametrize("change", ["other values", "nothing", "huge", "beyond fp32"])


def changed_after(row: int, change: str) -> np.ndarray:
    """Give the bars with every row after `row` replaced; of what cannot be learnt from, every other stretch is."""
    values, other = tiny_series.bars(), tiny_series.bars(seed=9, share_missing=0.2) * 1000
    values[row + 1 :] = other[row + 1 :]
    later = np.arange(len(values)) > row
    if change != "other values":
        stretch = later & ((np.arange(len(values)) - row - 1) // 12 % 2 == 0)
        values[stretch] = {"nothing": np.nan, "huge": 1e30, "beyond fp32": 1e300}[change]
    return values


@pytest.fixture(scope="module", params=SERIES_TASKS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ready:
    return ready(request.param, tmp_path_factory.mktemp("made"))


def table_changed_after(row: int, change: str, made: Ready, directory: Path) -> Any:
    path = tiny_series.table_file(directory / "bars.csv", changed_after(row, change))
    return loaded(made.request.changed(dataset_path=str(path)))


@each_change
@pytest.mark.parametrize("row", [TRAINING - 1, TRAINING + 25, VALIDATION + 10])
def test_changing_every_row_after_a_windows_end_changes_no_bit_of_it(
    made: Ready, tmp_path: Path, row: int, change: str
) -> None:
    other = table_changed_after(row, change, made, tmp_path)
    assert other.recipe == made.data.recipe
    anchors = np.arange(CONTEXT - 1, row + 1)
    histories = [data.train.series.history(anchors, CONTEXT) for data in (made.data, other)]
    for name, array in histories[0].items():
        assert array.tobytes() == histories[1][name].tobytes(), name
    first, second = (answer_of(made.model, history) for history in histories)
    assert first.numpy().tobytes() == second.numpy().tobytes()
    # The change is there and would have been seen: the very next window differs.
    later = [
        answer_of(made.model, data.train.series.history(np.array([row + 4]), CONTEXT)) for data in (made.data, other)
    ]
    assert not later[0].equal(later[1])


@each_change
def test_within_the_training_part_a_window_depends_on_later_rows_by_its_scale_alone(
    made: Ready, tmp_path: Path, change: str
) -> None:
    row = 90
    other = table_changed_after(row, change, made, tmp_path)
    inputs = [_inputs_of(made, data.table) for data in (made.data, other)]
    held_still = [made.data.recipe.series(columns, made.data.table.stamps) for columns in inputs]
    anchors = np.arange(CONTEXT - 1, row + 1)
    histories = [series.history(anchors, CONTEXT) for series in held_still]
    for name, array in histories[0].items():
        assert array.tobytes() == histories[1][name].tobytes(), name
    assert inputs[0][row + 1 :].tobytes() != inputs[1][row + 1 :].tobytes()


def _inputs_of(made: Ready, table: Table) -> np.ndarray:
    if made.task == "market_direction":
        return DirectionRule.of(made.request).inputs(table).columns
    return value_inputs(table, made.request.target_columns, made.request.volatility_window).columns


@each_task
def test_a_table_cut_off_behind_its_validation_part_gives_the_same_recipe_and_windows(
    task: str, tmp_path: Path
) -> None:
    whole = loaded(request(task, tmp_path / "whole"))
    path = tiny_series.table_file(tmp_path / "short.csv", tiny_series.bars()[:VALIDATION])
    short = loaded(request(task, tmp_path, dataset_path=path, split=PARTS[:2]))
    assert short.recipe == whole.recipe
    for part in ("train", "evaluation"):
        mine, its = getattr(short, part), getattr(whole, part)
        np.testing.assert_array_equal(mine.anchors, its.anchors)
        cut = [windows.cut(windows.anchors) for windows in (mine, its)]
        for name, array in cut[0].items():
            assert array.tobytes() == cut[1][name].tobytes(), name


@each_task
def test_how_fast_the_clock_runs_later_does_not_choose_the_calendar(task: str, tmp_path: Path) -> None:
    values = tiny_series.bars(900, share_missing=0.0)
    hourly = tiny_series.stamps(TRAINING)
    daily = [f"{np.datetime64('2024-06-01') + day} 00:00:00" for day in range(len(values) - TRAINING)]
    path = tiny_series.table_file(tmp_path / "slower.csv", values, [*hourly, *daily])
    whole = loaded(request(task, tmp_path, dataset_path=path))
    assert whole.table.step == 24 * 3600 * 1_000_000
    path = tiny_series.table_file(tmp_path / "short.csv", values[:VALIDATION], [*hourly, *daily][:VALIDATION])
    assert whole.recipe == loaded(request(task, tmp_path, dataset_path=path, split=PARTS[:2])).recipe
    assert "hour" in whole.recipe.calendar.names


def test_the_parts_follow_each_other_and_share_no_row_that_is_forecast(made: Ready) -> None:
    steps = made.data.recipe.horizons
    parts = [made.data.train, made.data.evaluation, made.test]
    starts, ends = (CONTEXT, TRAINING, VALIDATION), (TRAINING, VALIDATION, ROWS)
    for windows, start, end in zip(parts, starts, ends, strict=True):
        assert windows.anchors.min() + 1 >= start
        assert windows.anchors.max() + max(steps) < end
        rows = windows.anchors[:, None] + np.arange(1, max(steps) + 1)
        assert set(rows.ravel().tolist()) <= set(range(start, end))


@each_task
def test_every_window_whose_targets_lie_in_a_part_belongs_to_it(task: str, tmp_path: Path) -> None:
    path = tiny_series.table_file(tmp_path / "bars.csv", tiny_series.bars(share_missing=0.0))
    data = loaded(request(task, tmp_path, dataset_path=path))
    reach = max(data.recipe.horizons)
    assert (len(data.evaluation), len(data.test)) == (PARTS[1] - reach + 1, PARTS[2] - reach + 1)
    # A direction is unknown until its volatility is: no window of the training part lies that far ahead of CONTEXT.
    assert len(data.train) == PARTS[0] - CONTEXT - reach + 1


def test_a_window_sees_no_row_that_it_is_scored_on(made: Ready) -> None:
    """The inputs are those of the table up to the anchor, row by row, and the targets those behind it."""
    series, windows = made.data.train.series, made.test
    cut = windows.cut(windows.anchors)
    for number, anchor in enumerate(windows.anchors.tolist()):
        assert cut["values"][number].tobytes() == series.values[anchor - CONTEXT + 1 : anchor + 1].tobytes()
        assert cut["calendar"][number].tobytes() == series.calendar[anchor - CONTEXT + 1 : anchor + 1].tobytes()
        if "target" in cut:
            for place, step in enumerate(windows.horizons):
                known = series.observed[anchor + step, : series.num_targets]
                there = np.where(known, series.values[anchor + step, : series.num_targets], np.nan)
                np.testing.assert_array_equal(cut["target"][number, :, place], there)


def test_the_usual_borders_of_the_hourly_transformer_data_give_2785_windows_each(shared: Path) -> None:
    path = shared / "data" / "forecasting" / "ETTh1.csv"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    wanted = request("quantile_forecasting", path.parent, dataset_path=path, split=(8640, 2880, 2880), horizons=96,
                     context_length=336, target_columns=None, volatility_window=None)  # fmt: skip
    data = loaded(wanted)
    assert (len(data.train), len(data.evaluation), len(data.test)) == (8640 - 336 - 96 + 1, 2785, 2785)
    mean = np.asarray(data.table.values[:8640]).mean(axis=0)
    np.testing.assert_allclose(data.recipe.scaler.mean, mean, rtol=1e-12)
