"""A small study: three words a row, every fifth label wrong, the smallest encoder, trials of a second."""

import json
import random
from pathlib import Path

SPACE = """\
learning_rate: {low: 1e-4, high: 1e-2, log: true}
batch_size: [8, 16]
word_dropout: {low: 0.0, high: 0.5}
"""
WORDS = {"calm": ("still", "quiet", "both"), "loud": ("bang", "crash", "both")}


def words_in(directory: Path, trials: int, *more: object, output: str = "study", seeds: int = 1) -> list[object]:
    """Give the words of a call of `tune` on rows and a space that are written to a directory."""
    directory.mkdir(exist_ok=True)
    rows, space = directory / "rows.json", directory / "space.yaml"
    if not rows.exists():
        dice = random.Random(3)
        labels = [("calm", "loud")[number % 2] for number in range(120)]
        texts = [" ".join(dice.choices(WORDS[label], k=3)) + f" no{number % 9}" for number, label in enumerate(labels)]
        told = [dice.choice(("calm", "loud")) if dice.random() < 0.4 else label for label in labels]
        rows.write_text(json.dumps([{"text": text, "label": label} for text, label in zip(texts, told, strict=True)]))
        space.write_text(SPACE)
    fixed = ("vocab_size=400", "max_length=16", "linear_start=false", "max_steps=12", "eval_steps=4", "save_steps=2")
    return [
        "tune", "--task", "text_classification", "--dataset", rows, "--model", "encoder-tiny", "--precision", "fp32",
        *(word for setting in fixed for word in ("--set", setting)), "--space", space, "--trials", trials,
        "--seeds", seeds, "--output", directory / output, "--json", *more,
    ]  # fmt: skip
