"""What each lever of the CPU engine is worth: tokens per second with all of them, and with one taken away.

Of encoder-mini on AG News, and behind it windows per second of forecaster-mini on ETTh1.

    python benchmarks/levers.py [--rounds 5] [--steps 40] [--busy] [--processor]
    python benchmarks/levers.py --profile [--steps 40]

Each arm runs in its own process, in turn; `--processor` counts seconds of the processor, for a machine that others use
too, and `--busy` lets another process burn one core meanwhile. `--profile` gives the share that each kind of operation
has in the time of a step instead. Needs the shared data.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
# Fused layers (infrastructure/models/fused) that an arm leaves plain.
PLAIN_LAYERS = {
    "norms of torch": ("FusedLayerNorm",),
    "attention layers of the library": ("FusedModernBertAttention",),
    "gated units of the library": ("FusedModernBertMLP",),
    "draws one by one": ("FusedDropout",),
    "layers of the library": (
        "FusedLayerNorm",
        "FusedModernBertAttention",
        "FusedModernBertMLP",
        "FusedDropout",
    ),
}
ARMS = (
    "all",
    *PLAIN_LAYERS,
    "torch attention",
    "plain allocator",
    "long spinning",
    "no spinning",
    "dropout inside layers",
    "padding",
    "gradients of whole tables",
    "clipping before the update",
    "fp32",
)
OF_A_FORECASTER = (
    "all of a forecaster",
    "plain layers of a forecaster",
    "short rows of softmax number by number",
)
# Looks for work of a waiting thread; 300,000 is what libgomp does by itself.
SPINS = {"long spinning": "300000", "no spinning": "0"}
WARM_UP_STEPS = 5
# Kinds of operations, by what their names begin with; the first that fits counts.
KINDS = {
    "products": ("aten::mm", "aten::addmm"),
    "products of attention": ("aten::bmm", "aten::baddbmm"),
    "update": ("aten::_fused", "aten::_foreach", "Optimizer"),
    "random numbers": ("aten::bernoulli", "aten::random"),
    "copies and casts": ("aten::copy_", "aten::cat", "aten::stack", "aten::fill_"),
    "norms, softmax and activations": (
        "aten::native_layer_norm",
        "aten::_softmax",
        "aten::_log_softmax",
        "aten::gelu",
    ),
    "embeddings": ("aten::index_select", "aten::embedding", "aten::index"),
    "other arithmetic": tuple(f"aten::{name}" for name in ("mul", "add", "sub", "div", "sum", "lt", "cos", "sin")),
    "everything else": ("",),
}


def main() -> None:
    """Run all arms in turn and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--processor", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--arm", choices=(*ARMS, *OF_A_FORECASTER), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.arm:
        print(run(options.arm, options.steps, time.process_time if options.processor else time.perf_counter))
        return
    if options.profile:
        print(json.dumps(profile(options.steps), indent=2))
        return
    neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if options.busy else None
    try:
        arms = (*ARMS, *OF_A_FORECASTER)
        rounds = [{arm: _in_own_process(arm, options) for arm in arms} for _ in range(options.rounds)]
    finally:
        if neighbour is not None:
            neighbour.kill()
    result = {
        arm: {
            "per_second": round(statistics.median(one[arm] for one in rounds)),
            "share_of_all": round(statistics.median(one[arm] / one[of[0]] for one in rounds), 3),
        }
        for of in (ARMS, OF_A_FORECASTER)
        for arm in of
    }
    print(json.dumps({"busy": options.busy, "rounds": options.rounds, "cores": os.cpu_count(), **result}, indent=2))


def run(arm: str, steps: int, now: Callable[[], float]) -> float:
    """Train some steps with one lever taken away; gives tokens, or windows, per second."""
    with trained_by_steps(arm) as train:
        train(0, WARM_UP_STEPS)
        started = now()
        tokens = train(WARM_UP_STEPS, steps)
        return tokens / (now() - started)


