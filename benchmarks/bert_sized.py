"""Fine-tuning at the size of BERT, 12 and 6 layers of width 768: Athanor beside transformers.Trainer.

    python benchmarks/bert_sized.py [--rounds 5] [--layers 12 6] [--steps 20] [--quick] [--json]

A BERT of random weights learns four labels from random rows of 20 to 500 tokens, 16 a step, in bf16; Trainer has its
best flags: length grouping and fused AdamW. One epoch a round. Real tokens per second, and the most memory that each
process has held, libraries included.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.sides import Figures, Row, Side, benchmark, by_turns  # noqa: E402 the path comes first

PRECISION = "bf16"
ROWS_PER_STEP = 16
SHORTEST, LONGEST = 20, 500
NUM_LABELS = 4
VOCABULARY = 30_522
LEAST_SPEED = {12: 1.6, 6: 1.8}
MOST_MEMORY = 2 / 3
SIDES = ("Athanor", "transformers.Trainer")


def main() -> None:
    """Run both sides of each depth in turn."""
    benchmark(__file__, __doc__, rows, measure, arguments)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Choose the depths and how many steps an epoch has."""
    parser.add_argument("--layers", type=int, nargs="+", default=[12, 6])
    parser.add_argument("--steps", type=int, default=20)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Compare real tokens per second and peaks of memory."""
    for layers in options.layers:
        side = {"layers": 1 if options.quick else layers, "steps": 2 if options.quick else options.steps}
        turns = by_turns(__file__, {name: {"name": name, **side} for name in SIDES}, options.rounds)
        what = f"BERT of {layers} x 768, rows of {SHORTEST} to {LONGEST} tokens, {PRECISION}"
        yield turns.row(what, "tokens/s", *SIDES, options.rate, least=LEAST_SPEED.get(layers))
        yield turns.row(f"{what}: peak memory", "MiB", *SIDES, "peak_mib", most=MOST_MEMORY)


def measure(side: Side) -> Figures:
    """Train one epoch on one side."""
    from benchmarks.trainers import ours, rates, theirs
    from infrastructure.tasks.labels.adapter import SequenceClassification

    model, rows = model_of(side["layers"]), random_rows(side["steps"])
    settings: dict[str, Any] = {"learning_rate": 5e-5}
    if side["name"] == SIDES[0]:
        task = SequenceClassification([f"label{number}" for number in range(NUM_LABELS)], pad_token_id=0)
        figures = ours(model, rows, task, PRECISION, batch_size=ROWS_PER_STEP, **settings)
    else:
        settings = {"per_device_train_batch_size": ROWS_PER_STEP, **settings}
        figures = theirs(model, rows, padded, PRECISION, **settings)
    return rates(figures, sum(len(row["input_ids"]) for row in rows))


def model_of(layers: int) -> Any:
    """Build a BERT of random weights, the same each time."""
    import torch
    from transformers import BertConfig

    from infrastructure.models.factory import CLASSIFIER
    from infrastructure.models.pretrained import new_model

    torch.manual_seed(0)
    labels = dict(enumerate(map(str, range(NUM_LABELS))))
    return new_model(CLASSIFIER, BertConfig(vocab_size=VOCABULARY, num_hidden_layers=layers, id2label=labels))


def random_rows(steps: int) -> list[dict[str, Any]]:
    """Draw the rows of so many steps, the same each time."""
    import torch

    draw = torch.Generator().manual_seed(0)
    lengths = torch.randint(SHORTEST, LONGEST + 1, (steps * ROWS_PER_STEP,), generator=draw)
    return [
        {
            "input_ids": torch.randint(1, VOCABULARY, (int(length),), generator=draw),
            "labels": int(torch.randint(NUM_LABELS, (), generator=draw)),
        }
        for length in lengths
    ]


def padded(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Make one batch for Trainer, padded as far as its longest row."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    ids = pad_sequence([row["input_ids"] for row in rows], batch_first=True)
    labels = torch.tensor([row["labels"] for row in rows])
    return {"input_ids": ids, "attention_mask": (ids != 0).long(), "labels": labels}


if __name__ == "__main__":
    main()
