"""What a page says of forecasts agrees with plain loops over the same windows, and claims nothing that is not there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infrastructure.predictors import PredictorSource
from infrastructure.reports.page.blocks import Chart, Choice, Page, Paragraph, Table
from infrastructure.reports.page.html import page_html
from infrastructure.tasks.series.page.directions import directions_over_time
from infrastructure.tasks.series.page.fans import fans
from infrastructure.tasks.series.page.horizons import errors_by_horizon
from infrastructure.tasks.series.page.misses import misses
from infrastructure.tasks.series.page.reliability import reliability
from infrastructure.tasks.series.page.seasons import seasons
from infrastructure.tasks.series.scoring.calibration import Calibration
from tests.support import finished_models
from tests.support.seen_forecasts import LEVELS, sections_of, seen, table, target_rows


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return table(tmp_path_factory.mktemp("table"))


def said(blocks: Any) -> str:
    return " ".join(block.text for block in blocks if isinstance(block, Paragraph))


def table_of(blocks: Any) -> Table:
    return next(block for block in blocks if isinstance(block, Table))


def chart_of(blocks: Any, view: str = "") -> Chart:
    for block in blocks:
        if isinstance(block, Choice):
            return chart_of([block.views[view] if view else next(iter(block.views.values()))])
        if isinstance(block, Chart):
            return block
    raise AssertionError("no chart")


def test_the_share_within_an_interval_is_that_of_a_plain_count(data: Any) -> None:
    of = seen(data)
    rows = {str(row[0]): row for row in table_of(reliability(of)).rows}
    for name, low, high in (("80 %", 0, 4), ("50 %", 1, 3)):
        known = ~np.isnan(of.target)
        inside = (of.forecast[..., low] <= of.target) & (of.target <= of.forecast[..., high])
        _, promised, held, least, most, width = rows[name]
        assert held == pytest.approx(inside[known].mean())
        assert least < held < most  # type: ignore[operator]
        assert promised == pytest.approx(LEVELS[high] - LEVELS[low])
        assert width == pytest.approx((of.forecast[..., high] - of.forecast[..., low])[known].mean(), rel=1e-5)


def test_intervals_that_hold_what_they_say_are_not_called_wrong_and_others_are(data: Any) -> None:
    assert "as it says" in said(reliability(seen(data)))
    assert "too narrow" in said(reliability(seen(data, spread=0.7)))
    assert "wider than it needs to be" in said(reliability(seen(data, spread=1.6)))


def test_calibration_is_set_beside_what_was_trained(data: Any) -> None:
    widened = Calibration(LEVELS, (2.0, 2.0, 1.0, 2.0, 2.0))
    of = seen(data, spread=0.5, calibration=widened)
    found = table_of(reliability(of))
    known = ~np.isnan(of.target)
    assert of.plain is not None
    for forecast, name in ((of.forecast, "held"), (of.plain, "held as trained")):
        place = [column.name for column in found.columns].index(name)
        inside = (forecast[..., 0] <= of.target) & (of.target <= forecast[..., 4])
        assert found.rows[0][place] == pytest.approx(inside[known].mean())
    names = [line.name for line in chart_of(reliability(of)).lines]
    assert {"calibrated", "as trained"} < set(names)
    assert "as it says" in said(reliability(of))


@pytest.mark.parametrize("view", ["mean absolute error", "pinball loss"])
def test_errors_by_step_are_those_of_a_plain_loop_beside_repeating_the_last_value(data: Any, view: str) -> None:
    of = seen(data)
    ours, repeated = (list(line.y) for line in chart_of(errors_by_horizon(of), view).lines[:2])
    for step in range(len(of.horizons)):
        losses: list[float] = []
        rivals: list[float] = []
        for window, target in np.ndindex(of.target.shape[:2]):
            came = float(of.target[window, target, step])
            if np.isnan(came):
                continue
            last = float(of.last[window, target])
            quantiles = of.forecast[window, target, step].tolist()
            if view == "pinball loss":
                losses.append(
                    np.mean([max(a * (came - q), (a - 1) * (came - q)) for a, q in zip(LEVELS, quantiles, strict=True)])
                )
                rivals.append(sum(max(a * (came - last), (a - 1) * (came - last)) for a in LEVELS) / len(LEVELS))
            else:
                losses.append(abs(came - quantiles[2]))
                rivals.append(abs(came - last))
        assert ours[step] == pytest.approx(np.mean(losses), rel=1e-5)
        assert repeated[step] == pytest.approx(np.mean(rivals), rel=1e-5)


def test_a_season_that_was_planted_into_errors_is_found_and_no_other(data: Any) -> None:
    plain = seen(data)
    hours = target_rows(plain) % 24  # the table begins at midnight
    noise = np.random.default_rng(3).normal(size=plain.target.shape)
    planted = noise + 0.5 * (hours == 18)[:, None, :]
    text = said(seasons(seen(data, errors=planted)))
    assert "season by hour of the day: what comes is highest beside the median at 18:00" in text
    assert "by weekday" not in text.split("too few")[0]


@pytest.mark.parametrize("seed", range(5))
def test_a_season_that_is_not_there_is_not_claimed(data: Any, seed: int) -> None:
    text = said(seasons(seen(data, seed=seed)))
    assert "No season stands out in what is left, by hour of the day" in text
    assert "Errors still hold" not in text


def test_mean_errors_by_hour_are_those_of_a_plain_loop(data: Any) -> None:
    of = seen(data, errors=np.random.default_rng(5).normal(size=seen(data).target.shape))
    # A row is forecast from several windows: its own mean first, then that of its targets, then that of its day.
    by_cell: dict[tuple[int, int], list[float]] = {}
    for window, target, step in np.ndindex(of.target.shape):
        error = float(of.target[window, target, step] - of.median[window, target, step])
        if not np.isnan(error):
            by_cell.setdefault((int(of.anchors[window] + of.horizons[step]), target), []).append(error)
    by_row: dict[int, list[float]] = {}
    for (row, _), errors in by_cell.items():
        by_row.setdefault(row, []).append(float(np.mean(errors)))
    by_day: dict[int, dict[int, float]] = {}
    for row, errors in by_row.items():
        by_day.setdefault(row // 24, {})[row % 24] = float(np.mean(errors))
    expected = []
    for hour in range(24):
        days = [hours for hours in by_day.values() if len(hours) >= 12 and hour in hours]
        expected.append(np.mean([hours[hour] - np.mean(list(hours.values())) for hours in days]))
    chart = chart_of(seasons(of), "hour of the day")
    assert list(chart.lines[1].y) == pytest.approx(expected)


def test_the_window_with_the_largest_error_stands_first_and_those_that_overlap_it_are_left_out(data: Any) -> None:
    noise = np.random.default_rng(3).normal(size=seen(data).target.shape) * 0.1
    noise[200:204, 1] += 9.0
    noise[202, 1] += 1.0
    of = seen(data, errors=noise)
    time, series, own, deviations, _, window = table_of(misses(of)).rows[0]
    assert time == of.clock.name(int(of.anchors[202]))
    assert (series, window) == ("volume", of.windows.row_id(202))
    expected = np.nanmean(np.abs(of.target[202, 1] - of.median[202, 1]))
    assert deviations == pytest.approx(expected, rel=1e-5)
    assert own == pytest.approx(expected * of.recipe.target_scales[1], rel=1e-5)
    places = [row[0] for row in table_of(misses(of)).rows if row[1] == "volume"]
    assert not {of.clock.name(int(of.anchors[at])) for at in (200, 201, 203)} & set(places)


def test_a_fan_holds_what_came_and_the_quantiles_in_the_unit_of_the_table(data: Any) -> None:
    of = seen(data)
    chart = chart_of(fans(of))
    came, median = chart.lines[0], chart.lines[1]
    anchor = int(of.anchors[-1])
    table_values = np.array([np.nan if value is None else value for value in came.y])
    rows = np.array(came.x, dtype=int)
    np.testing.assert_allclose(table_values, data.table.values[rows, 3], rtol=1e-5)
    assert rows[-1] == anchor + 6
    assert list(median.x) == [anchor + 1.0, anchor + 3.0, anchor + 6.0]
    scale, mean = of.recipe.scaler.scale[0], of.recipe.scaler.mean[0]
    assert list(median.y) == pytest.approx((of.forecast[-1, 0, :, 2] * scale + mean).tolist(), rel=1e-5)
    assert list(chart.bands[0].high) == pytest.approx((of.forecast[-1, 0, :, 4] * scale + mean).tolist(), rel=1e-5)
    assert [band.name for band in chart.bands] == ["80 %", "50 %"]


@pytest.mark.parametrize("changes", [{"horizons": (1,)}, {"horizons": 4}, {"horizons": (1, 7, 30)}])
def test_a_page_of_one_step_of_several_and_of_a_few_far_apart_can_be_written(tmp_path: Path, changes: Any) -> None:
    data = table(tmp_path, 600, target_columns=("close",), **changes)
    html = page_html(Page("forecasts", "All.", sections_of(seen(data))))
    assert "There is nothing to draw" not in html
    assert "in the unit of close" in html


def test_without_a_clock_rows_have_numbers_and_no_season_is_looked_for(tmp_path: Path) -> None:
    data = table(tmp_path, 400, time_column="none", columns=("close", "volume"))
    of = seen(data)
    chart = chart_of(fans(of))
    assert chart.x.label == "row of the table"
    assert chart.lines[0].x[-1] == of.anchors[-1] + 7.0  # counted from 1
    assert "no clock" in said(seasons(of))
    assert page_html(Page("forecasts", "All.", sections_of(of)))


def test_forecasts_of_a_series_that_are_no_numbers_are_said_to_be_none(data: Any) -> None:
    of = seen(data)
    of.forecast[:, 0] = np.nan
    html = page_html(Page("forecasts", "All.", sections_of(of)))
    assert "no forecast is a number" in html


@pytest.mark.parametrize("field", ["forecast", "target"])
def test_where_no_number_can_be_compared_nothing_is_shown_and_it_is_said(data: Any, field: str) -> None:
    of = seen(data)
    getattr(of, field)[:] = np.nan
    (section,) = sections_of(of)
    assert "there is nothing to show" in said(section.blocks)


def test_a_part_of_all_windows_says_so_in_each_section(data: Any) -> None:
    of = seen(data)
    assert not any("Seen here are" in said(section.blocks) for section in sections_of(of))
    for section in sections_of(of, 99_000):
        assert f"Seen here are {len(of):,} of 99,000 windows, drawn evenly" in said(section.blocks)


def test_directions_are_told_by_stretches_of_time_and_beside_a_coin_toss_where_both_moved(data: Any) -> None:
    windows = data.judged
    labels = np.random.default_rng(0).integers(0, 3, len(windows))
    answers = np.where(np.arange(len(windows)) < len(windows) // 2, labels, 1)  # right at first, then always flat
    section = directions_over_time(windows, labels, answers, flat=1)
    chart, moved = chart_of(section.blocks), chart_of(section.blocks, "up or down")
    stretches = np.array_split(np.arange(len(windows)), len(chart.lines[0].y))
    assert list(chart.lines[0].y) == pytest.approx([(labels == answers)[part].mean() for part in stretches])
    assert chart.lines[0].y[0] == 1.0
    assert (moved.lines[0].y[0], moved.lines[0].y[-1]) == (1.0, None)  # where the answer never moved
    assert chart.bands[0].low[0] is not None
    assert 0.8 < chart.bands[0].low[0] < 1.0


def test_directions_of_few_windows_are_not_set_beside_each_other(data: Any) -> None:
    windows = data.judged.few(30)
    labels = np.zeros(len(windows), dtype=int)
    assert "too few windows" in said(directions_over_time(windows, labels, labels, flat=1).blocks)


def test_an_evaluation_of_a_finished_forecaster_ends_in_a_page_with_its_forecasts(tmp_path: Path) -> None:
    model = finished_models.finished("quantile_forecasting", tmp_path)
    page = tmp_path / "report.html"
    result = PredictorSource().open(str(model), "cpu").evaluate(str(tmp_path / "data" / "bars.csv"), str(page))
    html = page.read_text(encoding="utf-8")
    for title in ("Forecasts", "Reliability", "Error by steps ahead", "What is left in the errors", "Largest errors"):
        assert f">{title}</h2>" in html
    assert all(np.ndim(ends) == 1 for ends in result.intervals.values())
