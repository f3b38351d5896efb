"""Words for people: how a metric is called and written, and what a task calls its rows, its loss and its speed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.metrics import is_undefined


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
FORECASTING = "quantile_forecasting"
WINDOWS = "windows"


@dataclass(frozen=True)
class TaskWords:
    """What a task calls the rows of its data, those that it makes of them for the model, and its loss."""

    read: str = "rows"
    fed: str = "rows"
    loss: str = "loss"

    def label(self, name: str) -> str:
        """Give what a headline is called."""
        return self.loss if name == "loss" else HEADLINES[name].label

    def speed(self, tokens: float, samples: float) -> str:
        """Write a speed, given those of tokens and of samples in a second: windows have no tokens."""
        return f"{samples:,.0f} windows/s" if self.fed == WINDOWS else f"{tokens:,.0f} tokens/s"


WORDS: Mapping[str, TaskWords] = {
    "language_modeling": TaskWords(read="documents", fed="blocks"),
    FORECASTING: TaskWords(read=WINDOWS, fed=WINDOWS, loss="pinball loss"),
    "market_direction": TaskWords(read=WINDOWS, fed=WINDOWS),
}


def words_of(task: str | None) -> TaskWords:
    """Give the words of a task."""
    return WORDS.get(task or "", TaskWords())


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
        words.label(name): head.text(metrics[name]) for name, head in HEADLINES.items() if metrics.get(name) is not None
    }