def profile(steps: int) -> dict[str, float]:
    """Give the share of each kind of operation in the time of the thread that trains."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiled

    with trained_by_steps("all") as train:
        train(0, WARM_UP_STEPS)
        with profiled(activities=[ProfilerActivity.CPU]) as found:
            train(WARM_UP_STEPS, steps)
    spent = dict.fromkeys(KINDS, 0.0)
    for event in found.key_averages():
        kind = next(kind for kind, names in KINDS.items() if event.key.startswith(names))
        spent[kind] += event.self_cpu_time_total
    return {kind: round(microseconds / sum(spent.values()), 3) for kind, microseconds in spent.items()}


@contextmanager
def trained_by_steps(arm: str) -> Iterator[Callable[[int, int], int]]:
    """Set up a training with one lever taken away; gives what trains steps from one on, and tells their tokens."""
    from infrastructure.training.step import train_step

    _take_away(arm)
    with tempfile.TemporaryDirectory() as directory:
        trainer, batch_size = (_forecasting if arm in OF_A_FORECASTER else _classifying)(arm, directory)

        def train(first: int, steps: int) -> int:
            tokens = 0
            for step in range(first, first + steps):
                batch = trainer._batches.at(step, batch_size)
                train_step(trainer._session, batch, 1e-3)
                tokens += batch.num_tokens
            return tokens

        yield train


def _take_away(arm: str) -> None:
    """Let this process compute without one lever."""
    from infrastructure.models.fused import attention, modernbert, replacing
    from infrastructure.parallel import row_gradients
    from infrastructure.training import batches, precision, session

    if arm == "torch attention":
        vars(session)["use_fast_attention"] = lambda model, device: None
    if arm in PLAIN_LAYERS:
        become = vars(modernbert)["become"]
        vars(modernbert)["become"] = lambda layer, fused: (
            None if fused.__name__ in PLAIN_LAYERS[arm] else become(layer, fused)
        )
    if arm == "plain allocator":
        vars(session)["keep_freed_memory"] = lambda: None
    if arm == "padding":
        vars(batches)["train_without_padding"] = lambda session, dataset: ""
    if arm == "gradients of whole tables":
        vars(row_gradients)["LEAST_NUMBERS"] = sys.maxsize
    if arm == "clipping before the update":
        vars(precision)["_take_step"] = _clip_first
    if arm == "plain layers of a forecaster":
        vars(replacing)["FAMILIES"] = {}
    if arm == "short rows of softmax number by number":
        vars(attention)["LANES"] = 0


def _classifying(arm: str, directory: str) -> tuple[Any, int]:
    """Give a trainer of encoder-mini and its batch size."""
    from benchmarks.throughput import model_and_rows
    from infrastructure.tasks.labels.adapter import SequenceClassification
    from infrastructure.training import AdvancedTrainer

    model, dataset, _ = model_and_rows(0)
    if arm == "dropout inside layers":
        for layer in model.model.layers:
            layer.mlp.drop.p = 0.1
            layer.attn.out_drop = type(layer.mlp.drop)(0.1)
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
    return trainer, 32


def _forecasting(arm: str, directory: str) -> tuple[Any, int]:
    """Give a trainer of forecaster-mini and its batch size."""
    from benchmarks.evaluation import KINDS
    from benchmarks.trainers import prepared
    from infrastructure.training import AdvancedTrainer

    settings, batch_size = next(of for of in KINDS.values() if of[0]["task"] == "quantile_forecasting")
    bundle, ready = prepared(**settings)
    trainer = AdvancedTrainer(
        bundle.model,
        ready.train,
        output_dir=directory,
        task=ready.adapter,
        batch_size=batch_size,
        num_epochs=1,
        precision="bf16",
        device="cpu",
    )
    return trainer, batch_size


def _clip_first(optimizer: Any, divisor: Any, found_inf: Any) -> None:
    """Divide the gradients in a pass of its own, and let the kernel of the update know nothing of it."""
    import torch

    if not found_inf.item():
        torch._foreach_div_(
            [p.grad for g in optimizer.param_groups for p in g["params"] if p.grad is not None], divisor
        )
        optimizer.step()


def _in_own_process(arm: str, options: argparse.Namespace) -> float:
    environment = {**os.environ, "GOMP_SPINCOUNT": SPINS.get(arm, "1000")}
    command = [sys.executable, __file__, "--arm", arm, "--steps", str(options.steps)]
    command += ["--processor"] if options.processor else []
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
