"""What we write as JSON is read by every parser, NaN and infinities or not."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import EvaluationCompleted
from domain.run_layout import LOG
from domain.strict_json import finite, strict_json
from infrastructure.runs.run_log import RunLog
from tests.support.texts import any_text


def strictly(text: str | bytes) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text(),
    lambda inner: st.lists(inner) | st.dictionaries(any_text(), inner) | st.tuples(inner),
    max_leaves=20,
)


@given(VALUES)
def test_any_value_is_written_and_read_back(value: Any) -> None:
    assert strictly(strict_json(value)) == finite(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_becomes_null_at_any_depth(value: float) -> None:
    assert strictly(strict_json({"a": [1.5, {"b": (value, "x")}]})) == {"a": [1.5, {"b": [None, "x"]}]}


def test_the_log_of_a_run_that_exploded_is_json(tmp_path: Path) -> None:
    metrics = {"loss": math.nan, "perplexity": math.inf, "per_class": {"a": {"pr_auc": math.nan}}}
    RunLog(tmp_path).notify(EvaluationCompleted(1, 0, metrics, False, -math.inf))
    (line,) = (tmp_path / LOG).read_bytes().splitlines()
    told = strictly(line)
    assert told["metrics"] == {"loss": None, "perplexity": None, "per_class": {"a": {"pr_auc": None}}}
    assert told["seconds"] is None
