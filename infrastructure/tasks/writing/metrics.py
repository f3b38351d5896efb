"""What written texts are worth, beside the texts that were wanted."""

import ast
import math
import warnings
from collections.abc import Callable, Mapping, Sequence

LARGEST_EXPONENT = 700.0
# By name, what compares written texts with those that were wanted.
TextScores = Mapping[str, Callable[[Sequence[str], Sequence[str]], float]]


def perplexity(loss: float) -> float:
    """Give e to the power of a loss in nats a token; infinite where no number is as large."""
    return math.inf if loss >= LARGEST_EXPONENT else math.exp(loss)


def token_metrics(loss_sum: float, num_targets: int, bytes_per_target: float | None = None) -> dict[str, float]:
    """Give the mean of a loss (nats a token), its exponential, and bits per byte where the bytes were counted.

    The rows may be a few of a part, whose own bytes nobody has counted. NaN without targets.
    """
    loss = loss_sum / num_targets if num_targets else math.nan
    metrics = {"loss": loss, "perplexity": perplexity(loss)}
    if bytes_per_target:
        metrics["bits_per_byte"] = loss / math.log(2.0) / bytes_per_target
    return metrics


def bleu(outputs: Sequence[str], references: Sequence[str]) -> float:
    """Give corpus BLEU over n-grams of 1 to 4 white-space tokens, by sacrebleu with `tokenize="none"`.

    Units: 0 to 100; NaN without rows.
    The tokens are those of CodeXGLUE's code translation. Its evaluator smooths otherwise: it adds one to the matches
    and the totals of every order, always, where sacrebleu (`exp`) only lifts an order without a match. On the thousand
    answers to the Java to C# test that CodeXGLUE publishes both give 77.46; on its ten sample rows 61.08 and 60.75.
    Source: Papineni et al. (2002); Post, A Call for Clarity in Reporting BLEU Scores (2018).
    """
    from sacrebleu.metrics.bleu import BLEU

    _check(outputs, references)
    if not outputs:
        return math.nan
    # force: a full stop that stands alone is how code is tokenised here, and not worth a warning.
    return float(BLEU(tokenize="none", force=True).corpus_score(outputs, [references]).score)


def chrf(outputs: Sequence[str], references: Sequence[str]) -> float:
    """Give corpus chrF2: F-score of character n-grams of 1 to 6, recall counting double, by sacrebleu's defaults.

    Units: 0 to 100; NaN without rows. White space is left out of the n-grams.
    Source: Popovic, chrF (2015).
    """
    from sacrebleu.metrics.chrf import CHRF

    _check(outputs, references)
    if not outputs:
        return math.nan
    return float(CHRF().corpus_score(outputs, [references]).score)


def exact_match(outputs: Sequence[str], references: Sequence[str]) -> float:
    """Give the share of outputs equal to their reference, white space at both ends aside; NaN without rows.

    White space within a text counts, as in CodeXGLUE's evaluator, which gives the same number in percent.
    """
    _check(outputs, references)
    pairs = zip(outputs, references, strict=True)
    return _share(sum(output.strip() == wanted.strip() for output, wanted in pairs), len(outputs))


def share_that_parses(outputs: Sequence[str]) -> float:
    """Give the share of outputs that are Python with at least one statement; NaN without rows. Runs none."""
    return _share(sum(map(_parses, outputs)), len(outputs))


def scored_texts(scores: TextScores, outputs: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Give each of some scores."""
    return {name: score(outputs, references) for name, score in scores.items()}


OF_CHATS: TextScores = {"exact_match": exact_match}
OF_CODE: TextScores = {**OF_CHATS, "parses": lambda outputs, references: share_that_parses(outputs)}
OF_TRANSLATIONS: TextScores = {"bleu": bleu, "chrf": chrf, **OF_CHATS}


def _share(count: int, of: int) -> float:
    return count / of if of else math.nan


def _parses(source: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as an invalid escape: a fault of the output, not of this program
        try:
            return bool(ast.parse(source).body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            # Null bytes and lone surrogates are ValueErrors; nesting too deep for the parser is one of the last two.
            return False


def _check(outputs: Sequence[str], references: Sequence[str]) -> None:
    assert len(outputs) == len(references), "each output must have one reference"
