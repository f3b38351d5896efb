import math
import warnings

import pytest

from infrastructure.tasks.writing.metrics import bleu, chrf, exact_match, share_that_parses


def test_bleu_is_the_geometric_mean_of_four_precisions_counted_by_hand() -> None:
    # "the cat sat on a mat" beside "the cat sat on the mat": 5 of 6 words, 3 of 5 pairs, 2 of 4 triples, 1 of 3.
    by_hand = 100 * math.exp(sum(math.log(p) for p in (5 / 6, 3 / 5, 2 / 4, 1 / 3)) / 4)
    assert bleu(["the cat sat on a mat"], ["the cat sat on the mat"]) == pytest.approx(by_hand)


def test_bleu_punishes_what_is_too_short_by_the_lengths_of_the_whole_corpus() -> None:
    # Every n-gram of the outputs occurs; 4 + 6 tokens stand for 6 + 6.
    outputs, references = ["a b c d", "e f g h i j"], ["a b c d x y", "e f g h i j"]
    assert bleu(outputs, references) == pytest.approx(100 * math.exp(1 - 12 / 10))


def test_bleu_takes_tokens_between_white_space_as_they_are() -> None:
    by_hand = 100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** (1 / 4)  # another tokenizer would split "f(x)" and find more
    assert bleu(["int y = 1 f(x)"], ["int y = 1 f(z)"]) == pytest.approx(by_hand)
    assert bleu(["a\n  b\tc d"], ["a b c d"]) == pytest.approx(100)


def test_chrf_weighs_recall_twice_and_skips_white_space() -> None:
    # Of "ab" beside "abcd": precision 1 and 1, recall 2/4 and 1/3; longer n-grams do not occur in the output.
    precision, recall = 1.0, (2 / 4 + 1 / 3) / 2
    assert chrf(["a b"], ["abcd"]) == pytest.approx(100 * 5 * precision * recall / (4 * precision + recall))


def test_exact_match_forgives_white_space_at_the_ends_alone() -> None:
    assert exact_match([" a b\n", "a  b", "a", ""], ["a b", "a b", "b", " "]) == 2 / 4


def test_no_rows_have_no_score() -> None:
    assert all(map(math.isnan, (bleu([], []), chrf([], []), exact_match([], []), share_that_parses([]))))


def test_empty_outputs_score_zero() -> None:
    assert bleu([""], ["a b"]) == chrf([""], ["a b"]) == 0.0


def test_python_with_a_statement_parses_and_other_text_does_not() -> None:
    good = ["x = 1", "def f():\n    return 1\n"]
    bad = ["", " \n", "# words alone", "def f(:", "return = 1", "x\0", "'\ud800'"]
    for source in good:
        assert share_that_parses([source]) == 1.0, source
    for source in bad:
        assert share_that_parses([source]) == 0.0, source
    assert share_that_parses(good + bad) == len(good) / len(good + bad)


@pytest.mark.parametrize("source", ["(" * 5000 + "1" + ")" * 5000, "-" * 20_000 + "1", "a" + "+a" * 50_000])
def test_nesting_too_deep_for_the_parser_counts_as_not_parsing(source: str) -> None:
    assert share_that_parses([source, "x = 1"]) == 0.5


def test_parsing_runs_nothing_and_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert share_that_parses([r"x = '\d'", "1 is 1", "raise SystemExit"]) == 1.0
