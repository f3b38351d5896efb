"""Labels as they are told: with scores, ranks and a threshold."""

import pytest

from application.labels import Labels
from domain.exceptions import ConfigurationError

SCORES = {"a": 0.2000004, "b": 0.7, "c": 0.0999996}
ANSWER = {"label": "b", "scores": SCORES}
BAD = {"label": None, "scores": None, "error": "x.csv:3: text is empty"}


def test_a_label_has_its_score_and_without_ranks_the_scores_of_all_to_six_digits() -> None:
    told = Labels("abc").told(ANSWER)
    assert told == {"label": "b", "score": 0.7, "scores": {"a": 0.2, "b": 0.7, "c": 0.1}}


def test_ranks_are_named_in_words_and_take_the_place_of_the_scores_of_all() -> None:
    labels = Labels("abc", top_k=3)
    told = labels.told(ANSWER)
    assert list(told) == ["label", "score", "second_label", "second_score", "third_label", "third_score"]
    assert list(told.values()) == ["b", 0.7, "a", 0.2, "c", 0.1]
    assert [column.name for column in labels.columns] == list(told)


def test_more_ranks_than_labels_are_all_labels_which_is_said() -> None:
    labels = Labels("abc", top_k=9)
    assert len(labels.told(ANSWER)) == 6
    assert list(labels.facts()) == ["the model has 3 labels, and all of them are given."]


def test_the_names_of_many_ranks_are_read_as_they_are_spoken() -> None:
    many = [str(number) for number in range(120)]
    names = [column.name for column in Labels(many, top_k=120).columns if column.name.endswith("label")]
    assert [names[place] for place in (9, 10, 11, 12, 20, 21, 110, 111)] == [
        *("tenth_label", "11th_label", "12th_label", "13th_label"),
        *("21st_label", "22nd_label", "111th_label", "112th_label"),
    ]
    assert len(set(names)) == 120


def test_below_the_threshold_a_label_is_unsure_and_what_it_would_have_been_stays_visible() -> None:
    labels = Labels("abc", threshold=0.71)
    told = labels.told(ANSWER)
    assert (told["label"], told["score"], told["likeliest"]) == ("unsure", 0.7, "b")
    assert labels.told({"label": "b", "scores": {"b": 0.71, "a": 0.29}})["label"] == "b"
    labels.told(BAD)
    (fact,) = labels.facts()
    assert fact.startswith("1 of 2 answers (50.0%) are below the threshold 0.71: their label is 'unsure'")


def test_a_score_that_is_written_as_the_threshold_is_not_below_it() -> None:
    labels = Labels("ab", threshold=0.8)
    told = labels.told({"label": "a", "scores": {"a": 0.79999996, "b": 0.20000004}})
    assert (told["label"], told["score"], labels.num_unsure) == ("a", 0.8, 0)


def test_a_model_with_a_label_of_that_name_is_unsure_in_another_word() -> None:
    labels = Labels(["Unsure", "unsure?", "b"], threshold=0.9)
    assert labels.told({"label": "b", "scores": {"b": 0.5, "Unsure": 0.5}})["label"] == "unsure??"
    assert "'unsure??'" in next(labels.facts())


def test_a_bad_row_has_nulls_under_the_same_names_and_its_reason_last() -> None:
    labels = Labels("abc", top_k=2, threshold=0.5)
    told = labels.told(BAD)
    assert list(told) == [*labels.told(ANSWER), "error"]
    assert {value for name, value in told.items() if name != "error"} == {None}


def test_what_stands_before_a_label_stays_there() -> None:
    assert list(Labels("abc").told({"time": "t", **ANSWER})) == ["time", "label", "score", "scores"]


@pytest.mark.parametrize(
    ("option", "value"),
    [("top_k", 0), ("top_k", -1), ("threshold", 0.0), ("threshold", 1.5), ("threshold", float("nan"))],
)
def test_an_option_that_cannot_be_is_refused_by_name_and_value(option: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=f"{option} is {value}"):
        Labels.require({option: value})
