"""What each lever of the CPU engine is worth: tokens per second with all of them, and with one taken away.

    python benchmarks/levers.py [--rounds 5] [--steps 40] [--busy]

Each arm runs in its own process, in turn; `--busy` lets another process burn one core meanwhile. Needs the shared data.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
ARMS = (
    "all",
    "torch attention",
    "plain allocator",
    "long spinning",
    "no spinning",
    "dropout inside layers",
    "gradients of whole tables",
    "clipping before the update",
    "fp32",
)
# Looks for work of a waiting thread; 300,000 is what libgomp does by itself.
SPINS = {"long spinning": "300000", "no spinning": "0"}
WARM_UP_STEPS = 5


def main() -> None:
    """Run all arms in turn and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.arm:
        print(run(options.arm, options.steps))
        return
    neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if options.busy else None
    try:
        rounds = [{arm: _in_own_process(arm, options.steps) for arm in ARMS} for _ in range(options.rounds)]
    finally:
        if neighbour is not None:
            neighbour.kill()
    result = {
        arm: {
            "tokens_per_second": round(statistics.median(one[arm] for one in rounds)),
            "share_of_all": round(statistics.median(one[arm] / one["all"] for one in rounds), 3),
        }
        for arm in ARMS
    }
    print(json.dumps({"busy": options.busy, "rounds": options.rounds, "cores": os.cpu_count(), **result}, indent=2))


def run(arm: str, steps: int) -> float:
    """Train some steps with one lever taken away; gives tokens per second."""
    from benchmarks.throughput import model_and_rows
    from infrastructure.parallel import row_gradients
    from infrastructure.tasks.labels.adapter import SequenceClassification
    from infrastructure.training import AdvancedTrainer, precision, session
    from infrastructure.training.step import train_step

    if arm == "torch attention":
        vars(session)["use_fast_attention"] = lambda model, device: None
    if arm == "plain allocator":
        vars(session)["keep_freed_memory"] = lambda: None
    if arm == "gradients of whole tables":
        vars(row_gradients)["LEAST_NUMBERS"] = sys.maxsize
    if arm == "clipping before the update":
        vars(precision)["_take_step"] = _clip_first
    model, dataset, _ = model_and_rows(0)
    if arm == "dropout inside layers":
        for layer in model.model.layers:
            layer.mlp.drop.p = 0.1
            layer.attn.out_drop = type(layer.mlp.drop)(0.1)
    with tempfile.TemporaryDirectory() as directory:
        trainer = AdvancedTrainer(
            model,
            dataset,
            output_dir=directory,
            task=SequenceClassification(dataset.label_names, pad_token_id=dataset.pad_token_id),
            batch_size=32,
            num_epochs=1,
            precision="fp32" if arm == "fp32" else "bf16",
            device="cpu",
        )
        tokens, started = 0, 0.0
        for step in range(WARM_UP_STEPS + steps):
            if step == WARM_UP_STEPS:
                tokens, started = 0, time.perf_counter()
            batch = trainer._batches.at(step, 32)
            train_step(trainer._session, batch, 1e-3)
            tokens += batch.num_tokens
        return tokens / (time.perf_counter() - started)


def _clip_first(optimizer: Any, divisor: Any, found_inf: Any) -> None:
    """Divide the gradients in a pass of its own, and let the kernel of the update know nothing of it."""
    import torch

    if not found_inf.item():
        torch._foreach_div_(
            [p.grad for g in optimizer.param_groups for p in g["params"] if p.grad is not None], divisor
        )
        optimizer.step()


def _in_own_process(arm: str, steps: int) -> float:
    environment = {**os.environ, "GOMP_SPINCOUNT": SPINS.get(arm, "1000")}
    command = [sys.executable, __file__, "--arm", arm, "--steps", str(steps)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
