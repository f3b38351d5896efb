"""An edited athanor.json ends in a sentence with file, field and rule, whatever task the model is of."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from domain.exceptions import ModelError
from domain.run_layout import CARD
from infrastructure.model_files.card import ModelCard, read_card, typed_card
from infrastructure.predictors import PredictorSource
from infrastructure.tasks.registry import kind_of
from tests.support.finished_models import TASKS, edit, finished_once
from tests.support.tiny_series import SERIES_TASKS
from tests.support.tiny_text import TEXT_TASKS

WRONG: tuple[Any, ...] = (None, "x", -1, 1.5, 10**30, [], ["x", 1], {}, {"x": 1}, True, [[]])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    return finished_once(tmp_path_factory.mktemp)


def places(card: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the way to each field of a card."""
    for name, value in card.items():
        yield (*before, name)
        if isinstance(value, dict):
            yield from places(value, (*before, name))


def put(card: Any, place: tuple[str, ...], value: Any) -> None:
    for name in place[:-1]:
        card = card[name]
    card[place[-1]] = value


@pytest.mark.parametrize("task", TASKS)
def test_a_wrong_value_in_any_field_is_taken_or_refused_in_a_sentence_that_names_it(
    task: str, models: Callable[[str], Path], tmp_path: Path
) -> None:
    """Each field of the card of each kind, with each of a dozen wrong values: no other error, ever."""
    kind = kind_of(task)
    directory = Path(shutil.copytree(models(task), tmp_path / "model"))
    for place in places(read_card(directory)):
        for value in WRONG:
            card = read_card(models(task))
            put(card, place, value)
            edit(directory / CARD, lambda _, card=card: card)  # type: ignore[misc]  # bound at once
            fault = fault_of(kind.card_type, directory)
            if fault is not None:
                assert CARD in str(fault), (place, value)
                assert "\n" not in str(fault), (place, value)
                assert fault.remedy, (place, value)


def fault_of(card_type: type[ModelCard], directory: Path) -> ModelError | None:
    try:
        typed_card(card_type, read_card(directory), directory)
    except ModelError as error:
        return error
    return None


@pytest.mark.parametrize("task", TASKS)
def test_a_field_that_is_missing_is_named(task: str, models: Callable[[str], Path], tmp_path: Path) -> None:
    directory = Path(shutil.copytree(models(task), tmp_path / "model"))
    needed = {"text_classification": "labels", **dict.fromkeys(SERIES_TASKS, "series")}.get(task, "max_length")
    edit(directory / CARD, lambda card: {name: value for name, value in card.items() if name != needed})
    with pytest.raises(ModelError, match=rf"{CARD}: {needed} is missing") as caught:
        PredictorSource().open(str(directory), "cpu")
    assert "train again" in caught.value.remedy


def changed(**values: Any) -> Callable[[Any], Any]:
    return lambda card: card.update(values)


def in_series(*place: str, value: Any) -> Callable[[Any], Any]:
    return lambda card: put(card["series"], place, value)


def drifted(**drift: Any) -> Callable[[Any], Any]:
    def edit(card: Any) -> None:
        levels = card["series"]["quantiles"]
        card["series"]["calibration"] = {"quantiles": levels, "factors": [1.0] * len(levels), "drift": drift}

    return edit


REFUSED: list[tuple[str, Callable[[Any], Any], str]] = [
    ("text_classification", lambda card: ["x"], "must hold a JSON object"),
    ("text_classification", lambda card: card.pop("task") and None, "task is missing"),
    ("text_classification", changed(task="nonsense"), 'task is "nonsense", but must be one of'),
    ("text_classification", changed(task=["x"]), "task is a list of 1"),
    ("text_classification", changed(labels=["a"]), "labels names 1 labels"),
    ("text_classification", changed(labels=["loud", "calm"]), "labels names 2 labels.*in another order"),
    ("text_classification", changed(labels=[1, 2]), "labels.0 is 1, but should be a valid string"),
    ("text_classification", changed(max_length="x"), 'max_length is "x", but should be a valid integer'),
    ("text_classification", changed(max_length=10**12), "max_length is 1000000000000"),
    ("text_classification", changed(batch_size=0), "batch_size is 0"),
    ("text_classification", changed(precision="int4"), 'precision is "int4"'),
    ("text_classification", changed(text_field=[1]), "text_field is a list of 1"),
    ("text_classification", changed(max_length=float("nan")), "max_length is nan"),
    ("text_classification", changed(task="quantile_forecasting"), "series is missing"),
    ("quantile_forecasting", changed(task="text_classification"), "labels is missing"),
    ("quantile_forecasting", in_series("quantiles", value=[0.9, 0.1]), "must ascend"),
    ("quantile_forecasting", in_series("quantiles", value=[0.2, 0.5]), "says quantiles"),
    ("quantile_forecasting", in_series("recipe", "context_length", value=7), "says context_length 7"),
    ("quantile_forecasting", in_series("recipe", "scaler", "scale", value=[0.0] * 5), "must be above 0|a mean and"),
    ("quantile_forecasting", in_series("recipe", "horizons", value=["x"]), "horizons.0 is"),
    ("quantile_forecasting", drifted(widths=[1.0, 1.0]), "calibration.drift.num_blocks is missing"),
    ("quantile_forecasting", drifted(widths=[1.0], num_blocks=1.0, until=None), "drift.widths must have 2 numbers"),
    ("quantile_forecasting", drifted(widths=[1.0, 0.0], num_blocks=1.0, until=None), "drift.widths must have"),
    ("quantile_forecasting", in_series("recipe", "calendar", "holidays", value={"places": []}), "holidays.places"),
    ("quantile_forecasting", in_series("schema", "gaps", value="x"), "series.schema.gaps"),
    ("quantile_forecasting", in_series("unknown", value=1), "series.unknown"),
    ("quantile_forecasting", in_series("volatility_window", value=None), "must be the targets"),
    ("quantile_forecasting", in_series("recipe", "names", value=[*"abcdefg"]), "must be the targets"),
    ("market_direction", changed(scoring=None), "scoring is null"),
    ("market_direction", in_series("volatility_window", value=None), "volatility_window"),
    *((task, changed(num_beams=-1), "num_beams is -1") for task in TEXT_TASKS),
    ("sequence_to_sequence", changed(start_token_id=10**6), "start_token_id is 1000000, but the model has"),
    ("sequence_to_sequence", lambda card: card.pop("start_token_id") and None, "start_token_id is None"),
]


@pytest.mark.parametrize(("task", "change", "sentence"), REFUSED, ids=[f"{task}: {says}" for task, _, says in REFUSED])
def test_an_edited_card_is_refused_before_anything_is_answered(
    task: str, change: Callable[[Any], Any], sentence: str, models: Callable[[str], Path], tmp_path: Path
) -> None:
    directory = Path(shutil.copytree(models(task), tmp_path / "model"))
    edit(directory / CARD, change)
    with pytest.raises(ModelError, match=sentence) as caught:
        PredictorSource().open(str(directory), "cpu")
    assert CARD in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"task": ' * 100_000])
def test_a_card_that_is_no_json_is_refused(text: str, models: Callable[[str], Path], tmp_path: Path) -> None:
    directory = Path(shutil.copytree(models("text_classification"), tmp_path / "model"))
    (directory / CARD).write_text(text)
    with pytest.raises(ModelError, match=rf"{CARD} cannot be opened"):
        PredictorSource().open(str(directory), "cpu")
