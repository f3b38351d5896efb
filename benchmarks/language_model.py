"""Characters of tiny Shakespeare per second: Athanor beside nanoGPT's bare loop, models of equal size.

    python benchmarks/language_model.py --nanogpt DIR [--rounds 5] [--steps 300 40] [--quick] [--json]

DIR is a checkout of nanoGPT; a copy of its train.py runs, told to use a CPU, with as many layers, heads and width, as
many blocks of as many characters a step, AdamW and no dropout. On a CPU it leaves `--dtype` aside; of bf16 the copy has
autocast there as on a GPU. Time is what it prints of each iteration, with a median where it evaluates, as it does in
the first; ours is from the second step's beginning to the last one's end. Each side runs in processes of its own, in
turn. Needs the shared data.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.sides import SHARED, Figures, Row, Side, benchmark, by_turns  # noqa: E402 the path comes first

TEXT = SHARED / "lm/tinyshakespeare.txt"
SETTINGS = {"task": "language_modeling", "dataset_path": str(TEXT), "tokenizer": "char", "model_name": "decoder-tiny"}
WANTED = 1.5
SIDES = (
    ("Athanor, fp32", True, "fp32"),
    ("Athanor, bf16", True, "bf16"),
    ("nanoGPT, fp32 (as it is)", False, "fp32"),
    ("nanoGPT, bf16 (autocast added)", False, "bf16"),
)
PAIRS = [(SIDES[ours][0], SIDES[beside][0]) for ours, beside in ((0, 2), (1, 3), (1, 2))]
# Of nanoGPT's recipe for a CPU, and of the model of its recipe for a GPU. A gated unit of 8/3 of the width has as many
# weights as their plain one of four.
SHAPES = (
    {"layers": 4, "heads": 4, "width": 128, "inner": 352, "context": 64, "blocks": 12},
    {"layers": 6, "heads": 6, "width": 384, "inner": 1024, "context": 256, "blocks": 12},
)
CONTEXT_ON_A_CPU = "nullcontext() if device_type == 'cpu' else "
QUICK_STEPS = 3


def main() -> None:
    """Run both sides of each shape and number format in turn."""
    benchmark(__file__, __doc__, rows, measure, arguments)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say where nanoGPT is and how long each shape trains."""
    parser.add_argument("--nanogpt", metavar="DIR", help="a checkout of nanoGPT")
    parser.add_argument("--steps", type=int, nargs=len(SHAPES), default=[300, 40])


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Compare characters per second: in one format on both sides, and ours in bf16 beside nanoGPT as it is."""
    for shape, steps in zip(SHAPES, options.steps, strict=True):
        what = "decoder of {layers} x {width}, {blocks} blocks of {context} characters".format(**shape)
        if not options.nanogpt:
            yield Row(what, "tokens/s", beside="nanoGPT", least=WANTED, note="not measured: give --nanogpt DIR")
            continue
        side = {**shape, "steps": QUICK_STEPS if options.quick else steps, "rate": options.rate}
        side |= {"nanogpt": str(Path(options.nanogpt).resolve())}
        sides = {name: {**side, "is_ours": is_ours, "precision": precision} for name, is_ours, precision in SIDES}
        turns = by_turns(__file__, sides, options.rounds)
        for ours, beside in PAIRS:
            yield turns.row(f"{what}: {ours}", "tokens/s", ours, beside, options.rate, least=WANTED)


def measure(side: Side) -> Figures:
    """Train some steps on one side."""
    from benchmarks.trainers import rates

    figures = athanor(side) if side["is_ours"] else nanogpt(side)
    steps = side["steps"] - side["is_ours"]  # our first step is not timed; for nanoGPT's a median stands in
    return rates(figures, steps * side["blocks"] * side["context"])


def nanogpt(side: Side) -> dict[str, float]:
    """Run a copy of train.py; gives its seconds, by the clock or of the processor."""
    from benchmarks.race_nanogpt import NanoGptLog, copied, python

    shape = {"n_layer": "layers", "n_head": "heads", "n_embd": "width", "block_size": "context", "batch_size": "blocks"}
    words = [
        "train.py", "config/train_shakespeare_char.py", "--device=cpu", "--compile=False", "--log_interval=1",
        "--eval_iters=1", f"--eval_interval={side['steps']}", f"--max_iters={side['steps']}", "--dropout=0.0",
        *(f"--{theirs}={side[ours]}" for theirs, ours in shape.items()),
    ]  # fmt: skip
    dtype = {"fp32": "float32", "bf16": "bfloat16"}[side["precision"]]
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "nanogpt"
        copied(Path(side["nanogpt"]), TEXT, copy)
        train = copy / "train.py"
        source = train.read_text(encoding="utf-8")
        known = (CONTEXT_ON_A_CPU, "time.time()")
        assert all(words in source for words in known), f"{side['nanogpt']} has another train.py"
        if side["precision"] == "bf16":
            source = source.replace(CONTEXT_ON_A_CPU, "")
        if side["rate"] == "per_processor_second":
            source = source.replace("time.time()", "time.process_time()")
        train.write_text(source, encoding="utf-8")
        seconds = NanoGptLog.read(python([*words, f"--dtype={dtype}"], copy)).training_seconds(side["steps"])
    return {"processor_seconds" if "process_time" in source else "seconds": seconds}


def athanor(side: Side) -> dict[str, float]:
    """Train a Llama of the same size on blocks of the same text."""
    import torch
    from transformers import LlamaConfig

    from benchmarks.trainers import ours, prepared
    from infrastructure.models.factory import DECODER
    from infrastructure.models.pretrained import new_model

    bundle, ready = prepared(**SETTINGS, max_length=side["context"])
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=bundle.model.config.vocab_size,
        hidden_size=side["width"],
        intermediate_size=side["inner"],
        num_hidden_layers=side["layers"],
        num_attention_heads=side["heads"],
        num_key_value_heads=side["heads"],
        max_position_embeddings=side["context"],
        tie_word_embeddings=True,
        pad_token_id=bundle.model.config.pad_token_id,
    )
    model = new_model(DECODER, config)
    settings = {"batch_size": side["blocks"], "max_steps": side["steps"], "num_epochs": 100, "first_step": 2}
    return ours(model, ready.train, ready.adapter, side["precision"], **settings)


if __name__ == "__main__":
    main()
