"""What a page shows of a table of many series stays within each of them, under its name and in its own unit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infrastructure.data.panel.long_table import LongTable
from infrastructure.reports.page.blocks import Chart
from infrastructure.tasks.series.page import fans, misses
from infrastructure.tasks.series.page.seen import Seen
from infrastructure.tasks.series.report import last_of_series
from tests.support import seen_forecasts


@pytest.fixture(scope="module")
def of(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return seen_forecasts.seen(seen_forecasts.panel(tmp_path_factory.mktemp("panel")))


def charts(of: Seen) -> dict[str, list[Chart]]:
    """Give the charts of each series by what the page calls it."""
    choice: Any = fans.fans(of)[1]
    return {name: [*view.views.values()] for name, view in choice.views.items()}


def sales_of(of: Seen, shop: str) -> dict[int, float]:
    table: Any = of.windows.table
    assert isinstance(table, LongTable)
    number = table.series.ids.index((shop,))
    start = int(table.series.offsets[number])
    return {start + at: float(value) for at, (value,) in enumerate(table.series.series(number).targets)}


def test_a_chart_holds_the_rows_of_its_series_alone_in_their_own_unit(of: Seen) -> None:
    found = charts(of)
    assert list(found) == ["small", "large", "late"]
    for shop, drawn in found.items():
        sales = sales_of(of, shop)
        for chart in drawn:
            came = chart.lines[0]
            assert {*map(int, came.x)} <= {*sales}, "no row of another series"
            assert list(came.y) == pytest.approx([sales[int(row)] for row in came.x], rel=1e-5)
            median = next(line for line in chart.lines if line.name == "median")
            deviation = float(np.std(list(sales.values())))
            assert np.abs(np.array(median.y) - np.mean(list(sales.values()))).max() < 8 * deviation


def test_days_that_are_known_ahead_are_marked(of: Seen) -> None:
    chart = charts(of)["large"][0]
    rows = [row for row in map(int, chart.lines[0].x) if (row - 60) % 5 == 0]  # of the second series
    band = next(band for band in chart.bands if band.name == "promotion")
    assert band.x[::3] == [row - 0.5 for row in rows]


def test_what_was_found_in_a_table_is_told_and_is_no_warning(tmp_path: Path) -> None:
    data = seen_forecasts.panel(tmp_path, static_columns=("size",), holidays=("DE",))
    assert data.facts["series"] == "3, told apart by shop"
    assert data.facts["known ahead"] == "promotion"
    assert data.facts["holidays"] == "DE, known ahead"
    assert data.facts["static"] == "size: the same throughout a series"
    assert data.facts["categories"] == "size (2)"
    assert not any("told apart" in warning for warning in data.warnings)


def test_many_series_are_shown_from_the_largest_error_to_the_smallest(of: Seen, monkeypatch: Any) -> None:
    monkeypatch.setattr(fans, "MAX_SERIES", 2)
    errors = {one.name: of.error_of(one) for one in of.each}
    worst, best = max(errors, key=errors.__getitem__), min(errors, key=errors.__getitem__)
    first, last = charts(of)
    assert first == f"largest error: {worst}"
    assert last.endswith(best)


def test_misses_name_the_series_and_tell_its_errors_in_its_unit(of: Seen) -> None:
    table: Any = misses.misses(of)[0]
    deviations = {one.name: of.deviation(one) for one in of.each}
    assert {row[1] for row in table.rows} == {"small", "large", "late"}
    assert deviations["large"] > 5 * deviations["small"]
    for _, shop, own, error, _, window in table.rows:
        assert own == pytest.approx(error * deviations[shop])
        assert f": {shop}, " in window


def test_series_are_listed_from_the_worst_by_their_own_scores_and_of_many_both_ends(of: Seen, monkeypatch: Any) -> None:
    columns: dict[str, list[Any]] = {"shop": list("abcde"), "num_windows": [1] * 5, "num_points": [3] * 5}
    columns |= {name: [2.0] * 5 for name in ("mae", "loss", "wql", "picp_80")}
    columns |= {"mase": [0.5, None, 2.0, 1.0, 0.1], "mae_original": [3.0] * 5}
    columns["repeat_last_mae_original"] = [4.0, 0.0, 4.0, 4.0, 4.0]
    table: Any
    told: Any
    (table,) = misses.errors_of_many(columns, of)
    assert [row[0] for row in table.rows] == ["c", "d", "a", "e", "b"], "one without a MASE comes last"
    place = [column.name for column in table.columns].index("less than repeat last")
    assert [row[place] for row in table.rows] == [0.25, 0.25, 0.25, 0.25, None]
    monkeypatch.setattr(misses, "MAX_SHOWN", 1)
    told, table = misses.errors_of_many(columns, of)
    assert [row[0] for row in table.rows] == ["c", "b"]
    assert "1 worst and the 1 best of 5" in told.text


def test_what_was_a_season_before_in_the_same_series_is_drawn_where_there_is_a_season(tmp_path: Path) -> None:
    of = seen_forecasts.seen(seen_forecasts.panel(tmp_path))
    assert "repeat last" in [line.name for line in charts(of)["late"][0].lines]
    assert of.windows.naive is not None
    of.windows.naive = replace(of.windows.naive, season=5)
    for shop, drawn in charts(of).items():
        naive = next(line for line in drawn[0].lines if line.name == "seasonal naive")
        sales = sales_of(of, shop)
        assert list(naive.y) == pytest.approx([sales[int(row) - 5] for row in naive.x], rel=1e-5)


def test_one_step_ahead_is_drawn_from_the_windows_of_one_series(tmp_path: Path) -> None:
    of = seen_forecasts.seen(seen_forecasts.panel(tmp_path, horizons=1))
    for shop, drawn in charts(of).items():
        for chart in drawn:
            median = next(line for line in chart.lines if line.name == "median")
            assert len(median.x) > 1
            assert {*map(int, median.x)} <= {*sales_of(of, shop)}


def test_a_picture_shows_the_last_window_of_series_from_the_largest_error_to_the_smallest(of: Seen) -> None:
    windows = of.windows
    errors = np.array([1.0, 3.0, 2.0])[of.numbers]
    chosen = last_of_series(windows, errors, 2)
    last = [max(windows.anchors[of.numbers == number]) for number in range(3)]
    assert chosen.anchors.tolist() == [last[1], last[0]]
