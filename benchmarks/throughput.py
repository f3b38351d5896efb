"""Real tokens per second on AG News: Athanor beside transformers.Trainer with its best flags.

    python benchmarks/throughput.py [--rounds 5] [--max-rows N] [--quick] [--json]

Same model, rows, batch size, precision and optimizer; each side in its own process, in turn, one epoch a round. The
clock runs from the first step's beginning to the last step's end. Needs the `bench` extra and the shared data.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.sides import SHARED, Figures, Row, Side, benchmark, by_turns  # noqa: E402 the path comes first

TRAIN = SHARED / "classification/ag_news/train.jsonl.gz"
PRECISION = "bf16"
QUICK_ROWS = 640
WANTED = 2.0
SIDES = ("Athanor", "transformers.Trainer")


def main() -> None:
    """Run both sides in turn."""
    benchmark(__file__, __doc__, rows, measure, arguments)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take fewer rows, for a first look."""
    parser.add_argument("--max-rows", type=int, default=0)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Compare real tokens per second."""
    max_rows = options.max_rows or (QUICK_ROWS if options.quick else 0)
    turns = by_turns(__file__, {name: {"name": name, "max_rows": max_rows} for name in SIDES}, options.rounds)
    yield turns.row(f"encoder-mini on AG News, {PRECISION}", "tokens/s", *SIDES, options.rate, least=WANTED)


def measure(side: Side) -> Figures:
    """Train one epoch on one side."""
    from transformers import DataCollatorWithPadding

    from benchmarks.trainers import ours, rates, theirs
    from infrastructure.tasks.labels.adapter import SequenceClassification

    model, dataset, tokenizer = model_and_rows(side["max_rows"])
    if side["name"] == SIDES[0]:
        task = SequenceClassification(dataset.label_names, pad_token_id=dataset.pad_token_id)
        figures = ours(model, dataset, task, PRECISION)
    else:
        figures = theirs(model, dataset, DataCollatorWithPadding(tokenizer), PRECISION)
    return rates(figures, float(dataset.lengths.sum()))


def model_and_rows(max_rows: int) -> tuple[Any, Any, Any]:
    """Give encoder-mini, the tokenised training rows and their tokenizer, the same ones each time."""
    import dataclasses

    import torch

    from application.training_request import TrainModelRequest
    from infrastructure.models.factory import CLASSIFIER
    from infrastructure.models.presets import ENCODERS, encoder_config
    from infrastructure.models.pretrained import new_model
    from infrastructure.models.tokenizer import train_tokenizer
    from infrastructure.tasks.registry import TaskData

    request = TrainModelRequest(task="text_classification", dataset_path=str(TRAIN)).resolved()
    split: Any = TaskData().load(request)
    tokenizer = train_tokenizer(split.train_texts(), 30_000, lowercase=True, seed=42)
    dataset, _ = split.tokenized(tokenizer, 512)
    if max_rows:
        dataset = dataclasses.replace(dataset, indices=dataset.indices[:max_rows])
    torch.manual_seed(42)
    config = encoder_config(ENCODERS["encoder-mini"], tokenizer, split.label_names, 512)
    return new_model(CLASSIFIER, config), dataset, tokenizer


if __name__ == "__main__":
    main()
