"""Memory of training on text: the loss over a large vocabulary, and gradient checkpointing of every text preset.

    python benchmarks/text_memory.py [--rounds 3] [--part loss|checkpointing] [--json]

Loss: `linear_cross_entropy_sum`, with which every writing model learns, beside scores of all tokens and torch's
cross-entropy; forward and gradients of both factors. Checkpointing: the first optimizer step of each preset on rows as
long as the model takes, with and without; later steps are timed.
Memory is the growth of the most resident memory over what the process held just before (MiB), so that gradients count,
and for checkpointing the state of the optimizer, equal on both sides. Each figure comes from its own process, the
sides by turns; medians over the rounds. Linux only.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.sides import Side, by_turns, machine  # noqa: E402 the path comes first

PARTS = ("loss", "checkpointing")
LOSSES = ("plain", "chunked")
TIMED_STEPS = 3


def main() -> None:
    """Measure every side in its own process and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--part", choices=PARTS, help="measure this part alone")
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--vocabulary", type=int, default=32_768)
    parser.add_argument("--rows", type=int, default=4, help="rows of a step")
    parser.add_argument("--length", type=int, default=1024, help="tokens of a row")
    parser.add_argument("--presets", nargs="*", help="these alone")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        grows = loss_growth if options.side.pop("part") == "loss" else step_growth
        print(json.dumps(grows(**options.side)))
        return
    result: dict[str, Any] = {}
    if options.part != "checkpointing":
        result["loss"] = compare_losses(options)
    if options.part != "loss":
        result["checkpointing"] = compare_checkpointing(options)
    if not options.json:
        print_table(result)
        return
    print(json.dumps({**result, **machine()}))


