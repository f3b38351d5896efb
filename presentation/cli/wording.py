"""Words for people: how a metric is called and written, and what the kind of a task has words of its own for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from application.training import training_of
from domain.metrics import is_undefined
from domain.task import TASKS
from domain.words import Words


@dataclass(frozen=True)
class Headline:
    """A metric that a person wants to see first.

    `of_written` ones are taken from texts that the model wrote; `of_quantiles` ones are shown also where no baseline
    has them.
    """

    label: str
    form: str = ".4f"
    of_written: bool = False
    of_quantiles: bool = False

    def text(self, value: Any) -> str:
        """Write a value; a dash where there is none."""
        return "-" if is_undefined(value) else format(value, self.form)


# In the order in which they are shown. A metric that is not here is shown by `evaluate` alone, under its own name.
HEADLINES: Mapping[str, Headline] = {
    "macro_f1": Headline("macro F1"),
    "accuracy": Headline("accuracy"),
    "loss": Headline("loss"),
    "crps": Headline("CRPS", of_quantiles=True),
    "mse": Headline("MSE"),
    "mae": Headline("MAE"),
    "picp_80": Headline("PICP 80", ".1%", of_quantiles=True),
    "perplexity": Headline("perplexity", ",.4g"),
    "bits_per_byte": Headline("bits per byte", ".3f"),
    "bleu": Headline("BLEU (of 100)", ".2f", of_written=True),
    "chrf": Headline("chrF (of 100)", ".2f", of_written=True),
    "exact_match": Headline("exact match", ".1%", of_written=True),
    "parses": Headline("parses as Python", ".1%", of_written=True),
}

# Columns beside this model, by the beginning of their names in `baselines`.
BASELINES: Mapping[str, str] = {
    "bow": "bag of words",
    "majority": "majority",
    "random_walk": "random walk",
    "persistence": "persistence",
    "repeat_last": "repeat last",
}


def words_of(task: str | None) -> Words:
    """Give the words of a task's kind."""
    known = TASKS.get(task or "")
    return Words() if known is None else training_of(known).words


def label_of(name: str, words: Words) -> str:
    """Give what a headline is called."""
    return words.loss if name == "loss" else HEADLINES[name].label


def speed_of(words: Words, tokens: float, samples: float) -> str:
    """Write a speed, given those of tokens and of samples in a second."""
    return f"{tokens:,.0f} tokens/s" if words.has_tokens else f"{samples:,.0f} {words.fed}/s"


def counted(number: int | None, plural: str) -> str:
    """Write a number with its noun: 1 row, 2,000 rows."""
    return f"{number or 0:,} {plural.removesuffix('s') if number == 1 else plural}"


def score_of(name: str | None, value: Any) -> str:
    """Write one value of a metric, with or without "eval_" in its name."""
    return HEADLINES.get((name or "").removeprefix("eval_"), Headline("")).text(value)


def headlines(metrics: Mapping[str, Any], task: str | None) -> dict[str, str]:
    """Pick what a person wants to see first: labels and values, ready to be shown."""
    words = words_of(task)
    return {
        label_of(name, words): head.text(metrics[name])
        for name, head in HEADLINES.items()
        if metrics.get(name) is not None
    }
