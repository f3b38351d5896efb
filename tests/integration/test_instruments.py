"""Directions of many instruments in one table: one model over all, and nothing of one in what is known of another."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infrastructure.backtest.cutting import TableFolds
from infrastructure.container import Container
from infrastructure.data.series.market_features import DIRECTIONS, DOWN, FLAT, UNKNOWN, UP
from infrastructure.data.windowed.direction_rule import DirectionRule
from infrastructure.data.windowed.market import load_market, open_market
from infrastructure.tasks.series.page.row_times import RowTimes
from tests.support.command_line import athanor
from tests.support.instruments import price_table, session_times, walk
from tests.support.resuming import bytes_of, stopped_and_resumed
from tests.support.tiny_series import request

TASK = "market_direction"
CONTEXT, WINDOW, HORIZON = 8, 4, 2
TIMES = session_times(days=20, rows=12)
BORN = 60  # the row of all times at which the second instrument begins


def table(path: Path, seed: int = 1, size: float = 0.01) -> Path:
    """Write three instruments; the first is a walk of its own by `seed` and `size`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    prices = {"calm": walk(240, seed, size), "wild": walk(240 - BORN, 2, 0.1), "last": walk(240, 3)}
    return price_table(path, {name: (TIMES[-len(of) :], of) for name, of in prices.items()})


def wanted(path: Path, **changes: Any) -> Any:
    settings = {
        "context_length": CONTEXT,
        "volatility_window": WINDOW,
        "horizons": (HORIZON,),
        "split": (0.6, 0.2, 0.2),
    }
    return request(TASK, path.parent, dataset_path=path, **{**settings, **changes})


def opened(path: Path, **changes: Any) -> tuple[Any, Any, Any]:
    """Give the request, the table and its inputs."""
    asked = wanted(path, **changes).resolved()
    long = open_market(asked)
    return asked, long, DirectionRule.of(asked).inputs(long)


def rows_of(long: Any, name: str) -> slice:
    number = long.series.number_of((name,))
    return slice(*long.series.offsets[number : number + 2])


# What belongs to an instrument


def test_changing_one_instrument_changes_nothing_of_another(tmp_path: Path) -> None:
    asked, before, of_before = opened(table(tmp_path / "a" / "p.csv"))
    _, after, of_after = opened(table(tmp_path / "b" / "p.csv", seed=7, size=0.2))
    rule = DirectionRule.of(asked)
    for name in ("wild", "last"):
        here, there = rows_of(before, name), rows_of(after, name)
        np.testing.assert_array_equal(of_before.columns[here], of_after.columns[there])
        np.testing.assert_array_equal(of_before.labels[here], of_after.labels[there])
        np.testing.assert_array_equal(rule.past(before)[here], rule.past(after)[there])
    calm = rows_of(before, "calm")
    assert not np.array_equal(of_before.labels[calm], of_after.labels[calm])


@pytest.mark.parametrize("session_gaps", ["count", "cut"])
def test_an_instrument_is_read_as_a_table_of_its_own_would_be(tmp_path: Path, session_gaps: str) -> None:
    _, long, of_all = opened(table(tmp_path / "p.csv"), session_gaps=session_gaps)
    for name in ("calm", "wild", "last"):
        rows = [line.split(",") for line in (tmp_path / "p.csv").read_text().splitlines()]
        alone = [f"{time},{close}" for time, ticker, close in rows if ticker in (name, "ticker")]
        (tmp_path / f"{name}.csv").write_text("\n".join(alone) + "\n")
        _, _, of_one = opened(tmp_path / f"{name}.csv", session_gaps=session_gaps)
        np.testing.assert_array_equal(of_all.columns[rows_of(long, name)], of_one.columns)
        np.testing.assert_array_equal(of_all.labels[rows_of(long, name)], of_one.labels)


def test_each_instrument_is_judged_by_its_own_volatility(tmp_path: Path) -> None:
    """One step up by 2 %: far beyond what is usual for one instrument, next to nothing for the other."""
    calm = np.array([100, 101, 100, 101, 100, 102, 102.0])
    wild = np.array([100, 120, 100, 120, 100, 102, 60.0])
    times = session_times(days=1, rows=7)
    path = price_table(tmp_path / "p.csv", {"calm": (times, calm), "wild": (times, wild)})
    _, long, inputs = opened(path, horizons=(1,), volatility_window=2, context_length=2, dead_band=1.5)
    # Unknown until two changes were seen, and for the last row.
    labels = {"calm": [UNKNOWN, UNKNOWN, FLAT, FLAT, UP, FLAT, UNKNOWN]}
    labels["wild"] = [UNKNOWN, UNKNOWN, FLAT, FLAT, FLAT, DOWN, UNKNOWN]
    assert {name: inputs.labels[rows_of(long, name)].tolist() for name in labels} == labels


