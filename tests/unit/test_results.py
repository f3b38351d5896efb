from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, fields, replace

import pytest

from domain.results import EvaluationResult, Report, TrainingResult
from tests.fakes.ports import RESULT


def test_a_result_answers_by_the_name_of_a_field_as_the_dictionary_did() -> None:
    assert RESULT["best_metric"] == RESULT.best_metric == 0.8
    assert RESULT["throughput"]["tokens_per_second"] == 1000.0
    assert dict(RESULT) == asdict(RESULT) == {**RESULT}
    assert isinstance(RESULT, Mapping)
    assert ("stop_reason" in RESULT, RESULT.get("stop_reason"), RESULT.get("unknown", 3)) == (True, "completed", 3)
    assert (len(RESULT), list(RESULT)) == (len(fields(RESULT)), [field.name for field in fields(RESULT)])


@pytest.mark.parametrize("name", ["best", "get", "__class__", "", None, 0])
def test_a_result_has_no_other_names(name: object) -> None:
    with pytest.raises(KeyError):
        RESULT[name]  # type: ignore[index]  # anybody may ask for anything
    assert name not in RESULT


def test_results_are_equal_when_all_they_say_is() -> None:
    assert replace(RESULT) == RESULT
    assert replace(RESULT, steps=3) != RESULT
    assert dict(RESULT) == RESULT


@pytest.mark.parametrize("result", [RESULT, Report(), EvaluationResult({}, 3, "text_classification")])
def test_nobody_changes_a_result(result: TrainingResult | Report | EvaluationResult) -> None:
    with pytest.raises(FrozenInstanceError):
        result.warnings = ("news",)  # type: ignore[misc]  # that is what is refused
