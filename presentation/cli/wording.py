"""Words for people: how a metric is called and written, and what the kind of a task has words of its own for."""

from collections.abc import Mapping
from typing import Any

from application.training import training_of
from domain.headlines import HEADLINES, label_of, score_with_range
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


def headlines(metrics: Mapping[str, Any], task: str | None, intervals: Intervals | None = None) -> dict[str, str]:
    """Pick what a person wants to see first: labels and values, with their intervals where there are any."""
    words, sure = words_of(task), intervals or {}
    return {
        label_of(name, words): score_with_range(name, metrics[name], sure.get(name))
        for name in HEADLINES
        if metrics.get(name) is not None
    }
