"""Options that say what to train, for every command that trains or begins to."""

from collections.abc import Iterator
from shlex import join
from typing import Any

import click

RATE = "learning_rate"
A_RUN = "The run directory; default runs/<task>-<time>-<id>."


def training_options(output: str = A_RUN) -> list[click.Option]:
    """Give the options of `train` in their order; `output` says what --output is."""
    return [
        click.Option(["--task"], help="What to train, such as text_classification; a wrong name lists them all."),
        click.Option(
            ["--dataset", "dataset_path"], metavar="PATH", help="Rows to learn from, or hub:NAME; tasks have a default."
        ),
        click.Option(["--model", "model_name"], metavar="NAME", help="A preset, a local directory or a hub id."),
        click.Option(["--epochs"], type=int),
        click.Option(["--time-budget"], metavar="TIME", help="How long you will wait, such as 90s, 5m or 1h30m."),
        click.Option(["--batch-size"], metavar="ROWS", help="Rows at once, or auto."),
        click.Option(["--learning-rate"], type=float),
        click.Option(["--max-length"], type=int, help="Tokens of a row; longer ones are cut."),
        click.Option(["--precision"], help="auto, fp32, bf16 or fp16."),
        click.Option(["--seed"], type=int),
        click.Option(["--output", "output_dir"], metavar="DIR", help=output),
        click.Option(["--config"], metavar="FILE", help="A run file; options and --set override it."),
        click.Option(
            ["--set", "settings"],
            metavar="KEY=VALUE",
            multiple=True,
            help="Any other setting; `athanor settings` lists them.",
        ),
        click.Option(["--quick"], is_flag=True, default=None, help="Prove the whole pipeline on a few batches."),
    ]


def train_call(given: dict[str, Any], rate: float) -> str:
    """Write the call of `train` that has the words of another command, by the names of its options, and a rate."""
    return join(("athanor", "train", *_words(given), "--learning-rate", f"{rate:g}"))


def _words(given: dict[str, Any]) -> Iterator[str]:
    for option in training_options():
        value = given.get(option.name or "")
        if value is None or option.name == RATE:
            continue
        if option.is_flag:
            yield option.opts[0]
        for one in (value,) if not option.multiple else value:
            if not option.is_flag and not str(one).startswith(f"{RATE}="):
                yield from (option.opts[0], str(one))
