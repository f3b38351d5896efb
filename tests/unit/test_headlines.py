"""What rivals of a model scored is found by the name of the metric, whoever scored them."""

import math

import pytest

from domain.headlines import rivals_of


@pytest.mark.parametrize("metric", ["macro_f1", "eval_macro_f1"])
def test_rivals_are_found_by_the_metric_with_or_without_eval_before_it(metric: str) -> None:
    scores = {"bow_macro_f1": 0.8, "majority_macro_f1": 0.1, "bow_accuracy": 0.9, "macro_f1": 0.95}
    assert rivals_of(metric, scores) == {"bag of words": 0.8, "majority": 0.1}


def test_later_scores_go_before_and_what_is_no_finite_number_is_left_out() -> None:
    first = {"majority_accuracy": 0.5, "persistence_accuracy": math.nan, "random_walk_accuracy": None}
    assert rivals_of("accuracy", first, {"majority_accuracy": 0.6}) == {"majority": 0.6}
    assert rivals_of("f1", {"majority_macro_f1": 0.5}) == {}
