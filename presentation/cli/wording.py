"""Words for people: how a metric is called and written, and what the rows of a task are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Headline:
    """A metric that a person wants to see first; `of_written` ones are taken from texts that the model wrote."""

    label: str
    form: str = ".4f"
    of_written: bool = False

    def text(self, value: Any) -> str:
        """Write a value; a dash where there is none."""
        return "-" if value is None else format(value, self.form)


# In the order in which they are shown. A metric that is not here is shown by `evaluate` alone, under its own name.
HEADLINES: Mapping[str, Headline] = {
    "macro_f1": Headline("macro F1"),
    "accuracy": Headline("accuracy"),
    "loss": Headline("loss"),
    "perplexity": Headline("perplexity", ",.4g"),
    "bits_per_byte": Headline("bits per byte", ".3f"),
    "bleu": Headline("BLEU (of 100)", ".2f", of_written=True),
    "chrf": Headline("chrF (of 100)", ".2f", of_written=True),
    "exact_match": Headline("exact match", ".1%", of_written=True),
    "parses": Headline("parses as Python", ".1%", of_written=True),
}

# Columns beside this model, by the beginning of their names in `baselines`.
BASELINES: Mapping[str, str] = {"bow": "bag of words", "majority": "majority"}


@dataclass(frozen=True)
class RowWords:
    """What a task calls the rows of its data, and those that it makes of them for the model."""

    read: str = "rows"
    fed: str = "rows"


ROWS: Mapping[str, RowWords] = {"language_modeling": RowWords(read="documents", fed="blocks")}


def rows_of(task: str | None) -> RowWords:
    """Give the words for the rows of a task."""
    return ROWS.get(task or "", RowWords())


def counted(number: int | None, plural: str) -> str:
    """Write a number with its noun: 1 row, 2,000 rows."""
    return f"{number or 0:,} {plural.removesuffix('s') if number == 1 else plural}"


def score_of(name: str | None, value: Any) -> str:
    """Write one value of a metric, with or without "eval_" in its name."""
    return HEADLINES.get((name or "").removeprefix("eval_"), Headline("")).text(value)


def headlines(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Pick what a person wants to see first: labels and values, ready to be shown."""
    return {head.label: head.text(metrics[name]) for name, head in HEADLINES.items() if metrics.get(name) is not None}
