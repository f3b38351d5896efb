"""Sums over rows give the scores of sacrebleu, and their intervals hold what other rows would give."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.interval import UNKNOWN
from infrastructure.tasks.writing import text_statistics
from infrastructure.tasks.writing.metrics import bleu, chrf
from infrastructure.tasks.writing.text_statistics import TEXT_SCORES

OF_SACREBLEU = {"bleu": bleu, "chrf": chrf}
WORDS = ("def", "return", "x", "y", "+", "(", ")", "==", "é", "\t", "\n")
TEXT = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


@cache
def rows(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Draw texts, and answers in which every fifth word is another."""
    draw = np.random.default_rng(seed)
    references = [draw.choice(WORDS[:9], draw.integers(4, 15)).tolist() for _ in range(count)]
    outputs = [[word if draw.random() < 0.8 else "z" for word in words] for words in references]
    return [" ".join(words) for words in outputs], [" ".join(words) for words in references]


def of_sums(name: str, outputs: list[str], references: list[str]) -> float:
    score = TEXT_SCORES[name]
    counts = [score.counts(output, wanted) for output, wanted in zip(outputs, references, strict=True)]
    return float(score.score(np.sum(counts, axis=0)))


@pytest.mark.parametrize("name", TEXT_SCORES)
@settings(max_examples=30)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6))
def test_sums_over_rows_give_what_sacrebleu_gives(name: str, drawn: list[tuple[str, str]]) -> None:
    outputs, references = [list(texts) for texts in zip(*drawn, strict=True)]
    assert of_sums(name, outputs, references) == pytest.approx(OF_SACREBLEU[name](outputs, references), abs=1e-6)


@pytest.mark.parametrize("name", TEXT_SCORES)
def test_an_interval_holds_the_score_of_many_rows_and_narrows_with_more(name: str) -> None:
    true = OF_SACREBLEU[name](*rows(800, seed=99))
    held, widths = 0, []
    for seed in range(20):
        outputs, references = rows(40, seed)
        found = TEXT_SCORES[name].interval(OF_SACREBLEU[name](outputs, references), outputs, references)
        held += found.low <= true <= found.high
        widths.append(found.high - found.low)
    assert held >= 17
    outputs, references = rows(360, 1)
    narrow = TEXT_SCORES[name].interval(OF_SACREBLEU[name](outputs, references), outputs, references)
    assert narrow.high - narrow.low == pytest.approx(np.mean(widths) / 3, rel=0.25)


@pytest.mark.parametrize("name", TEXT_SCORES)
def test_very_many_rows_are_told_from_a_part_of_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    most = 250
    monkeypatch.setattr(text_statistics, "MAX_ROWS_COUNTED", most)
    outputs, references = rows(most * 4, 3)
    score = TEXT_SCORES[name]
    estimate = OF_SACREBLEU[name](outputs, references)
    few = score.interval(estimate, outputs[:most], references[:most])
    found = score.interval(estimate, outputs, references)
    assert found.low < estimate < found.high
    assert found.high - found.low == pytest.approx((few.high - few.low) / 2, rel=0.25)


def test_the_same_rows_have_the_same_interval_and_a_single_one_has_none() -> None:
    outputs, references = rows(50)
    score = TEXT_SCORES["bleu"]
    assert score.interval(60.0, outputs, references) == score.interval(60.0, outputs, references)
    assert score.interval(60.0, outputs[:1], references[:1]) is UNKNOWN
    assert score.interval(60.0, [], []) is UNKNOWN