def test_no_window_sees_another_instrument(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv")
    data = load_market(wanted(path).resolved())
    series, windows = data.train.series, data.whole()
    cut = windows.cut(windows.anchors)
    number = series.numbers_of(windows.anchors)
    first = series.ends[number]
    assert {*number.tolist()} == {0, 1, 2}
    assert np.any(windows.anchors + 1 - CONTEXT < first), "some histories begin before their instrument"
    rows = windows.anchors[:, None] + np.arange(1 - CONTEXT, 1)
    assert not cut["observed"][rows < first[:, None]].any()
    assert not cut["values"][rows < first[:, None]].any()
    assert np.all(windows.anchors + HORIZON < series.ends[number + 1])


# Parts


def test_all_instruments_are_cut_at_the_same_times(tmp_path: Path) -> None:
    data = load_market(wanted(table(tmp_path / "p.csv")).resolved())
    stamps = data.table.stamps
    assert stamps is not None
    borders = np.unique(stamps)[[144, 192]]
    for part, low, high in ((data.train, 0, borders[0]), (data.evaluation, borders[0], borders[1])):
        assert np.all(stamps[part.anchors + 1] >= low)
        assert np.all(stamps[part.anchors + HORIZON] < high)
    assert data.test is not None
    assert np.all(stamps[data.test.anchors + 1] >= borders[1])
    assert {*data.test.series.numbers_of(data.test.anchors).tolist()} == {0, 1, 2}


def test_the_scale_is_that_of_the_training_part(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv")
    recipe = load_market(wanted(path).resolved()).recipe
    lines = path.read_text().splitlines()
    border = str(TIMES[144])
    path.write_text("\n".join(line if line < border or "time" in line else f"{line}9" for line in lines) + "\n")
    assert load_market(wanted(path).resolved()).recipe == recipe


def test_windows_of_all_instruments_at_one_time_are_one_piece_of_news(tmp_path: Path) -> None:
    data = load_market(wanted(table(tmp_path / "p.csv")).resolved())
    assert data.evaluation.overlap == 3 * HORIZON
    long_horizon = load_market(wanted(table(tmp_path / "p.csv"), horizons=(14,), split=(0.5, 0.25, 0.25)).resolved())
    # Fourteen rows reach over a night; by the clock of a session that would be two hours and twenty minutes.
    assert long_horizon.evaluation.overlap >= 3 * 12


@pytest.mark.parametrize("series_column", [None, ("ticker",)])
def test_what_tells_instruments_apart_is_found_or_named(tmp_path: Path, series_column: Any) -> None:
    data = load_market(wanted(table(tmp_path / "p.csv"), series_column=series_column).resolved())
    assert data.table.names == ("close",)
    assert data.train.statistics["num_series"] == 3
    assert data.facts == {"series": "3, told apart by ticker"}


def test_folds_of_many_instruments_are_cut_at_the_same_times(tmp_path: Path) -> None:
    asked = wanted(table(tmp_path / "p.csv")).resolved()
    (fold,) = TableFolds().cut(asked, count=1, num_rows=24, refit=False).folds
    test = load_market(asked.changed(split=fold.split)).test
    assert test is not None
    stamps = test.moments(test.anchors)[0]
    assert {*test.series.numbers_of(test.anchors).tolist()} == {0, 1, 2}
    assert len(np.unique(stamps)) == 24 - HORIZON + 1


def test_a_page_sets_windows_of_all_instruments_along_one_time(tmp_path: Path) -> None:
    test = load_market(wanted(table(tmp_path / "p.csv")).resolved()).test
    assert test is not None
    places = RowTimes(test, across_series=True).places(test.anchors)
    assert places == sorted(places)
    assert len({*places}) == len({*test.moments(test.anchors)[0].tolist()}) < len(places)


# Sessions


def test_windows_that_reach_beyond_a_session_are_left_out_and_counted(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv")
    every, within = (load_market(wanted(path, session_gaps=gaps).resolved()) for gaps in ("count", "cut"))
    for part, less in ((every.evaluation, within.evaluation), (every.test, within.test)):
        assert part is not None
        assert less is not None
        # All instruments begin with a session, which has 12 rows: the last row of a horizon must be one of them.
        assert (part.anchors % 12).max() + HORIZON >= 12
        assert (less.anchors % 12).max() + HORIZON < 12
        np.testing.assert_array_equal(less.anchors, part.anchors[part.anchors % 12 + HORIZON < 12])
    parts = [within.train, within.evaluation, within.test]
    num_left = sum(int(np.isin(part.left_out % 12, (10, 11)).sum()) for part in parts if part is not None)
    total = sum(len(part) + len(part.left_out) for part in parts if part is not None)
    told = (
        f"55 of usually 12 rows, behind each no price for 4 hours; {num_left:,} of {total:,} windows reach beyond one"
    )
    assert within.facts["sessions"] == f"{told} and are left out"
    assert "sessions" not in every.facts


def test_prices_that_never_stop_are_told_to_have_no_sessions(tmp_path: Path) -> None:
    path = price_table(tmp_path / "p.csv", {name: (TIMES[:12], walk(12, n)) for n, name in enumerate("ab")})
    settings = {"context_length": 2, "volatility_window": 2, "horizons": (1,), "split": (6, 3, 3)}
    facts = load_market(wanted(path, session_gaps="cut", dead_band=0.0, **settings).resolved()).facts
    assert facts["sessions"].startswith("none that ends, for no price is 4 hours behind the one before it")


# From a training to answers


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp = tmp_path_factory.mktemp("run")
    asked = wanted(table(tmp / "p.csv"), output_dir=str(tmp / "run"), max_steps=6, session_gaps="cut")
    response = Container().train_model().execute(asked)
    assert response.success, response.errors
    return tmp / "run"


def answers(run: Path, path: Path, *words: object) -> tuple[list[dict[str, Any]], str]:
    answer = athanor("predict", run, "--input", path, *words)
    assert answer.exit_code == 0, answer
    return [json.loads(line) for line in answer.stdout.splitlines()], answer.stderr


def test_each_instrument_has_an_answer_of_its_own(run: Path, tmp_path: Path) -> None:
    found, _ = answers(run, table(tmp_path / "p.csv"))
    assert [row["ticker"] for row in found] == ["calm", "last", "wild"]
    assert {row["time"] for row in found} == {TIMES[-1].isoformat()}
    for row in found:
        assert list(row) == ["ticker", "time", "label", "score", "scores"]
        assert row["label"] == max(row["scores"], key=row["scores"].get)
        assert tuple(row["scores"]) == DIRECTIONS
    other, _ = answers(run, table(tmp_path / "q.csv", seed=9, size=0.05))
    assert other[1:] == found[1:], "the prices of one instrument say nothing of the others"
    assert other[0] != found[0]


def test_instruments_that_are_new_short_or_old_are_told(run: Path, tmp_path: Path) -> None:
    holed = walk(40, 6)
    holed[-2:] = np.nan
    of = {"new": (TIMES[:40], walk(40, 5)), "short": (TIMES[39:40], walk(1, 4)), "holed": (TIMES[:40], holed)}
    found, told = answers(run, price_table(tmp_path / "p.csv", of))
    assert {row["ticker"]: row["time"] for row in found} == {
        "new": TIMES[39].isoformat(),
        "holed": TIMES[37].isoformat(),
    }
    assert "1 of 3 series has fewer than 2 rows up to the last value and is not forecast: short." in told
    assert "1 of 2 series have no price at" in told


def test_an_answer_beyond_the_session_is_told(run: Path, tmp_path: Path) -> None:
    noon = [time for time in TIMES if time <= TIMES[-1].replace(hour=9, minute=40)]
    for times, ends in ((noon, False), (TIMES, True)):
        of = {name: (times, walk(len(times), n)) for n, name in enumerate("ab")}
        _, told = answers(run, price_table(tmp_path / "p.csv", of))
        assert ("of 2 of 2 series the session ends within 2 rows" in told) is ends


def test_an_evaluation_scores_rivals_of_all_instruments(run: Path, tmp_path: Path) -> None:
    answer = athanor("evaluate", run, "--dataset", table(tmp_path / "p.csv"), "--json")
    assert answer.exit_code == 0, answer
    for words in ("random_walk_accuracy", "persistence_accuracy"):
        assert words in answer.stdout
    assert "windows reach beyond one and are left out" in answer.stderr + answer.stdout
    assert "independent windows" in answer.stderr + answer.stdout


def test_a_stopped_and_resumed_run_ends_like_one_that_was_not(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv")
    settings = {"max_steps": 6, "save_steps": 2, "eval_steps": 3, "batch_size": 8, "session_gaps": "cut"}
    whole = wanted(path, output_dir=str(tmp_path / "whole"), **settings)
    assert Container().train_model().execute(whole).success
    stopped_and_resumed(wanted(path, output_dir=str(tmp_path / "run"), **settings), 3)
    assert bytes_of(tmp_path / "run") == bytes_of(tmp_path / "whole")
