"""Which metrics a person wants to see first, and what they and their rivals are called."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.metrics import is_undefined
from domain.words import Words


@dataclass(frozen=True)
class Headline:
    """A metric that a person wants to see first.

    `of_written` ones are taken from texts that the model wrote; `of_quantiles` ones are shown also where no baseline
    has them; `of_another` ones are what another is made of, which alone says enough while a training goes on;
    `of_series` ones are shown of tables of many series alone.
    """

    label: str
    form: str = ".4f"
    of_written: bool = False
    of_quantiles: bool = False
    of_another: bool = False
    of_series: bool = False

    def text(self, value: Any) -> str:
        """Write a value; a dash where there is none."""
        return "-" if is_undefined(value) else format(value, self.form)


# In the order in which they are shown. A metric that is not here is shown by `evaluate` alone, under its own name.
HEADLINES: Mapping[str, Headline] = {
    "macro_f1": Headline("macro F1"),
    "accuracy": Headline("accuracy"),
    "youden_j": Headline("Youden's J"),
    "tpr": Headline("TPR", ".1%", of_another=True),
    "fpr": Headline("FPR", ".1%", of_another=True),
    "loss": Headline("loss"),
    "crps": Headline("CRPS", of_quantiles=True),
    "mse": Headline("MSE"),
    "mae": Headline("MAE"),
    "mase": Headline("MASE", of_another=True, of_series=True),
    "wql": Headline("WQL", of_another=True, of_series=True),
    "picp_80": Headline("PICP 80", ".1%", of_quantiles=True),
    "perplexity": Headline("perplexity", ",.4g"),
    "token_accuracy": Headline("hidden tokens right", ".1%"),
    "bits_per_byte": Headline("bits per byte", ".3f"),
    "bleu": Headline("BLEU (of 100)", ".2f", of_written=True),
    "chrf": Headline("chrF (of 100)", ".2f", of_written=True),
    "exact_match": Headline("exact match", ".1%", of_written=True),
    "parses": Headline("parses as Python", ".1%", of_written=True),
    "pass@1": Headline("pass@1", ".1%", of_written=True),
    "pass@10": Headline("pass@10", ".1%", of_written=True),
    "pass@100": Headline("pass@100", ".1%", of_written=True),
}

# Columns beside this model, by the beginning of their names in `baselines`.
BASELINES: Mapping[str, str] = {
    "bandit": "Bandit",
    "bow": "bag of words",
    "majority": "majority",
    "unigram": "token frequencies",
    "random_walk": "random walk",
    "persistence": "persistence",
    "repeat_last": "repeat last",
    "seasonal_naive": "seasonal naive",
    "drift": "drift",
}


# What somebody who never trained a model must know to read a score, by the names of metrics and of rivals.
MEANINGS: Mapping[str, str] = {
    "macro_f1": "Macro F1 says how well the classes are told apart, from 0 to 1: each class counts as much as any"
    " other, however few rows it has.",
    "accuracy": "Accuracy is the share of rows that are answered right.",
    "youden_j": "Youden's J is TPR, the share of weak rows that are flagged, less FPR, that of safe rows: 0 is chance.",
    "mase": "MASE is the error in units of what a series changes from season to season in the training part.",
    "wql": "WQL is twice the pinball loss over the sum of what came: large series weigh more in it than small ones.",
    "bandit": "Bandit is a scanner that knows weaknesses of Python by rules, and was not trained.",
    "bow": "Bag of words is a simple rival that only looks at which words occur.",
    "token_accuracy": "Of the tokens that were hidden, so many are told right from the rest of the text.",
    "unigram": "Token frequencies is a simple rival that knows how often each token occurs and reads no text.",
    "repeat_last": "Repeat last forecasts that nothing changes.",
    "seasonal_naive": "Seasonal naive repeats what was a season before; the season is that of the training part.",
    "drift": "Drift goes on from the last value as the table went from its first one to it.",
    "majority": "Majority always gives the most frequent answer.",
}


def headlines_of(metrics: Mapping[str, Any]) -> list[str]:
    """Name the headlines that metrics have, in their order."""
    is_many = any(name.endswith("_unweighted") for name in metrics)
    return [name for name, of in HEADLINES.items() if metrics.get(name) is not None and (is_many or not of.of_series)]


def over_series_told(metrics: Mapping[str, Any]) -> str:
    """Give the scores of many series in which each weighs alike, beside those of a rival; empty of any other table."""
    if metrics.get("num_series") is None:
        return ""
    names = [name for name, of in HEADLINES.items() if of.of_series]

    def scores(start: str) -> list[str]:
        return [score_of(name, metrics.get(f"{start}{name}_unweighted")) for name in names]

    ours = " and ".join(f"{HEADLINES[name].label} {score}" for name, score in zip(names, scores(""), strict=True))
    rival = "seasonal_naive" if "seasonal_naive_mase_unweighted" in metrics else "repeat_last"
    theirs = " and ".join(scores(f"{rival}_"))
    return f"{ours} on average of {metrics['num_series']:,} that weigh alike; {BASELINES[rival]} {theirs}"


def rivals_of(metric_name: str, *scores: Mapping[str, Any]) -> dict[str, float]:
    """Find what each baseline scored by a metric, with or without "eval_" in its name; later scores go before."""
    found: dict[str, float] = {}
    for prefix, name in BASELINES.items():
        for known in scores:
            value = known.get(f"{prefix}_{metric_name.removeprefix('eval_')}")
            if isinstance(value, int | float) and math.isfinite(value):
                found[name] = float(value)
    return found


def label_of(name: str, words: Words) -> str:
    """Give what a metric is called: a headline by its label, any other by its own name."""
    if name == "loss":
        return words.loss
    return HEADLINES[name].label if name in HEADLINES else name.replace("_", " ")


def score_of(name: str | None, value: Any) -> str:
    """Write one value of a metric, with or without "eval_" in its name."""
    return HEADLINES.get((name or "").removeprefix("eval_"), Headline("")).text(value)


def score_with_range(name: str, value: Any, ends: tuple[float, float] | None) -> str:
    """Write one value of a metric and in brackets the ends of its interval: 0.8120 (0.79-0.83)."""
    score = score_of(name, value)
    return score if ends is None or is_undefined(value) else f"{score} ({range_of(name, *ends)})"


def range_of(name: str, low: float, high: float) -> str:
    """Write two ends with as many digits as tell them apart, two at least and no more than the value has."""
    form = HEADLINES.get(name, Headline("")).form
    between = " to " if low < 0 else "-"  # a minus beside a dash cannot be read
    digits, kind = form[:-1].rpartition(".")[2], form[-1]
    if kind == "g":
        return f"{low:{form}}{between}{high:{form}}"
    width = (high - low) * (100 if kind == "%" else 1)
    needed = math.ceil(-math.log10(width)) if width > 0 else int(digits)
    form = f".{min(int(digits), max(needed, 0 if kind == '%' else 2))}{kind}"
    return f"{format(low, form).removesuffix('%')}{between}{format(high, form)}"
