"""One run on several ranks: speed beside one process, what the seam costs, agreements, memory and bytes sent.

    python benchmarks/ranks.py [--part speed|seam|agreements|memory|bytes|gpus] [--rounds 5] [--before DIR] [--json]

speed: 1 process with 2 threads beside 2 processes with 1 thread each, same global batch, fp32 and bf16, by turns.
seam: each step twice in one process, through the one way into a model and with the task called by itself; with
`--before`, a checkout of an earlier commit, whole trainings of both, by turns, in seconds of the processor.
agreements: what an answer of all ranks takes, how many a step asks for, and their share of it.
memory, bytes: weights, gradients and optimizer of each rank under fsdp, and what a step sends, beside the formula.
gpus: tokens per second from 1 GPU to all of this machine, ddp and fsdp, where it has several.
Each arm has processes of its own, started by torchrun where they are several; rows are made up. Linux only.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.sides import by_turns, machine  # noqa: E402 the path comes first

PARTS = ("speed", "seam", "agreements", "memory", "bytes", "gpus")
ROWS = {"rows": 32, "length": 256}
GPU_ROWS = 8
Sides = Mapping[str, Mapping[str, Any]]


def main() -> None:
    """Measure the parts that were asked for and print them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, action="append", help="measure this part alone; may be repeated")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--model", default="decoder-mini", help="preset for speed and agreements")
    parser.add_argument("--before", metavar="DIR", help="a checkout of an earlier commit")
    parser.add_argument("--json", action="store_true", help="on one line")
    options = parser.parse_args()
    measure = {
        "speed": speed, "seam": seam, "agreements": agreements, "memory": memory, "bytes": bytes_sent, "gpus": gpus,
    }  # fmt: skip
    result = {part: measure[part](options) for part in options.part or PARTS}
    result |= {"rounds": options.rounds, "steps": options.steps, **machine()}
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))


def speed(options: argparse.Namespace) -> dict[str, Any]:
    """Set 2 processes beside 1 process of 2 threads."""
    found = {}
    for precision in ("fp32", "bf16"):
        arm = {"does": "train", "model": options.model, "precision": precision, "steps": options.steps, **ROWS}
        sides = {"1x2 threads": {**arm, "threads": 2}, "2x1 thread": {**arm, "size": 2}}
        found[precision] = beside_first(sides, options.rounds, "tokens_per_second")
    return found


def seam(options: argparse.Namespace) -> dict[str, Any]:
    """Tell what a step takes of what it takes past the seam: the shorter it is, the more that would be."""
    steps = 5 * options.steps
    found: dict[str, Any] = {}
    for model in ("one weight", "decoder-tiny"):
        for accumulation in (1, 8):
            arm = {"does": "seam", "model": model, "precision": "fp32", "rows": 4, "length": 64, "steps": steps}
            rounds = [ran({**arm, "accumulation": accumulation}) for _ in range(options.rounds)]
            middle = {key: round(statistics.median(one[key] for one in rounds), 4) for key in rounds[0]}
            middle["ratio_by_round"] = [round(one["ratio"], 4) for one in rounds]
            found[f"{model}, {accumulation} micro-batches"] = middle
    if options.before:
        arm = {"does": "train", "model": "decoder-tiny", "precision": "fp32", "rows": 16, "length": 128, "steps": steps}
        sides = {"before": {**arm, "tree": str(Path(options.before).resolve())}, "now": arm}
        found["whole trainings"] = beside_first(sides, options.rounds, "processor_seconds")
    return found


def agreements(options: argparse.Namespace) -> dict[str, Any]:
    """Time answers, and count them in a training; there the share holds the wait for the slowest rank too."""
    found: dict[str, Any] = {}
    for size in (2, 4):
        latency = ran({"does": "agreements", "size": size, "times": 1000})
        arm = {"does": "train", "model": options.model, "precision": "fp32", "steps": options.steps, "size": size}
        trained = [ran({**arm, **ROWS}) for _ in range(options.rounds)]
        middle = {key: statistics.median(one[key] for one in trained) for key in trained[0]}
        alone = middle["agreements_a_step"] * latency["any"] / 1e6
        found[f"{size} ranks"] = {
            "microseconds": {name: round(value) for name, value in latency.items()},
            "a_step": round(middle["agreements_a_step"], 2),
            "step_seconds": round(middle["step_seconds"], 4),
            "share_without_waiting": round(alone / middle["step_seconds"], 4),
            "share_with_waiting": round(middle["agreement_share"], 4),
        }
    return found


