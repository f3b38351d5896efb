"""Words for people: how a metric is called and written, and what the kind of a task has words of its own for."""

from collections.abc import Mapping
from typing import Any

from application.training import training_of
from domain.headlines import BASELINES, HEADLINES, headlines_of, label_of, score_with_range
from domain.rivals import SCANNER, scanner_told
from domain.task import TASKS
from domain.words import Words

Intervals = Mapping[str, tuple[float, float]]


def words_of(task: str | None) -> Words:
    """Give the words of a task's kind."""
    known = TASKS.get(task or "")
    return Words() if known is None else training_of(known).words


def speed_of(words: Words, tokens: float, samples: float) -> str:
    """Write a speed, given those of tokens and of samples in a second."""
    return f"{tokens:,.0f} tokens/s" if words.has_tokens else f"{samples:,.0f} {words.fed}/s"


def headlines(
    metrics: Mapping[str, Any], task: str | None, intervals: Intervals | None = None, brief: bool = False
) -> dict[str, str]:
    """Pick what a person wants to see first: labels and values, with their intervals where there are any.

    `brief` leaves out what another of them is made of.
    """
    words, sure = words_of(task), intervals or {}
    return {
        label_of(name, words): score_with_range(name, metrics[name], sure.get(name))
        for name in headlines_of(metrics)
        if not (brief and HEADLINES[name].of_another)
    }


def scanner_line(metrics: Mapping[str, Any], task: str | None, intervals: Intervals) -> dict[str, str]:
    """Write what a scanner reaches, where the metrics of an evaluation hold it."""
    beginning = f"{SCANNER}_"
    reached = {name.removeprefix(beginning): value for name, value in metrics.items() if name.startswith(beginning)}
    if not reached:
        return {}
    sure = {name.removeprefix(beginning): ends for name, ends in intervals.items() if name.startswith(beginning)}
    scores = "  ".join(f"{label} {score}" for label, score in headlines(reached, task, sure).items())
    return {BASELINES[SCANNER]: f"{scores}; {scanner_told(metrics)}"}
