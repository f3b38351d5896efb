"""The card of a model of many series: an edited one is refused in a sentence, and who goes on with it keeps to it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.exceptions import ModelError
from domain.run_layout import CARD
from infrastructure.model_files.card import read_card, typed_card
from infrastructure.predictors import PredictorSource
from infrastructure.tasks.series.card_fields import QuantileCard
from tests.support import tiny_panels
from tests.support.finished_models import edit
from tests.support.tiny_panels import request, rows, written
from tests.support.tiny_series import loaded

SERIES = ("shop", "region")  # in which some series agree
WRONG: tuple[Any, ...] = (None, "x", -1, 1.5, 10**30, [], ["x", 1], {}, {"x": 1}, True, [[]], [["x", "x"]])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a model that tells series apart by shop and region, as a run does at its end."""
    directory = tmp_path_factory.mktemp("made")
    path = written(directory / "shops.csv", rows(dict.fromkeys("abcd", (0, 120))))
    made = tiny_panels.ready(directory, dataset_path=path, series_column=SERIES)
    made.bundle.card |= {"precision": "fp32", "batch_size": 8, **made.prepared.card}
    made.bundle.save(directory / "model", {"step": 1, "metrics": {}})
    return directory / "model"


def beside(**values: Any) -> Callable[[Any], Any]:
    """Change what a card says of covariates."""
    return lambda card: card["series"]["recipe"]["covariates"].update(values)


def of_series(**values: Any) -> Callable[[Any], Any]:
    return lambda card: card["series"].update(values)


def test_a_wrong_value_in_any_field_of_covariates_is_taken_or_refused_in_a_sentence(model: Path) -> None:
    refused = 0
    for name in (*read_card(model)["series"]["recipe"]["covariates"], "series_columns"):
        for value in WRONG:
            card = dict(read_card(model))
            (of_series if name == "series_columns" else beside)(**{name: value})(card)
            fault = fault_of(card, model)
            if fault is not None:
                assert CARD in str(fault), (name, value)
                assert "\n" not in str(fault), (name, value)
                refused += 1
    assert refused > 100


def fault_of(card: Any, directory: Path) -> ModelError | None:
    try:
        typed_card(QuantileCard, card, directory)
    except ModelError as error:
        return error
    return None


SCALER = {"mean": [0.0], "scale": [0.0]}
VOCABULARY = [["fog", "rain", "sun"], ["eve", "feast", "no"], ["north", "south"]]
REFUSED: list[tuple[str, Callable[[Any], Any], str]] = [
    ("as a table of one series", of_series(series_columns=None), "series_columns and recipe.covariates"),
    (
        "no covariates",
        lambda card: card["series"]["recipe"].update(covariates=None),
        "series_columns and recipe.covariates",
    ),
    ("fewer known", beside(known=["promotion"], ratios=[]), "says num_known 1, but the model in config.json has 2"),
    ("others known", beside(known=["price", "promo"]), "covariates.known must be the last of the names"),
    ("other ratios", beside(ratios=["visits"]), "covariates.num_known and covariates.ratios must be of columns"),
    ("fewer categories", beside(categories=["weather"]), "covariates.vocabulary must have a list for each of the 2"),
    ("other categories", beside(categories=["sky", "holiday"]), "must be the targets, the other columns"),
    ("more are known", beside(num_known=2), "says num_known_categories 2"),
    ("none is known", beside(num_known=0), "says num_known_categories 0"),
    ("a text more", beside(vocabulary=[["fog", "hail", "rain", "sun"], *VOCABULARY[1:]]), r"says category_sizes"),
    ("a text less", beside(vocabulary=[*VOCABULARY[:2], ["north"]]), r"says static_sizes"),
    ("a text twice", beside(vocabulary=[["fog", "fog", "sun"], *VOCABULARY[1:]]), "name each category once"),
    ("no static", beside(static=[], static_scaler={"mean": [], "scale": []}), "says num_static 0"),
    ("a static without scale", beside(static_scaler={"mean": [], "scale": []}), "a mean and a scale for each of"),
    ("a scale of nothing", beside(static_scaler=SCALER), "static_scaler.scale must be above 0"),
]


@pytest.mark.parametrize(("change", "sentence"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_an_edited_card_is_refused_before_anything_is_answered(
    change: Callable[[Any], Any], sentence: str, model: Path, tmp_path: Path
) -> None:
    directory = Path(shutil.copytree(model, tmp_path / "model"))
    PredictorSource().open(str(directory), "cpu")
    edit(directory / CARD, change)
    with pytest.raises(ModelError, match=sentence) as caught:
        PredictorSource().open(str(directory), "cpu")
    assert CARD in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_that_is_gone_on_with_keeps_what_the_numbers_of_categories_mean(model: Path, tmp_path: Path) -> None:
    known = read_card(model)["series"]["recipe"]["covariates"]
    assert known["shared"] == ["region"]
    assert known["vocabulary"] == VOCABULARY
    # Of other weather and regions, and so many series that no two agree in their region.
    table = [
        {**row, "weather": "aurora" if row["weather"] == "sun" else row["weather"], "region": f"west of {row['shop']}"}
        for row in rows()
    ]
    path = written(tmp_path / "other.csv", table)
    fresh = loaded(request(tmp_path, dataset_path=path, series_column=SERIES)).recipe.covariates
    assert (fresh.vocabulary[0], fresh.shared) == (("aurora", "fog", "rain"), ())
    found = loaded(request(tmp_path, dataset_path=path, series_column=SERIES, model_name=str(model))).recipe.covariates
    assert (found.vocabulary, found.shared) == (tuple(map(tuple, VOCABULARY)), ("region",))