def memory(options: argparse.Namespace) -> dict[str, Any]:
    """Tell what each rank holds of decoder-base under fsdp (MiB), the most of any, and of what one rank holds."""
    arm = {"does": "holdings", "model": "decoder-base", "precision": "fp32", "rows": 4, "length": 128, "steps": 2}
    found: dict[str, Any] = {}
    for size in (1, 2, 4):
        ranks = ran({**arm, "size": size, **_spread(size, "fsdp")})
        most = {key: max(one[key] for one in ranks) / 2**20 for key in ranks[0] if "parameters" not in key}
        states = most["weights"] + most["gradients"] + most["optimizer"]
        found[f"{size} ranks"] = {**{key: round(value, 1) for key, value in most.items()}, "states": round(states, 1)}
    whole = found["1 ranks"]["states"]
    for one in found.values():
        one["states_of_whole"] = round(one["states"] / whole, 4)
    return found


def bytes_sent(options: argparse.Namespace) -> dict[str, Any]:
    """Set the bytes of a step of one pass, all ranks together, beside how often the weights should travel on gloo.

    ddp: gradients are added up for all, which is twice. fsdp: blocks are gathered for each of the two passes and what
    is in no block once, and gradients are added up, by gloo for all as well, where NCCL sends each rank its part alone.
    """
    arm = {"does": "holdings", "model": options.model, "precision": "fp32", "steps": 5, **ROWS}
    found: dict[str, Any] = {}
    for parallel in ("ddp", "fsdp"):
        for size in (2, 4):
            ranks = ran({**arm, "size": size, "parallel": parallel})
            counted = sum(one["sent_a_step"] for one in ranks)
            weights, in_blocks = ranks[0]["parameters"], ranks[0]["parameters_in_blocks"]
            times = 2 * weights if parallel == "ddp" else 3 * weights + in_blocks
            formula = (size - 1) * 4 * times
            found[f"{parallel}, {size} ranks"] = {
                "counted_mib": round(counted / 2**20, 2),
                "formula_mib": round(formula / 2**20, 2),
                "ratio": round(counted / formula, 4),
            }
    return found


def gpus(options: argparse.Namespace) -> Any:
    """Train with a step that grows with the GPUs; tokens per second of each number of them, and of so many times one.

    Up to 1,024 tokens a row, 8 rows a GPU.
    """
    import torch

    count = torch.cuda.device_count()
    if count < 2:
        return f"not measured: {'one GPU alone' if count else 'no GPU'}"
    sizes = [size for size in (1, 2, 4, 8, 16) if size < count] + [count]
    found: dict[str, Any] = {}
    for model in ("gpt2-124m", "decoder-1.3b"):
        for parallel in ("ddp", "fsdp"):
            arm = {"does": "train", "model": model, "precision": "bf16", "device": "auto", "length": 1024}
            arm |= {"rows": GPU_ROWS, "steps": options.steps}
            spread = {size: {"size": size, "accumulation": size} | _spread(size, parallel) for size in sizes}
            sides = {f"{size} GPUs": {**arm, **spread[size]} for size in sizes}
            measured = beside_first(sides, options.rounds, "tokens_per_second")
            for size in sizes:
                measured[f"{size} GPUs"]["efficiency"] = round(measured[f"{size} GPUs"]["of_first"] / size, 3)
            found[f"{model}, {parallel}"] = measured
    return found


def _spread(size: int, parallel: str) -> dict[str, str]:
    return {"parallel": parallel} if size > 1 else {}


def beside_first(sides: Sides, rounds: int, key: str) -> dict[str, Any]:
    """Run all sides by turns; gives the median of each, and of the ratios to the first side in its round."""
    turns = by_turns(__file__, sides, rounds, lambda file, arm: ran(arm))
    first = next(iter(sides))
    return {
        name: {
            key: float(f"{turns.median(name, key):.5g}"),
            "of_first": round(statistics.median(turns.ratios(name, first, key)), 4),
            "of_first_by_round": [round(ratio, 4) for ratio in turns.ratios(name, first, key)],
        }
        for name in sides
    }


def ran(arm: Mapping[str, Any]) -> Any:
    """Run an arm in `size` processes of `threads` threads each; gives what the first of them found."""
    size, threads = arm.get("size", 1), arm.get("threads", 1)
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={size}"] if size > 1 else []
    with tempfile.TemporaryDirectory() as scratch:
        words = json.dumps({"tree": str(ROOT), **arm, "scratch": scratch})
        command = [sys.executable, *launcher, str(ROOT / "benchmarks/rank_arms.py"), words]
        # What Athanor sets for itself (infrastructure/__init__.py), before torch is there.
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "GOMP_SPINCOUNT": "1000"}
        done = subprocess.run(command, cwd=arm.get("tree", ROOT), env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{words} ended with {done.returncode}:\n{done.stderr[-4000:]}")
        return json.loads(Path(scratch, "answer.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
