"""Text and values of others are shown so that nothing obeys them and nothing fills the screen."""

import json
from typing import Any

import pytest
from hypothesis import given

from application.training_request import MAX_FAULTS, TrainModelRequest
from domain.exceptions import ConfigurationError
from domain.showing import LONGEST_VALUE, harmless, json_text, shown
from tests.support.texts import any_text

OBEYED = "\x1b\x07\x9b\u202e\u2066\u200f\ud83d\u2028\u2029\x7f\x85\U000e0001\n\r"


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


def shared_many_times() -> Any:
    """Give what a few aliases of YAML stand for: ten to the power of twelve items."""
    value: Any = ["x"] * 10
    for _ in range(11):
        value = [value] * 10
    return value


@given(any_text())
def test_json_says_the_same_and_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    written = json_text({text: [text]})
    assert json.loads(written) == {text: [text]}
    assert harmless(written) == written.replace("\t", "    ")


def test_every_letter_that_a_terminal_obeys_is_spelt_out() -> None:
    assert not set(harmless(OBEYED)) & set(OBEYED)
    assert not set(json_text(OBEYED)) & set(OBEYED)
    assert json.loads(json_text(OBEYED)) == OBEYED


def test_ordinary_letters_stay_readable() -> None:
    assert (harmless("größer 語 😀"), json_text("größer 語 😀")) == ("größer 語 😀", '"größer 語 😀"')


def test_json_of_what_is_not_finite_is_null_and_its_lines_stay_lines() -> None:
    assert json_text({"a": [float("nan"), float("inf")]}) == '{"a": [null, null]}'
    assert json_text({"a": 1}, indent=2) == '{\n  "a": 1\n}'


@pytest.mark.parametrize("value", [1, -2.5, None, True, "a'b", ["a", 1], {"a": {"b": 1}}, b"x", []])
def test_a_small_value_is_shown_as_it_is_written(value: Any) -> None:
    assert shown(value) == repr(value)


@pytest.mark.parametrize(
    "value",
    [shared_many_times(), nested(50_000), 1 << 40_000, "x" * 10**7, {str(i): i for i in range(10**5)}, ["\x1b" * 99]],
    ids=["aliases", "deep", "digits", "long", "wide", "control"],
)
def test_a_giant_value_is_cut_before_it_is_written(value: Any) -> None:
    assert len(shown(value)) <= LONGEST_VALUE
    assert "\x1b" not in shown(value)


def test_a_setting_that_holds_a_giant_value_is_refused_in_a_short_sentence() -> None:
    for name in ("task", "columns", "epochs", "class_weights"):
        with pytest.raises(ConfigurationError) as caught:
            TrainModelRequest(**{name: shared_many_times()})
        assert len(str(caught.value)) < 5_000


def test_a_million_wrong_settings_give_a_screen_of_faults() -> None:
    wrong: tuple[dict[str, Any], ...] = ({f"setting_{n}": 1 for n in range(5_000)}, {"columns": [[]] * 5_000})
    wrong = (*wrong, {"task": "quantile_forecasting", "horizons": [0] * 5_000})
    for values in wrong:
        with pytest.raises(ConfigurationError) as caught:
            TrainModelRequest(**values).resolved()
        assert len(caught.value.messages) <= MAX_FAULTS
        assert len(str(caught.value)) < 20_000


def test_a_setting_with_a_giant_name_is_refused_without_comparing_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        TrainModelRequest(**{"epochs" * 100_000: 1})
    assert len(str(caught.value)) < 5_000
