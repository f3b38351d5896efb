"""Rows that are scored in a second over rows that are learnt from in a second, for each kind of model.

    python benchmarks/evaluation.py [--rounds 5] [--quick] [--json]

Each model trains some steps on rows and then scores them, as trainings do, without writing texts. Training is timed
from the first log to the last, evaluation from there to its end. Needs the shared data.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.sides import SHARED, Figures, Row, Side, benchmark, by_turns  # noqa: E402 the path comes first

PRECISION = "bf16"
WANTED = 2.0
WARM_UP_STEPS, STEPS, QUICK_STEPS = 5, 60, 4
# Settings of a training, and rows of a step.
KINDS: Mapping[str, tuple[Mapping[str, Any], int]] = {
    "encoder-mini, AG News": (
        {
            "task": "text_classification",
            "dataset_path": str(SHARED / "classification/ag_news/train.jsonl.gz"),
            "model_name": "encoder-mini",
        },
        32,
    ),
    "decoder-mini, tiny Shakespeare, blocks of 128": (
        {
            "task": "language_modeling",
            "dataset_path": str(SHARED / "lm/tinyshakespeare.txt"),
            "model_name": "decoder-mini",
            "tokenizer": "char",
            "max_length": 128,
        },
        16,
    ),
    "seq2seq-mini, Java to C#": (
        {
            "task": "sequence_to_sequence",
            "dataset_path": str(SHARED / "seq2seq/code_trans/train.jsonl.gz"),
            "model_name": "seq2seq-mini",
            "vocab_size": 4000,
            "sample_rows": 0,
        },
        16,
    ),
    "forecaster-mini, ETTh1": (
        {
            "task": "quantile_forecasting",
            "dataset_path": str(SHARED / "forecasting/ETTh1.csv"),
            "model_name": "forecaster-mini",
            "horizons": 96,
        },
        64,
    ),
}


def main() -> None:
    """Measure each kind in a process of its own."""
    benchmark(__file__, __doc__, rows, measure)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Set rows that are scored beside rows that are learnt from."""
    for name in KINDS:
        side = {"name": name, "steps": QUICK_STEPS if options.quick else STEPS, "rate": options.rate}
        turns = by_turns(__file__, {name: side}, options.rounds)
        ratios = tuple(one[name]["scored"] / one[name]["learnt"] for one in turns.rounds)
        facts: dict[str, Any] = {"beside": "training", "theirs": turns.median(name, "learnt"), "ratios": ratios}
        yield Row(f"{name}: evaluation, {PRECISION}", "rows/s", turns.median(name, "scored"), least=WANTED, **facts)


def measure(side: Side) -> Figures:
    """Train and score; gives rows per second of both."""
    from benchmarks.trainers import ours, prepared
    from domain.events import EvaluationCompleted, StepCompleted
    from infrastructure.data.some_rows import SomeRows
    from infrastructure.tasks.adapter import lengths_of

    now = time.process_time if side["rate"] == "per_processor_second" else time.perf_counter
    at: list[float] = []

    class Watch:
        def notify(self, event: Any) -> None:
            if isinstance(event, StepCompleted) or (isinstance(event, EvaluationCompleted) and at):
                at.append(now())

        def stop_requested(self) -> str:
            return ""

    settings, batch_size = KINDS[side["name"]]
    bundle, ready = prepared(**settings)
    steps = WARM_UP_STEPS * (1 + -(-side["steps"] // WARM_UP_STEPS))
    dataset = SomeRows(ready.train, lengths_of(ready.train), steps * batch_size)
    ours(
        bundle.model, dataset, ready.adapter, PRECISION,
        eval_dataset=dataset, batch_size=batch_size, logging_steps=WARM_UP_STEPS, monitor=Watch(),
    )  # fmt: skip
    first, *_, last, scored = at
    return {
        "learnt": (len(dataset) - WARM_UP_STEPS * batch_size) / (last - first),
        "scored": len(dataset) / (scored - last),
    }


if __name__ == "__main__":
    main()
