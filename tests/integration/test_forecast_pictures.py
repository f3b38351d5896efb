"""Pictures of forecasts are drawn whatever was forecast, and say what the numbers say."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from infrastructure.container import Container
from infrastructure.reports import fans as fan_pictures
from infrastructure.reports import reliability
from infrastructure.reports.canvas import BLUE, ORANGE
from infrastructure.reports.fans import Fan, draw_fans, rows_shown
from infrastructure.reports.reliability import draw_reliability
from infrastructure.reports.ticks import choose_ticks, name_rows, name_time
from tests.support import tiny_series
from tests.support.pictures import a_picture_written, assert_apart, figures_kept

pytestmark = pytest.mark.usefixtures("pictures_drawn")
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
SPREAD = np.array([-2.0, -1.5, -0.7, 0.0, 0.7, 1.5, 2.0])
NOWHERE = Path("unwritten.png")
WEIGHTS = np.array([0.2126, 0.7152, 0.0722])  # how bright red, green and blue are to an eye


def stamps(count: int, every: timedelta = timedelta(hours=1), first: str = "2017-12-20T00:00") -> list[str]:
    return [str(datetime.fromisoformat(first) + row * every) for row in range(count)]


def fan(name: str = "OT", rows: int = 30, steps: Sequence[int] = (1, 2, 3), clock: bool = True) -> Fan:
    history = np.sin(np.arange(rows) / 5)
    target = np.sin((rows - 1 + np.array(steps)) / 5)
    forecast = target[:, None] + SPREAD * np.sqrt(np.array(steps))[:, None]
    return Fan(name, history, target, forecast, steps, stamps(rows + len(steps)) if clock else None)


def scaled(one: Fan, by: float, shift: float = 0.0) -> Fan:
    history, target, forecast = (by * values + shift for values in (one.history, one.target, one.forecast))
    return Fan(one.name, history, target, forecast, one.steps, one.stamps)


def single(one: Fan) -> Fan:
    history, target, forecast = (values.astype(np.float32) for values in (one.history, one.target, one.forecast))
    return Fan(one.name, history, target, forecast, one.steps, one.stamps)


def line_of(axes: Axes, colour: str, points: int) -> list[list[float]]:
    """Give places and values of the one line with that colour and length."""
    lines = [line for line in axes.lines if line.get_color() == colour and len(np.asarray(line.get_xdata())) == points]
    assert len(lines) == 1
    return np.asarray(lines[0].get_xydata()).tolist()


def key_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    return figures_kept(monkeypatch, fan_pictures, reliability)


@pytest.fixture
def picture(tmp_path: Path) -> Iterator[Path]:
    with a_picture_written(tmp_path / "picture.png") as path:
        yield path


LONG = fan(steps=range(1, 721), clock=False)
CASES = {
    "one horizon": [fan(steps=[1])],
    "720 horizons": [LONG],
    "sparse steps, with and without a clock": [fan(steps=(1, 2, 3, 6, 12)), fan(steps=(1, 2, 3, 6, 12), clock=False)],
    "constant": [scaled(fan(), 0.0, 5.0)],
    "nothing known": [scaled(fan(), np.nan)],
    "infinite": [scaled(fan(), 1.0, np.inf)],
    "magnitudes": [scaled(fan(), by) for by in (1e30, 1e-30, 1e300, 1e307, 1e-310)],
    "single precision": [single(scaled(fan(), 5e37))],
    "names": [fan("$\\frac{a}^$"), fan("温度\nof the oil, measured at the top of the tank"), fan("")],
    "more windows than panels": [fan()] * 8,
    "no window": [],
    "no history": [Fan("OT", np.zeros(0), fan().target, fan().forecast, (1, 2, 3), stamps(3))],
    "stamps that are no dates": [
        Fan("OT", np.ones(9), np.ones(1), np.ones((1, 7)), [1], [f"$row {i}" for i in range(10)])
    ],
}


@pytest.mark.parametrize("fans", CASES.values(), ids=CASES.keys())
def test_fans_are_a_png_800_pixels_wide_whatever_was_forecast(fans: list[Fan], picture: Path) -> None:
    draw_fans(fans, LEVELS, picture)
    assert picture.is_file()


@pytest.mark.parametrize(
    ("levels", "coverage", "num_points"),
    [
        pytest.param(LEVELS, {"as trained": LEVELS, "calibrated": LEVELS}, 10, id="usual"),
        pytest.param([0.9], {"$_^": [0.8]}, 1, id="one quantile"),
        pytest.param([0.2, 0.9], {"校正": [np.nan, np.inf]}, 0, id="nothing finite"),
        pytest.param(np.linspace(0.01, 0.99, 99), {"as trained": np.linspace(0, 1, 99)}, 10**12, id="99 quantiles"),
        pytest.param([0.5], {}, 0, id="no line"),
        pytest.param([0.5], {str(index): [0.1 * index] for index in range(6)}, 5, id="more lines than colours"),
    ],
)
def test_reliability_is_a_png_800_pixels_wide_whatever_was_observed(
    levels: Sequence[float], coverage: dict[str, Sequence[float]], num_points: int, picture: Path
) -> None:
    draw_reliability(levels, coverage, num_points, picture)
    assert picture.is_file()


def test_reliability_shows_each_share_over_its_level_and_its_distance_in_percentage_points(drawn: list[Figure]) -> None:
    draw_reliability((0.1, 0.5, 0.9), {"as trained": (0.2, 0.5, 0.85)}, 2_000, NOWHERE)
    shares, misses = drawn[-1].axes
    assert line_of(shares, BLUE, 3) == [[0.1, 0.2], [0.5, 0.5], [0.9, 0.85]]
    assert np.asarray(line_of(misses, BLUE, 3))[:, 1] == pytest.approx([10, 0, -5])
    assert drawn[-1].get_suptitle() == "2,000 targets, 3 quantiles"


def test_the_share_in_the_80_percent_interval_is_said_only_where_both_its_ends_were_forecast(
    drawn: list[Figure],
) -> None:
    draw_reliability((0.1, 0.9), {"as trained": (0.125, 0.875), "lost": (np.nan, 0.9)}, 5, NOWHERE)
    draw_reliability((0.1, 0.8), {"as trained": (0.125, 0.875)}, 5, NOWHERE)
    told, untold = key_of(drawn[0])[1:], key_of(drawn[1])[1:]
    assert told == ["as trained: 75.0% of targets between the 10% and the 90% quantile, which say 80%", "lost"]
    assert untold == ["as trained"]


def test_a_share_missing_for_a_level_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        draw_reliability((0.1, 0.9), {"as trained": (0.1, 0.5, 0.9)}, 5, NOWHERE)


def test_what_came_stands_at_its_steps_behind_a_history_that_ends_at_zero(drawn: list[Figure]) -> None:
    one = fan(rows=30, steps=(1, 2, 3, 6, 12))
    draw_fans([one], LEVELS, NOWHERE)
    axes = drawn[-1].axes[0]
    assert line_of(axes, ORANGE, 5) == list(map(list, zip((1, 2, 3, 6, 12), one.target.tolist(), strict=True)))
    assert line_of(axes, BLUE, 5) == list(map(list, zip((1, 2, 3, 6, 12), one.forecast[:, 3].tolist(), strict=True)))
    assert line_of(axes, "#333333", 30)[-1] == [0, one.history[-1]]


def test_the_history_shown_is_three_times_the_forecast_and_at_least_24_rows(drawn: list[Figure]) -> None:
    for steps in ([1], range(1, 41)):
        draw_fans([fan(rows=500, steps=steps)], LEVELS, NOWHERE)
    shown = [len(np.asarray(figure.axes[0].lines[0].get_xdata())) for figure in drawn]
    assert shown == [24, 120]


def test_bands_reach_from_the_lower_to_the_upper_quantile_and_darken_inward(drawn: list[Figure]) -> None:
    one = fan(steps=(1, 2, 3))
    draw_fans([one], LEVELS, NOWHERE)
    outlines = [np.asarray(band.get_paths()[0].vertices) for band in drawn[-1].axes[0].collections if band.get_paths()]
    for outline, (low, high) in zip(outlines, ((0, 6), (1, 5), (2, 4)), strict=True):
        ends = [outline[outline[:, 0] == step, 1] for step in (1, 2, 3)]
        assert [column.min() for column in ends] == one.forecast[:, low].tolist()
        assert [column.max() for column in ends] == one.forecast[:, high].tolist()
    shades = [np.asarray(band.get_facecolor()).sum() for band in drawn[-1].axes[0].collections if band.get_paths()]
    assert shades == sorted(shades, reverse=True)
    assert key_of(drawn[-1]) == [
        "history",
        "5% to 95%",
        "10% to 90%",
        "25% to 75%",
        "median",
        "last value",
        "what came",
    ]


@pytest.mark.parametrize(
    ("levels", "named"),
    [
        ((0.5,), ["median"]),
        ((0.9,), ["90% quantile"]),
        ((0.1, 0.9), ["10% to 90%"]),
        ((0.1, 0.5, 0.975), ["median", "10% quantile", "97.5% quantile"]),
        (tuple(np.linspace(0.01, 0.99, 99)), ["1% to 99%", "17% to 83%", "33% to 67%", "49% to 51%", "median"]),
    ],
)
def test_levels_without_a_partner_are_lines_and_of_many_bands_four_are_drawn(
    levels: tuple[float, ...], named: list[str], drawn: list[Figure]
) -> None:
    one = fan()
    forecast = np.sort(np.random.default_rng(0).normal(size=(3, len(levels))))
    draw_fans([Fan("OT", one.history, one.target, forecast, one.steps, one.stamps)], levels, NOWHERE)
    assert key_of(drawn[-1])[1:-2] == named


def test_missing_values_are_gaps_and_a_forecast_that_is_not_finite_is_marked_at_its_step(drawn: list[Figure]) -> None:
    one = fan(steps=(1, 2, 3, 6, 12))
    one.history[10], one.target[1], one.forecast[3, 2] = np.nan, np.nan, np.inf
    draw_fans([one], LEVELS, NOWHERE)
    axes = drawn[-1].axes[0]
    assert np.flatnonzero(np.isnan(line_of(axes, "#333333", 30))[:, 1]).tolist() == [10]
    assert np.flatnonzero(np.isnan(line_of(axes, ORANGE, 5))[:, 1]).tolist() == [1]
    crosses = [line for line in axes.lines if line.get_marker() == "x"]
    assert np.asarray(crosses[0].get_xdata()).tolist() == [6]
    assert key_of(drawn[-1])[-1] == "forecast not finite"


@pytest.mark.parametrize("wrong", ["target", "forecast", "stamps"])
def test_shapes_that_disagree_are_refused(wrong: str) -> None:
    one = fan("oil")
    parts = {name: getattr(one, name) for name in ("history", "target", "forecast", "steps", "stamps")}
    parts[wrong] = parts[wrong][:-1]
    with pytest.raises(ValueError, match="oil: target, forecast and stamps are"):
        draw_fans([Fan("oil", **parts)], LEVELS, NOWHERE)


def test_each_band_can_be_told_from_white_and_from_its_neighbours(drawn: list[Figure]) -> None:
    draw_fans([fan()], (0.01, 0.05, 0.1, 0.25, 0.75, 0.9, 0.99), NOWHERE)
    bands = [np.asarray(band.get_facecolor())[0, :3] for band in drawn[-1].axes[0].collections if band.get_paths()]
    lightness = [np.ones(3) @ WEIGHTS, *(band @ WEIGHTS for band in bands if len(set(band)) > 1)]
    assert all(lighter - darker > 0.07 for lighter, darker in pairwise(lightness))


def test_more_fans_than_panels_are_counted_in_the_title(drawn: list[Figure]) -> None:
    draw_fans([fan(f"shop {index}") for index in range(20)], LEVELS, NOWHERE, "the last window of each")
    draw_fans([fan()], LEVELS, NOWHERE, "the last window")
    assert drawn[0].get_suptitle() == "the first 8 of 20 forecasts: the last window of each"
    assert len([axes for axes in drawn[0].axes if axes.lines]) == 8
    assert drawn[1].get_suptitle() == "the last window"


def test_the_last_value_that_is_known_is_repeated_over_the_forecast(drawn: list[Figure]) -> None:
    one = fan(steps=(1, 2, 3))
    one.history[-1] = np.nan
    draw_fans([one], LEVELS, NOWHERE)
    lines = [np.asarray(line.get_xydata()).tolist() for line in drawn[-1].axes[0].lines]
    assert [[0, one.history[-2]], [3, one.history[-2]]] in lines


def test_thousands_on_the_axis_have_their_comma(drawn: list[Figure]) -> None:
    draw_fans([scaled(fan(), 10_000.0)], LEVELS, NOWHERE)
    FigureCanvasAgg(drawn[-1]).draw()
    assert "10,000" in [text.get_text() for text in drawn[-1].axes[0].get_yticklabels()]


EVERY = (timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=1), timedelta(days=1), timedelta(days=31))


@pytest.mark.parametrize(
    ("every", "steps"),
    [*((every, range(1, 33)) for every in EVERY), (EVERY[2], (1, 24, 168)), (EVERY[0], [1])],
    ids=str,
)
def test_no_text_covers_another_or_leaves_the_page(every: timedelta, steps: Sequence[int], drawn: list[Figure]) -> None:
    one = fan("TOTAL LOAD ACTUAL OF THE NORTH", rows=96, steps=steps)
    clocked = [
        Fan(one.name, one.history * scale, one.target, one.forecast, one.steps, stamps(96 + len(steps), every, first))
        for scale, first in zip((1, 1e-6, 50_000), ("2017-11-28T22:59", "1999-12-30", "2020-02-28T12:30"), strict=True)
    ]
    undated = Fan("\u05e9\u05dc\u05d5\u05dd " + "x" * 500, one.history, one.target, one.forecast, one.steps)
    drawn_fans = [*clocked, undated, *clocked] if every == EVERY[0] else clocked
    draw_fans(drawn_fans, (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95), NOWHERE, "7 targets, the last window of each")
    assert_apart(drawn[-1], slack=0)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (stamps(13, timedelta(hours=1), "2017-12-31T18:00"), ["21:00", "1 Jan", "03:00", "06:00"]),
        (stamps(60, timedelta(days=1), "2017-11-20"), ["4 Dec", "18 Dec", "1 Jan", "15 Jan"]),
        (stamps(400, timedelta(days=1), "2017-11-20"), ["2018", "Apr", "Jul", "Oct"]),
        (stamps(3, timedelta(days=1), "2017-11-20"), ["21 Nov", "22 Nov"]),
        (["2024-03-28 15:55", "2024-04-01 09:30", "2024-04-01 09:35"], ["09:30", "09:35"]),
        (["2024-03-28T01:00+01:00", "2024-03-28T03:00+02:00", "2024-03-28T04:00+02:00"], ["03:00", "04:00"]),
        (["row 1", "row 2"], []),
        (["2024-03-28"] * 3, []),
    ],
)
def test_ticks_stand_where_the_clock_begins_something(rows: list[str], expected: list[str]) -> None:
    assert [text for _, text in choose_ticks(rows)] == expected


def test_a_tick_is_the_first_row_of_its_day_though_days_are_missing() -> None:
    session = ["2024-03-28 09:30", "2024-03-28 15:00", "2024-04-02 10:00", "2024-04-02 15:00", "2024-04-05 09:30"]
    assert [row for row, text in choose_ticks(session) if text in ("2 Apr", "5 Apr", "10:00", "09:30")] == [2, 4]


@pytest.mark.parametrize(
    ("stamp", "name"),
    [
        ("2017-12-24T16:00:00", "2017-12-24 16:00"),
        ("2017-12-24 00:00:00+01:00", "2017-12-24"),
        ("2017-12-24 16:00:05", "2017-12-24 16:00:05"),
        ("row 7", "row 7"),
    ],
)
def test_a_stamp_is_named_without_what_says_nothing(stamp: str, name: str) -> None:
    assert name_time(stamp) == name


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (stamps(13, timedelta(hours=1), "2017-12-31T18:00"), ["21:00\n31 Dec", "1 Jan\n2018", "03:00", "06:00"]),
        (stamps(60, timedelta(days=1), "2017-11-20"), ["4 Dec\n2017", "18 Dec", "1 Jan\n2018", "15 Jan"]),
        (stamps(400, timedelta(days=1), "2017-11-20"), ["2018", "Apr", "Jul", "Oct"]),
        (["2024-03-28 15:55", "2024-04-01 09:30", "2024-04-01 09:35"], ["09:30\n1 Apr", "09:35"]),
        (["row 1", "row 2"], []),
    ],
)
def test_a_name_has_the_day_or_the_year_below_it_where_that_is_new(rows: list[str], expected: list[str]) -> None:
    assert [text for _, text in name_rows(rows)] == expected


@pytest.mark.parametrize(("horizons", "rows"), [([1], 24), (range(1, 25), 72), ([1, 24, 168], 504)])
def test_three_horizons_of_history_are_drawn_and_24_rows_at_least(horizons: Sequence[int], rows: int) -> None:
    assert rows_shown(horizons) == rows


def test_values_that_32_bits_cannot_hold_are_reported_in_the_unit_of_their_table(tmp_path: Path) -> None:
    table = tiny_series.table_file(tmp_path / "bars.csv", tiny_series.bars() * 1e200)
    request = tiny_series.request(
        "quantile_forecasting", tmp_path, dataset_path=table, output_dir=str(tmp_path / "run"), max_steps=2
    )
    response = Container().train_model().execute(request)
    assert response.success, response.errors
    metrics = response.test_metrics
    assert metrics["mae_original"] > 1e190
    assert (tmp_path / "run" / "forecasts.png").exists()
