"""What several series have in common by their name is told to the model: of shop and product, both say something."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.tiny_panels import NAMES, Row, request, rows, written
from tests.support.tiny_series import loaded

SERIES = {"a": (0, 120), "b": (0, 120), "c": (0, 120), "d": (0, 120), "new": (85, 35)}
WHICH = {"a": ("x", "tea"), "b": ("x", "jam"), "c": ("y", "tea"), "d": ("y", "jam"), "new": ("z", "tea")}


def data_of(path: Path, table: list[Row], **settings: Any) -> Any:
    return loaded(request(path.parent, dataset_path=written(path, table, (*NAMES, "product")), **settings))


@pytest.fixture
def table() -> list[Row]:
    named = [(row, *WHICH[str(row["shop"])]) for row in rows(SERIES)]
    return [{**row, "shop": shop, "product": product} for row, shop, product in named]


def test_columns_that_tell_series_apart_are_categories_where_series_agree(tmp_path: Path, table: list[Row]) -> None:
    data = data_of(tmp_path / "shops.csv", table, series_column=("shop", "product"))
    told, numbers = data.recipe.covariates, data.train.series.covariates.static_categories
    assert told.shared == ("shop", "product")
    assert told.vocabulary[-2:] == (("x", "y"), ("jam", "tea"))
    # The shop that opened behind the training part is none that the model has learnt of; its product is.
    assert numbers[:, -2:].tolist() == [[1, 2], [1, 1], [2, 2], [2, 1], [0, 2]]


def test_a_name_that_each_series_has_for_itself_is_no_category(tmp_path: Path) -> None:
    data = data_of(tmp_path / "shops.csv", [{**row, "product": 1} for row in rows(SERIES)], series_column=("shop",))
    assert data.recipe.covariates.shared == ()
