"""Of many series nothing reaches a window but its history, what is known ahead of it, and what its series is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from infrastructure.data.series.series import Series
from infrastructure.data.windowed import panels
from infrastructure.data.windowed.panel_series import series_of_panel
from infrastructure.models.series_inputs import model_inputs
from tests.support import tiny_panels
from tests.support.tiny_panels import (
    CONTEXT,
    HORIZONS,
    SPLIT,
    TRAINING,
    VALIDATION,
    Row,
    bytes_of,
    changed,
    number_of,
    request,
    rows,
    written,
)
from tests.support.tiny_series import Ready, loaded

LATER: dict[str, dict[str, Any]] = {
    "targets": {"sales": lambda row: 7 * row["sales"] + 3},
    "the past": {"visits": lambda row: 7 * row["visits"] + 3},
    "a price": {"price": lambda row: 9 * row["price"]},
    "a category of the past": {"weather": "hail"},
    "a category that is known ahead": {"holiday": "jubilee"},
    "huge": {"sales": 1e300, "visits": 1e300, "price": 1e30},
    "nothing": {"visits": None, "price": None, "weather": None},
}
AHEAD = {"ahead", "ahead_categories"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    return tiny_panels.ready(tmp_path_factory.mktemp("made"))


def data_of(directory: Path, table: list[Row], **settings: Any) -> Any:
    return loaded(request(directory, dataset_path=written(directory / "shops.csv", table), **settings))


def windows_of(part: Any) -> dict[str, bytes]:
    return bytes_of(part.cut(part.anchors))


@pytest.mark.parametrize("change", LATER)
def test_what_comes_behind_the_training_part_changes_neither_recipe_nor_windows_of_it(
    made: Ready, tmp_path: Path, change: str
) -> None:
    other = data_of(tmp_path, changed(rows(), TRAINING, **LATER[change]))
    assert other.recipe == made.data.recipe
    assert other.season == made.data.season
    assert windows_of(other.train) == windows_of(made.data.train)
    assert made.test.naive is not None
    np.testing.assert_array_equal(other.test.naive.changes, made.test.naive.changes)
    assert windows_of(other.evaluation) != windows_of(made.data.evaluation)


def test_a_series_that_begins_behind_the_training_part_does_not_measure_it(made: Ready, tmp_path: Path) -> None:
    table = [{**row, "size": 9e9, "region": "moon"} if row["shop"] == "new" else row for row in rows()]
    assert data_of(tmp_path, table).recipe == made.data.recipe
    without = data_of(tmp_path, [row for row in rows() if row["shop"] != "new"])
    assert without.recipe == made.data.recipe
    assert windows_of(without.train) == windows_of(made.data.train)


def test_a_table_cut_off_behind_its_validation_part_gives_the_same_windows(made: Ready, tmp_path: Path) -> None:
    short = data_of(tmp_path, [row for row in rows() if number_of(row) < VALIDATION], split=SPLIT[:2])
    assert short.recipe == made.data.recipe
    for part in ("train", "evaluation"):
        assert windows_of(getattr(short, part)) == windows_of(getattr(made.data, part)), part


def anchor_of(series: Series, table: Any, shop: str, number: int) -> np.ndarray:
    """Give the row of a shop at a day."""
    panel = table.series
    start, first = int(panel.offsets[panel.number_of([shop])]), tiny_panels.LENGTHS[shop][0]
    return np.array([start + number - first])


def seen(made: Ready, directory: Path, table: list[Row], shop: str, number: int) -> dict[str, np.ndarray]:
    """Cut the window of a shop that ends with a day, read as in training and measured up to that day."""
    data, recipe = data_of(directory, table), made.data.recipe
    panel = data.table.series
    ends = np.array([anchor_of(data.train.series, data.table, name, number)[0] + 1 for (name,) in panel.ids])
    series = series_of_panel(data.table, recipe, np.clip(ends, panel.offsets[:-1], panel.offsets[1:]))
    anchor = anchor_of(series, data.table, shop, number)
    return series.history(anchor, CONTEXT) | series.known_ahead(anchor, HORIZONS[-1])


AT = 96


@pytest.mark.parametrize("shop", ["a", "new"])
def test_a_window_sees_of_later_rows_what_is_known_ahead_at_its_steps_and_nothing_else(
    made: Ready, tmp_path: Path, shop: str
) -> None:
    table = rows()
    before = bytes_of(seen(made, tmp_path, table, shop, AT))
    of_the_past = changed(table, AT + 1, sales=1.0, visits=1.0, weather="rain")
    assert bytes_of(seen(made, tmp_path, of_the_past, shop, AT)) == before
    farther = changed(table, AT + HORIZONS[-1] + 1, price=1.0, promotion=0, holiday="eve")
    assert bytes_of(seen(made, tmp_path, farther, shop, AT)) == before
    for step in range(1, HORIZONS[-1] + 1):  # also those that are no horizon: a campaign tells of the day behind it
        there = [{**row, "price": 1.0, "holiday": "no"} if number_of(row) == AT + step else row for row in table]
        found, as_it_was = (seen(made, tmp_path, of, shop, AT) for of in (there, table))
        assert {name for name in found if found[name].tobytes() != as_it_was[name].tobytes()} <= AHEAD
        differing = np.flatnonzero((found["ahead"] != as_it_was["ahead"]).any(axis=(0, 2)))
        assert differing.tolist() == [step - 1]


def test_a_row_that_a_window_sees_reaches_the_forecast_and_one_behind_it_does_not(made: Ready, tmp_path: Path) -> None:
    def answer(table: list[Row]) -> bytes:
        return bytes(_forecast(made, seen(made, tmp_path, table, "b", AT)).numpy().tobytes())

    before = answer(rows())
    for name, value in (("sales", 1.0), ("visits", 1.0), ("weather", None), ("price", 9.0), ("holiday", None)):
        assert answer(changed(rows(), AT, **{name: value})) != before, name
        if name not in tiny_panels.KNOWN:
            assert answer(changed(rows(), AT + 1, **{name: value})) == before, name


def test_no_series_changes_what_another_one_shows(made: Ready, tmp_path: Path) -> None:
    before = bytes_of(seen(made, tmp_path, rows(), "b", AT))
    others = [
        row
        if row["shop"] == "b"
        else {
            **row,
            "sales": 3 * row["sales"] + number_of(row),
            "price": 0.5,
            "visits": 0.0,
            "size": 1,
            "weather": "sun",
        }
        for row in rows()
    ]
    assert bytes_of(seen(made, tmp_path, others, "b", AT)) == before


def _forecast(made: Ready, window: dict[str, np.ndarray]) -> Any:
    made.model.eval()
    with torch.no_grad():
        return made.model(**model_inputs(window))["forecast"]


def test_of_many_windows_as_many_as_are_said_are_scored(
    made: Ready, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panels, "MOST_JUDGED", 40)
    table = [{**row, "sales": None if number_of(row) % 60 < 30 else row["sales"]} for row in rows()]
    windows = panels.all_windows_of_panel(data_of(tmp_path, rows()).table, made.data.recipe, None)
    assert len(windows) == 40
    read = loaded(request(tmp_path, dataset_path=written(tmp_path / "gaps.csv", table), split=(90, 15, 15))).table
    assert len(panels.all_windows_of_panel(read, made.data.recipe, None)) == 40  # of those that hold something
