"""What a finished forecaster answers to tables of many series: which rows it looks at, and when its forecasts are."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet
import pytest

from infrastructure.container import Container
from tests.support.command_line import Answer, athanor
from tests.support.tiny_panels import HORIZONS, KNOWN, NAMES, Row, changed, day, number_of, request, rows, written

BERLIN, DAY = ZoneInfo("Europe/Berlin"), timedelta(days=1)
LAST = 109  # the last day with sales of what is asked
QUICK: dict[str, Any] = {"max_steps": 3, "warmup_steps": 0, "learning_rate": 1e-2}


def run_of(directory: Path, **settings: Any) -> Path:
    """Train three steps."""
    run = directory / "run"
    response = Container().train_model().execute(request(directory, output_dir=str(run), **{**QUICK, **settings}))
    assert response.success, response.errors
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(tmp_path_factory.mktemp("trained"))


def asked() -> list[Row]:
    """Give rows that go on behind the last sales, with what is known ahead."""
    return changed(rows(), LAST + 1, sales=None, visits=None, weather=None)


def predicted(run: Path, directory: Path, table: list[Row], names: Sequence[str] = NAMES) -> Answer:
    return athanor("predict", run, "--input", written(directory / "asked.csv", table, names))


def answered(run: Path, directory: Path, table: list[Row], names: Sequence[str] = NAMES) -> list[dict[str, str]]:
    answer = predicted(run, directory, table, names)
    assert answer.exit_code == 0, answer.stderr
    return list(csv.DictReader(io.StringIO(answer.stdout)))


def numbers(row: dict[str, str]) -> list[float]:
    return [float(value) for name, value in row.items() if name.startswith("q0")]


def test_each_series_is_forecast_from_its_last_target_at_each_horizon(run: Path, tmp_path: Path) -> None:
    table = [{**row, "sales": None} if row["shop"] == "a" and number_of(row) > 90 else row for row in asked()]
    found = answered(run, tmp_path, table)
    wanted = [(shop, str(day(last + step))) for shop, last in LASTS.items() for step in HORIZONS]
    assert [(row["shop"], row["day"]) for row in found] == wanted
    for row in found:
        assert numbers(row) == sorted(numbers(row))


LASTS = {"a": 90, "b": LAST, "c": LAST, "new": LAST}


def test_what_is_known_behind_the_farthest_horizon_or_in_other_columns_changes_nothing(
    run: Path, tmp_path: Path
) -> None:
    before = answered(run, tmp_path, asked())
    assert answered(run, tmp_path, changed(asked(), LAST + 1, visits=1e9, weather="hail")) == before
    farther = changed(asked(), LAST + HORIZONS[-1] + 1, price=0.01, promotion=5, holiday="jubilee")
    assert answered(run, tmp_path, farther) == before
    assert answered(run, tmp_path, [row for row in asked() if number_of(row) <= LAST + HORIZONS[-1]]) == before
    assert answered(run, tmp_path, asked(), NAMES[::-1]) == before
    assert answered(run, tmp_path, changed(asked(), LAST + HORIZONS[-1], price=9.0)) != before


def test_a_series_is_forecast_alike_whatever_stands_beside_it(run: Path, tmp_path: Path) -> None:
    before = [row for row in answered(run, tmp_path, asked()) if row["shop"] == "b"]
    others = [row if row["shop"] == "b" else {**row, "sales": row["sales"] and 7 * row["sales"]} for row in asked()]
    assert [row for row in answered(run, tmp_path, others) if row["shop"] == "b"] == before
    alone = answered(run, tmp_path, [row for row in asked() if row["shop"] == "b"])
    for one, other in zip(alone, before, strict=True):  # in a batch of its own, which rounds otherwise
        assert numbers(one) == pytest.approx(numbers(other), rel=1e-5)


@pytest.mark.parametrize("shops_at_six", [("a", "b", "c", "new"), ("a",)], ids=["all", "one"])
def test_series_go_on_at_their_own_time_of_the_day(run: Path, tmp_path: Path, shops_at_six: tuple[str, ...]) -> None:
    def at(row: Row) -> Any:
        return datetime(2024, 1, 1, 6 if row["shop"] in shops_at_six else 0) + timedelta(days=number_of(row))

    found = answered(run, tmp_path, [{**row, "day": at(row)} for row in asked() if number_of(row) <= LAST])
    first = {row["shop"]: row["day"] for row in reversed(found)}
    for shop, time in first.items():
        wanted = datetime(2024, 1, 1, 6 if shop in shops_at_six else 0) + timedelta(days=LAST + 1)
        assert datetime.fromisoformat(time) == wanted


CLOCKS: dict[str, tuple[Callable[[int], Any], dict[str, Any]]] = {
    "months": (lambda number: f"{2010 + number // 12}-{number % 12 + 1:02}-01", {}),
    "ends of months": (lambda number: datetime(2010 + (number + 1) // 12, (number + 1) % 12 + 1, 1) - DAY, {}),
    "weekdays": (lambda number: datetime(2024, 1, 1) + (number + number // 5 * 2) * DAY, {}),
    "quarters of an hour": (lambda number: datetime(2024, 1, 1) + number * DAY / 96, {}),
    "hours of a zone": (
        lambda number: (datetime(2023, 10, 25, tzinfo=UTC) + number * DAY / 24).astimezone(BERLIN).replace(tzinfo=None),
        {"time_zone": "Europe/Berlin"},
    ),
    "days of a zone": (lambda number: datetime(2024, 1, 1) + number * DAY, {"time_zone": "Europe/Berlin"}),
}


@pytest.mark.parametrize("clock", CLOCKS)
def test_forecasts_go_on_by_the_clock_of_the_table(tmp_path: Path, clock: str) -> None:
    at, settings = CLOCKS[clock]
    table = [{**row, "day": at(number_of(row))} for row in rows()]
    path = written(tmp_path / "shops.csv", table)
    run = run_of(tmp_path, dataset_path=path, split=(80, 20, 20), max_steps=1, **settings)
    for last, going_on in ((120, False), (LAST + 1, True)):  # behind the table, and where rows without sales go on
        found = answered(run, tmp_path, [{**row, "day": at(number_of(row))} for row in asked()] if going_on else table)
        for row, step in zip(found, HORIZONS, strict=False):
            time = datetime.fromisoformat(row["day"]).replace(tzinfo=None)
            assert time == datetime.fromisoformat(str(at(last - 1 + step)))


def test_a_table_comes_through_standard_input_and_answers_go_to_files(run: Path, tmp_path: Path) -> None:
    answer = predicted(run, tmp_path, asked())
    typed = athanor("predict", run, "--input", "-", stdin=(tmp_path / "asked.csv").read_bytes())
    assert (typed.exit_code, typed.stdout) == (0, answer.stdout)
    wanted = list(csv.DictReader(io.StringIO(answer.stdout)))
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        assert athanor("predict", run, "--input", tmp_path / "asked.csv", "--output", tmp_path / name).exit_code == 0
    assert (tmp_path / "a.csv").read_text() == answer.stdout
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    for found in (lines, pyarrow.parquet.read_table(tmp_path / "a.parquet").to_pylist()):
        assert [{name: str(value) for name, value in row.items()} for row in found] == wanted


def test_nothing_that_is_known_ahead_is_told_and_forecast_all_the_same(run: Path, tmp_path: Path) -> None:
    answer = predicted(run, tmp_path, changed(asked(), 0, **dict.fromkeys(KNOWN)))
    assert answer.exit_code == 0
    assert "of 12 times ahead, some are without what should be known of them: price 12, promotion 12" in answer.stderr


@pytest.mark.parametrize(
    "change",
    [
        {"price": 1e300, "promotion": -1e308},
        {"sales": lambda row: row["sales"] and 1e300 * row["sales"]},
        {"sales": lambda row: row["sales"] and 1e-300 * row["sales"]},
        {"sales": lambda row: row["sales"] and (1.7e308 if number_of(row) % 2 else -1.7e308)},
        {"sales": lambda row: row["sales"] and 5.0},
        {"size": 1e308, "region": "", "weather": ""},
        {"visits": lambda row: 1.7e308 * (-1) ** number_of(row)},
    ],
    ids=["known", "huge", "tiny", "largest", "constant", "static", "past"],
)
def test_extreme_values_never_cross_and_never_leave_the_numbers(
    run: Path, tmp_path: Path, change: dict[str, Any], recwarn: pytest.WarningsRecorder
) -> None:
    found = answered(run, tmp_path, changed(asked(), 0, **change))
    assert len(found) == len(LASTS) * len(HORIZONS)
    for row in found:
        assert all(map(isfinite, numbers(row)))
        assert numbers(row) == sorted(numbers(row))
    assert not [str(warning) for warning in recwarn if issubclass(warning.category, RuntimeWarning)]


def test_a_small_series_that_never_changes_is_not_as_wide_as_the_large_ones(run: Path, tmp_path: Path) -> None:
    table = [{**row, "sales": row["sales"] and 5.0} if row["shop"] == "a" else row for row in asked()]
    for row in answered(run, tmp_path, table)[: len(HORIZONS)]:
        assert max(abs(value - 5.0) for value in numbers(row)) < 20.0  # others sell a thousand


def test_huge_values_are_learnt_from_without_a_complaint(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    table = [{**row, "sales": 1e300 * (-1) ** number_of(row)} if row["shop"] == "a" else row for row in rows()]
    run_of(tmp_path, dataset_path=written(tmp_path / "t.csv", table), max_steps=1)
    assert not [str(warning) for warning in recwarn if issubclass(warning.category, RuntimeWarning)]


def test_columns_of_answers_have_names_of_their_own(tmp_path: Path) -> None:
    names = {"shop": "target", "region": "time", "day": "horizon", "sales": "q0.5", "price": "price"}
    table = [{new: row[old] for old, new in names.items()} for row in rows()]
    path = written(tmp_path / "t.csv", table, list(names.values()))
    run = run_of(tmp_path, dataset_path=path, series_column=("target", "time"), time_column="horizon",
                 target_columns=("q0.5",), known_columns=("price",))  # fmt: skip
    answer = athanor("predict", run, "--input", path)
    header, first = (next(csv.reader([line])) for line in answer.stdout.splitlines()[:2])
    assert header[:5] == ["target_of_series", "time", "time_", "target", "horizon"]
    assert first[:5] == ["a", "north", "2024-04-30", "q0.5", "1"]
