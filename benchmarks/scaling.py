"""Time per token and memory as the work grows: rows from 10^3 to 10^6, length from 64 to 2,048, width from 128 to 768.

    python benchmarks/scaling.py [--rounds 5] [--part rows|length|width] [--quick] [--json]

An encoder of two layers trains 40 steps in bf16, every size in its own process, in turn. Rows: made-up JSON Lines of
about 64 tokens on disk, read and tokenised once before anything is measured; what is compared with 10,000 rows is the
time of a token, and the memory that the process has asked for itself when the last step is done. Length and width: rows
of random tokens in memory, 8,192 tokens a step; `GFLOP/s` counts products of matrices alone.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.sides import Figures, Row, Side, benchmark, by_turns, in_own_process  # noqa: E402 the path comes first

PRECISION = "bf16"
PARTS = ("rows", "length", "width")
ROW_COUNTS, BESIDE_ROWS = (10**3, 10**4, 10**5, 10**6), 10**4
LENGTHS, WIDTHS = (64, 256, 512, 1024, 2048), (128, 256, 512, 768)
WIDTH, LENGTH = 256, 128  # while the other one grows
TOKENS_PER_STEP = 8192
BATCH_SIZE, MAX_LENGTH = 32, 64
STEPS, QUICK_STEPS = 40, 3
FLAT = {"least": 0.85, "most": 1.15}
LAYERS, VOCABULARY = 2, 30_000


def main() -> None:
    """Measure each part that was asked for."""
    benchmark(__file__, __doc__, rows, measure, lambda parser: parser.add_argument("--part", choices=PARTS))


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Tell how each size compares with the first, or with 10,000 rows."""
    steps = QUICK_STEPS if options.quick else STEPS
    if options.part in (None, "rows"):
        counts = ROW_COUNTS[:2] if options.quick else ROW_COUNTS
        with tempfile.TemporaryDirectory() as scratch:
            yield from by_rows(counts, Path(scratch), steps, options)
    if options.part in (None, "length"):
        sides = {f"{length} tokens": {"length": length, "width": WIDTH, "steps": steps} for length in LENGTHS}
        yield from by_shape("length", sides, options)
    if options.part in (None, "width"):
        sides = {f"width {width}": {"length": LENGTH, "width": width, "steps": steps} for width in WIDTHS}
        yield from by_shape("width", sides, options)


def by_rows(counts: tuple[int, ...], scratch: Path, steps: int, options: argparse.Namespace) -> Iterator[Row]:
    """Compare sizes of a file; nothing but `steps` steps of each are timed."""
    from benchmarks.large_file import write_rows

    sides = {}
    for count in counts:
        path = scratch / f"{count}.jsonl"
        write_rows(path, count)
        name = f"{count:,} rows"
        sides[name] = {"name": name, "file": str(path), "cache": str(scratch / "cache"), "steps": steps}
        in_own_process(__file__, {**sides[name], "steps": 1})  # fills the cache
    turns, beside = by_turns(__file__, sides, options.rounds), f"{BESIDE_ROWS:,} rows"
    for name, count in zip(sides, counts, strict=True):
        if name != beside:
            wanted: Mapping[str, Any] = FLAT if count > BESIDE_ROWS else {}
            yield turns.row(f"{name}: a token", "microseconds", name, beside, timed(options), **wanted)
            yield turns.row(f"{name}: memory of a training", "MiB", name, beside, "anonymous_mib", **wanted)


def by_shape(what: str, sides: Mapping[str, Side], options: argparse.Namespace) -> Iterator[Row]:
    """Compare the time of a token with that of the smallest shape, and tell what the products reach."""
    turns = by_turns(__file__, sides, options.rounds)
    first, *larger = sides
    for name in larger:
        note = f"{turns.median(name, 'gflops'):.0f} GFLOP/s, {turns.median(first, 'gflops'):.0f} beside it"
        yield turns.row(f"{what}, {name}: a token", "microseconds", name, first, timed(options), note=note)


def timed(options: argparse.Namespace) -> str:
    """Name the time of a token that is compared."""
    return "microseconds" if options.rate == "per_second" else "processor_microseconds"


def measure(side: Side) -> Figures:
    """Train some steps; gives the microseconds of a token, memory (MiB) and the speed of the products."""
    from benchmarks.trainers import ours

    work, settings, tokens = of_file(side) if "file" in side else of_shape(side)
    steps = {"max_steps": side["steps"], "num_epochs": 10_000, "logging_steps": side["steps"]}
    figures = ours(**work, precision=PRECISION, **steps, **settings)
    flops = 6 * weights_of_products(work["model"]) + 12 * LAYERS * side.get("length", 0) * side.get("width", 0)
    return {
        "microseconds": 1e6 * figures["seconds"] / tokens,
        "processor_microseconds": 1e6 * figures["processor_seconds"] / tokens,
        "anonymous_mib": figures["anonymous_mib"],
        "gflops": 1e-9 * flops * tokens / figures["seconds"],
    }


def of_file(side: Side) -> tuple[dict[str, Any], dict[str, Any], int]:
    """Give model, rows and task of a file, settings, and how many tokens the steps read."""
    os.environ["ATHANOR_CACHE"] = side["cache"]
    from benchmarks.trainers import prepared
    from domain.step_size import StepSize
    from infrastructure.tasks.adapter import feed_of

    bundle, ready = prepared(
        task="text_classification",
        dataset_path=side["file"],
        model_name="encoder-mini",
        max_length=MAX_LENGTH,
        validation_split=0.01,
    )
    feed = feed_of(ready.train, StepSize(BATCH_SIZE), 42)
    chosen = [feed.at(step, BATCH_SIZE).all_rows for step in range(side["steps"])]
    tokens = sum(int(ready.train.lengths[step_rows].sum()) for step_rows in chosen)
    work = {"model": bundle.model, "rows": ready.train, "task": ready.adapter}
    return work, {"batch_size": BATCH_SIZE, "seed": 42}, tokens


def of_shape(side: Side) -> tuple[dict[str, Any], dict[str, Any], int]:
    """Give a new encoder of a width and rows of a length."""
    import torch
    from transformers.models.modernbert.configuration_modernbert import ModernBertConfig

    from infrastructure.models.factory import CLASSIFIER
    from infrastructure.models.pretrained import new_model
    from infrastructure.tasks.labels.adapter import SequenceClassification

    width, length, steps = side["width"], side["length"], side["steps"]
    draw = torch.manual_seed(0)
    config = ModernBertConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=width * 3 // 2,
        num_hidden_layers=LAYERS,
        num_attention_heads=width // 64,
        max_position_embeddings=max(LENGTHS),
        classifier_pooling="mean",
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=None,
        cls_token_id=None,
        sep_token_id=None,
    )
    model, batch_size = new_model(CLASSIFIER, config), TOKENS_PER_STEP // length
    ids = torch.randint(1, VOCABULARY, (steps * batch_size, length), generator=draw)
    rows = [{"input_ids": row, "labels": number % 2} for number, row in enumerate(ids)]
    task = SequenceClassification(["even", "odd"], pad_token_id=0)
    return {"model": model, "rows": rows, "task": task}, {"batch_size": batch_size}, ids.numel()


def weights_of_products(model: Any) -> int:
    """Count the weights by which each token is multiplied: all matrices but the table of tokens."""
    import torch

    return sum(part.weight.numel() for part in model.modules() if isinstance(part, torch.nn.Linear))


if __name__ == "__main__":
    main()
