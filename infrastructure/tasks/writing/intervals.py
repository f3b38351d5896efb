"""How sure the scores of models that write are."""

from collections.abc import Callable, Mapping
from typing import Any

from domain.interval import Interval
from domain.metrics import is_undefined
from domain.significance import binomial_interval
from infrastructure.statistics.ratios import interval_of_ratio
from infrastructure.tasks.scored import Outcomes
from infrastructure.tasks.writing.metrics import perplexity
from infrastructure.tasks.writing.text_statistics import TEXT_SCORES

SHARES = ("exact_match", "parses")


def intervals_of_tokens(metrics: Mapping[str, Any], outcomes: Outcomes) -> dict[str, Interval]:
    """Give the intervals of the loss and of what follows from it, over rows, and of shares of the texts written.

    `outcomes` may be of a part of the rows that `metrics` are of, as with very many rows.
    """
    loss = interval_of_ratio(outcomes["loss_sum"], outcomes["num_targets"])
    intervals = {"loss": loss, "perplexity": Interval(*map(perplexity, loss))}
    if metrics.get("bits_per_byte") and metrics["loss"]:
        bits = metrics["bits_per_byte"] / metrics["loss"]
        intervals["bits_per_byte"] = Interval(bits * loss.low, bits * loss.high)
    num_written = sum(output is not None for output in outcomes.get("output", ()))
    for name in SHARES:
        if num_written and not is_undefined(metrics.get(name)):
            intervals[name] = Interval(*binomial_interval(metrics[name] * num_written, num_written))
    return {name: interval for name, interval in intervals.items() if name in metrics}


def intervals_of_texts(
    metrics: Mapping[str, Any], outcomes: Outcomes, reference: Callable[[int], str]
) -> dict[str, Interval]:
    """Give the intervals of BLEU and chrF over the rows that were written; `reference` gives the text wanted of one."""
    written = {row: output for row, output in enumerate(outcomes.get("output", ())) if output is not None}
    asked = [name for name in TEXT_SCORES if not is_undefined(metrics.get(name))]
    if not written or not asked:
        return {}
    outputs, references = list(written.values()), [reference(row) for row in written]
    return {name: TEXT_SCORES[name].interval(metrics[name], outputs, references) for name in asked}
