"""Java to C#, tokens read and written per second: Athanor beside transformers.Seq2SeqTrainer with its best flags.

    python benchmarks/seq2seq.py [--rounds 5] [--max-rows 1600] [--quick] [--json]

The same seq2seq-mini, rows, batch size, precision and optimizer, labels not smoothed; each side in its own process, in
turn, one epoch a round. Tokens are those of sources and targets, padding left out. Needs the `bench` extra and the
shared data.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.sides import SHARED, Figures, Row, Side, benchmark, by_turns  # noqa: E402 the path comes first

TRAIN = SHARED / "seq2seq/code_trans/train.jsonl.gz"
MODEL = "seq2seq-mini"
SETTINGS = {"task": "sequence_to_sequence", "dataset_path": str(TRAIN), "model_name": MODEL, "vocab_size": 4000}
BATCH_SIZE = 16  # of configs/code_trans.yaml
PRECISION = "bf16"
QUICK_ROWS = 64
WANTED = 2.0
SIDES = ("Athanor", "transformers.Seq2SeqTrainer")


def main() -> None:
    """Run both sides in turn."""
    benchmark(__file__, __doc__, rows, measure, arguments)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Choose how many rows an epoch has."""
    parser.add_argument("--max-rows", type=int, default=1600)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Compare real tokens per second."""
    max_rows = QUICK_ROWS if options.quick else options.max_rows
    turns = by_turns(__file__, {name: {"name": name, "max_rows": max_rows} for name in SIDES}, options.rounds)
    yield turns.row(f"{MODEL}, Java to C#, {PRECISION}", "tokens/s", *SIDES, options.rate, least=WANTED)


def measure(side: Side) -> Figures:
    """Train one epoch on one side."""
    from transformers import DataCollatorForSeq2Seq

    from benchmarks.trainers import ours, prepared, rates, theirs
    from infrastructure.data.some_rows import SomeRows

    bundle, ready = prepared(**SETTINGS)
    dataset = SomeRows(ready.train, ready.train.lengths, side["max_rows"])
    rows = [dataset[index] for index in range(len(dataset))]
    tokens = sum(len(row["input_ids"]) + len(row["labels"]) for row in rows)
    if side["name"] == SIDES[0]:
        figures = ours(bundle.model, dataset, ready.adapter, PRECISION, batch_size=BATCH_SIZE)
    else:
        collator = DataCollatorForSeq2Seq(bundle.tokenizer, bundle.model)
        settings: dict[str, Any] = {"kind": "Seq2Seq", "per_device_train_batch_size": BATCH_SIZE}
        figures = theirs(bundle.model, rows, collator, PRECISION, **settings)
    return rates(figures, tokens)


if __name__ == "__main__":
    main()