def compare_losses(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Give a row for each number format: memory and time of both losses."""
    sizes = {"tokens": options.tokens, "width": options.width, "vocabulary": options.vocabulary}
    rows = []
    for precision in ("fp32", "bf16"):
        sides = {kind: {"part": "loss", "kind": kind, "precision": precision, **sizes} for kind in LOSSES}
        rows.append({"precision": precision, **sizes, **_compared(sides, options.rounds)})
    return rows


def compare_checkpointing(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Give a row for each preset: memory and time of a step without and with checkpointing."""
    import torch

    from infrastructure.models.presets import DECODERS, ENCODER_DECODERS
    from infrastructure.training.precision import choose_precision

    # Settled once: a measurement that each process makes anew could come out otherwise on one side.
    precision = choose_precision("auto", True, torch.device("cpu"))
    sizes = {"rows": options.rows, "length": options.length, "precision": precision}
    rows = []
    for preset in options.presets or (*DECODERS, *ENCODER_DECODERS):
        sides = {
            name: {"part": "checkpointing", "preset": preset, "checkpointing": on, **sizes}
            for name, on in (("without", False), ("with", True))
        }
        rows.append({"preset": preset, **sizes, **_compared(sides, options.rounds)})
    return rows


def loss_growth(kind: str, precision: str, tokens: int, width: int, vocabulary: int) -> dict[str, float]:
    """Compute one loss and its gradients; gives memory and seconds."""
    import torch
    from torch.nn import functional

    from infrastructure.tasks.writing.token_losses import linear_cross_entropy_sum
    from infrastructure.training.device import keep_freed_memory

    keep_freed_memory()

    def compute(tokens: int, vocabulary: int) -> Callable[[], None]:
        torch.manual_seed(0)
        hidden = torch.randn(tokens, width, requires_grad=True)
        weight = torch.randn(vocabulary, width).mul_(width**-0.5).requires_grad_()
        targets = torch.randint(vocabulary, (tokens,))

        def run() -> None:
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                if kind == "chunked":
                    loss = linear_cross_entropy_sum(hidden, weight, targets)
                else:
                    scores = functional.linear(hidden, weight).float()
                    loss = functional.cross_entropy(scores, targets, reduction="sum")
            torch.autograd.grad(loss, (hidden, weight))

        return run

    compute(8, 64)()  # brings the libraries into memory
    growth, seconds = measured(compute(tokens, vocabulary))
    return {"mib": growth, "seconds": seconds}


def step_growth(preset: str, checkpointing: bool, rows: int, length: int, precision: str) -> dict[str, float]:
    """Take some optimizer steps; gives the memory of the first and the median seconds of the others."""
    from application.training_request import TrainModelRequest
    from infrastructure.data.feed import Feed
    from infrastructure.tasks.adapter import lengths_of
    from infrastructure.tasks.registry import kind_of
    from infrastructure.training.session import open_session
    from infrastructure.training.step import batch_at, train_step

    with tempfile.TemporaryDirectory() as scratch:
        request = TrainModelRequest(
            **data_of(preset, rows, length, Path(scratch)),
            model_name=preset,
            max_length=length,
            batch_size=rows,
            gradient_checkpointing=checkpointing,
            precision=precision,
            device="cpu",
        ).resolved()
        kind = kind_of(request.task)
        dataset = kind.load(request)
        bundle = kind.build(request, dataset, Path(scratch) / "tokenizer")
        prepared = kind.prepare(request, bundle, dataset)
        session = open_session(bundle.model, prepared.adapter, request.training_config())
        feed = Feed(lengths_of(prepared.train), rows, request.seed)

        def step(number: int) -> None:
            batch = batch_at(number, feed, prepared.train, prepared.adapter, rows, request.seed)
            train_step(session, batch, 1e-3)

        growth, _ = measured(partial(step, 0))
        seconds = [_seconds(partial(step, number)) for number in range(1, 1 + TIMED_STEPS)]
    return {"mib": growth, "seconds": statistics.median(seconds), "parameters": float(bundle.num_parameters)}


def data_of(preset: str, rows: int, length: int, directory: Path) -> Mapping[str, Any]:
    """Write text of which every row fills the model; gives what a request says of it."""
    from benchmarks.long_text import write_text

    # No token of the small vocabularies below stands for more than a few characters on average.
    row_bytes, num_rows = 8 * length, 4 * rows * (1 + TIMED_STEPS)
    text = directory / "text.txt"
    write_text(text, row_bytes * num_rows)
    if preset.startswith("decoder"):
        return {"task": "language_modeling", "dataset_path": str(text), "tokenizer": "char"}
    content = text.read_text(encoding="ascii")
    parts = [content[start : start + row_bytes] for start in range(0, len(content), row_bytes)]
    pairs = directory / "pairs.jsonl"
    lines = [json.dumps({"source": part, "target": part}) + "\n" for part in parts]
    pairs.write_text("".join(lines), encoding="utf-8")
    return {"task": "sequence_to_sequence", "dataset_path": str(pairs), "vocab_size": 1000, "sample_rows": 0}


def measured(work: Callable[[], None]) -> tuple[float, float]:
    """Do some work; gives how far resident memory rose (MiB) and the seconds."""
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the kernel forgets the highest mark so far
    seconds = _seconds(work)
    return _status("VmHWM") - before, seconds


def print_table(result: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Print each part with its sides beside each other."""
    for part, rows in result.items():
        first, second = LOSSES if part == "loss" else ("without", "with")
        print(f"\n{part:20}{first + ' MiB':>14}{second + ' MiB':>14}{'share':>8}{'time':>8}")
        for row in rows:
            name = row["precision"] if part == "loss" else row["preset"]
            memory = f"{row[first]['mib']:14.0f}{row[second]['mib']:14.0f}{row['memory_ratio']:8.2f}"
            print(f"{name:20}{memory}{row['time_ratio']:8.2f}")


def _compared(sides: Mapping[str, Side], rounds: int) -> dict[str, Any]:
    """Measure both sides by turns; gives the medians of each, and the second over the first as medians of rounds."""
    turns = by_turns(__file__, sides, rounds)
    first, second = sides
    medians = {name: {key: round(turns.median(name, key), 3) for key in turns.rounds[0][name]} for name in sides}
    ratios = {
        f"{key}_ratio": round(statistics.median(turns.ratios(second, first, of)), 3)
        for key, of in (("memory", "mib"), ("time", "seconds"))
    }
    return {**medians, **ratios}


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main()
