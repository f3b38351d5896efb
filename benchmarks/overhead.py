"""What the training loop costs: steps of Athanor over those of a bare PyTorch loop.

    python benchmarks/overhead.py [--rounds 5] [--steps 60] [--quick] [--json]

Both sides have the same model with the same fast paths, the same batches and the same number format. The bare loop has
its batches made before the clock runs, and does nothing but forward, backward, clipping, fused AdamW and reading the
loss. The median step of each side, each in its own process, in turn. Needs the shared data.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.evaluation import KINDS  # noqa: E402 the path comes first
from benchmarks.sides import Figures, Row, Side, benchmark, by_turns  # noqa: E402

PRECISION = "bf16"
LEARNING_RATE = 1e-3
WARM_UP_STEPS, QUICK_STEPS = 5, 4
MOST = 1.03
SIDES = ("Athanor's loop", "bare loop")


def main() -> None:
    """Run both sides of each kind of model in turn."""
    benchmark(__file__, __doc__, rows, measure, arguments)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Choose how many steps are timed."""
    parser.add_argument("--steps", type=int, default=60)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Compare the median step."""
    for kind in KINDS:
        side = {"kind": kind, "steps": QUICK_STEPS if options.quick else options.steps, "rate": options.rate}
        turns = by_turns(__file__, {name: {"name": name, **side} for name in SIDES}, options.rounds)
        yield turns.row(f"{kind}: a step, {PRECISION}", "ms", *SIDES, "milliseconds", most=MOST)


def measure(side: Side) -> Figures:
    """Take the same steps in one of the loops; gives the median."""
    now = time.process_time if side["rate"] == "per_processor_second" else time.perf_counter
    loop = loop_of_athanor if side["name"] == SIDES[0] else bare_loop
    at = loop(side, now)
    took = [after - before for before, after in pairwise(at)]
    return {"milliseconds": 1e3 * statistics.median(took[WARM_UP_STEPS:])}


def loop_of_athanor(side: Side, now: Callable[[], float]) -> list[float]:
    """Train; gives when each step began, which is when a run is asked whether it should stop."""

    class Watch:
        def notify(self, event: Any) -> None:
            """Nothing is written down."""

        def stop_requested(self) -> str:
            at.append(now())
            return ""

    at: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        trainer_of(side, scratch, monitor=Watch()).train()
    return at


def bare_loop(side: Side, now: Callable[[], float]) -> list[float]:
    """Train on the batches that a trainer would have; gives when each step began."""
    import torch

    from infrastructure.models.unpadded import reading
    from infrastructure.training.step import _backward

    with tempfile.TemporaryDirectory() as scratch:
        trainer = trainer_of(side, scratch)
    session, batch_size = trainer._session, KINDS[side["kind"]][1]
    batches = [trainer._batches.at(step, batch_size) for step in range(num_steps(side))]
    weights = [weight for weight in session.model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=0.01, fused=True)
    session.model.train()
    at = []
    for batch in batches:
        at.append(now())
        [micro] = batch.micro_batches
        with session.precision.autocast(), reading(micro.batch, session.device):
            share = session.task.loss_sum(session.model, micro.batch) / batch.num_targets
        loss = _backward(session, share)
        torch.nn.utils.clip_grad_norm_(weights, session.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()
    return at


def trainer_of(side: Side, scratch: str, **settings: Any) -> Any:
    """Give a trainer of a new model, the same in each process."""
    from benchmarks.trainers import prepared
    from infrastructure.training import AdvancedTrainer

    of_kind, batch_size = KINDS[side["kind"]]
    bundle, ready = prepared(**of_kind)
    return AdvancedTrainer(
        bundle.model,
        ready.train,
        output_dir=Path(scratch) / "run",
        task=ready.adapter,
        precision=PRECISION,
        device="cpu",
        batch_size=batch_size,
        learning_rate=LEARNING_RATE,
        max_steps=num_steps(side),
        num_epochs=100,
        **settings,
    )


def num_steps(side: Side) -> int:
    """Count the steps of a side; of the last one nobody sees the end."""
    return int(WARM_UP_STEPS + side["steps"] + 1)


if __name__ == "__main__":
    main()
