"""Folds are said as a split that every training understands alike, whatever clock a table has."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from infrastructure.backtest.cutting import TableFolds
from infrastructure.data.series.split import part_ends
from infrastructure.data.table.table import open_table
from infrastructure.data.windowed.loading import table_schema
from tests.support import tiny_panels, tiny_series

HOUR = timedelta(hours=1)
# The clocks of Berlin go back within the rows of the folds, so that an hour comes twice.
AUTUMN = datetime(2024, 10, 17, tzinfo=UTC)
CLOCKS = {
    "hours": tiny_series.stamps(300),
    "days": [f"{datetime(2020, 1, 1) + timedelta(days=row):%Y-%m-%d}" for row in range(300)],
    "half seconds": [f"{datetime(2020, 1, 1) + row * timedelta(seconds=0.5)}" for row in range(300)],
    "an offset": [f"{datetime(2020, 1, 1) + row * HOUR}+05:30" for row in range(300)],
    "a named zone": [(AUTUMN + row * HOUR).astimezone(ZoneInfo("Europe/Berlin")).isoformat(" ") for row in range(300)],
    "uneven days": [f"{datetime(2020, 1, 1) + timedelta(days=row + row // 5 * 2):%Y-%m-%d}" for row in range(300)],
}


@pytest.mark.parametrize("clock", [*CLOCKS, "none"])
@pytest.mark.parametrize("split", [(180, 60, 60), (150, 60, 50)])
def test_the_split_of_a_fold_ends_training_before_it_and_the_test_part_with_it(
    clock: str, split: tuple[int, ...], tmp_path: Path
) -> None:
    path = tiny_series.table_file(tmp_path / "t.csv", tiny_series.bars(), CLOCKS.get(clock))
    zone = (
        {"time_zone": "Europe/Berlin"}
        if clock == "a named zone"
        else {"time_column": "none"}
        if clock == "none"
        else {}
    )
    columns = {"columns": tiny_series.NAMES} if clock == "none" else {}
    asked = tiny_series.request("quantile_forecasting", tmp_path, dataset_path=path, split=split, **zone, **columns)
    training: Any = asked.resolved()
    table = open_table(path, table_schema(training), training.reading)
    folds = TableFolds().cut(training, 3, None, refit=True).folds
    length = split[2] // 3
    assert [(fold.start, fold.end) for fold in folds] == [
        (sum(split) - left * length, sum(split) - (left - 1) * length) for left in (3, 2, 1)
    ]
    for fold in folds:
        assert part_ends(table, fold.split) == (fold.start - split[1], fold.start, fold.end)


def test_without_a_test_part_the_last_part_is_shared_out_and_validation_is_as_long_as_a_fold(tmp_path: Path) -> None:
    asked = tiny_series.request("quantile_forecasting", tmp_path, split=(200, 100))
    training: Any = asked.resolved()
    folds = TableFolds().cut(training, 2, None, refit=True).folds
    ends = [[CLOCKS["hours"].index(str(date).replace("T", " ")) for date in fold.split[:2]] for fold in folds]
    assert ends == [[150, 200], [200, 250]]


def test_folds_of_many_series_are_periods_of_time(tmp_path: Path) -> None:
    training: Any = tiny_panels.request(tmp_path).resolved()
    folds = TableFolds().cut(training, 2, None, refit=True).folds
    assert [fold.split for fold in folds] == [
        tuple(f"{tiny_panels.day(day)}" for day in days) for days in ((80, 100, 110), (90, 110, 120))
    ]


def test_a_fold_for_a_finished_model_leaves_its_training_part_alone(tmp_path: Path) -> None:
    training: Any = tiny_panels.request(tmp_path).resolved()
    folds = TableFolds().cut(training, 2, None, refit=False).folds
    assert [fold.split for fold in folds] == [
        tuple(f"{tiny_panels.day(day)}" for day in days) for days in ((80, 100, 110), (80, 110, 120))
    ]


def test_a_fold_is_told_by_its_first_and_its_last_row(tmp_path: Path) -> None:
    path = tiny_series.table_file(tmp_path / "t.csv", tiny_series.bars(), CLOCKS["days"])
    asked = tiny_series.request("quantile_forecasting", tmp_path, dataset_path=path)
    training: Any = asked.resolved()
    (fold,) = TableFolds().cut(training, 1, None, refit=False).folds
    assert (fold.first, fold.last) == (CLOCKS["days"][240], CLOCKS["days"][299])
