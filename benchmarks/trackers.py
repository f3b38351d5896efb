"""What trackers cost the training: the same run told to none, and to each of them, with an event for every step.

    python benchmarks/trackers.py [--part runs] [--events 10000] [--rounds 3] [--arms none,mlflow] [--batch-size 8]
    python benchmarks/trackers.py --part events [--events 10000] [--milliseconds 5]

Runs: each is a process of its own, and the arms take turns. Printed are medians over the rounds and, of each tracker,
the ratio to the run of the same round that none was told of: `seconds` from the first step to the last, `cpu_seconds`
of the training process meanwhile, its threads that feed the trackers included, which a busy machine falsifies less.
`tracker_cpu_seconds` are those of the tracker's own process, on another core, and `end_seconds` is how long the end of
the run waited for it.

Events: the cost alone. Steps that only sleep are told to each tracker, and `microseconds` are what an event takes of
the processor in the training process, above what the sleeping takes; `notify_microseconds` are those between two steps.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
ARMS = ("none", "tensorboard", "mlflow", "wandb", "trackio")
TIMED = ("seconds", "cpu_seconds")
WAITING = "waiting for trackers"


def main() -> None:
    """Run the arms in turn and print what each takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("runs", "events"), default="runs")
    parser.add_argument("--milliseconds", type=float, default=5.0)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--only", help="Train one arm in this process and print what it took.")
    options = parser.parse_args()
    if options.only:
        print(json.dumps(timed(options.only, options.events, options.batch_size)))
        return
    arms = options.arms.split(",")
    if options.part == "events":
        alone = {arm: cost_of_events(arm, options.events, options.milliseconds / 1000) for arm in arms}
        print(json.dumps({"events": options.events, "cores": os.cpu_count(), **alone}, indent=2))
        return
    rounds = []
    for number in range(options.rounds):
        turn = number % len(arms)
        rounds.append({arm: timed_apart(arm, options) for arm in arms[turn:] + arms[:turn]})
        print(f"round {number + 1}: {json.dumps(rounds[-1])}", file=sys.stderr)
    print(json.dumps({"events": options.events, "cores": os.cpu_count(), **summed_up(arms, rounds)}, indent=2))


def summed_up(arms: Sequence[str], rounds: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, Any]:
    """Give medians, and ratios within each round."""
    told: dict[str, Any] = {}
    for arm in arms:
        told[arm] = {name: round(statistics.median(one[arm][name] for one in rounds), 2) for name in rounds[0][arm]}
        for name in TIMED:
            ratios = [round(one[arm][name] / one["none"][name], 4) for one in rounds]
            told[arm] |= {f"{name}_of_none": statistics.median(ratios), f"{name}_of_none_by_round": ratios}
    return told


def timed_apart(arm: str, options: argparse.Namespace) -> dict[str, float]:
    """Train one arm in a process of its own."""
    words = ["--only", arm, "--events", str(options.events), "--batch-size", str(options.batch_size)]
    done = subprocess.run([sys.executable, __file__, *words], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def timed(arm: str, events: int, batch_size: int) -> dict[str, float]:
    """Train so many steps, each of them an event."""
    from application.training_request import TrainModelRequest
    from infrastructure.container import Container

    clock = Clock()
    with tempfile.TemporaryDirectory() as scratch:
        request = TrainModelRequest(
            task="text_classification",
            model_name="encoder-tiny",
            output_dir=f"{scratch}/run",
            trackers=() if arm == "none" else (arm,),
            batch_size=batch_size,
            max_steps=events,
            epochs=events,
            logging_steps=1,
            eval_steps=events,
            precision="fp32",
        )
        response = Container().train_model().execute(request, clock)
        assert response.success, response.errors
        assert not [warning for warning in response.warnings if "tracker" in warning], response.warnings
        time.sleep(2)  # the tracker's process ends by itself
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    (began, cpu_began), (ended, cpu_ended) = clock.first, clock.last
    return {
        "seconds": ended - began,
        "cpu_seconds": cpu_ended - cpu_began,
        "tracker_cpu_seconds": children.ru_utime + children.ru_stime,
        "end_seconds": clock.waited,
    }


def cost_of_events(arm: str, events: int, seconds_between: float) -> dict[str, float]:
    """Tell so many steps that only sleep, and the same without telling."""
    from domain.events import RunClosed, RunStarted, StepCompleted
    from domain.run_layout import RunLayout
    from infrastructure.trackers.observer import Trackers

    faults: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        layout = RunLayout(Path(scratch) / "run")
        layout.directory.mkdir()
        trackers = Trackers(() if arm == "none" else (arm,), layout, {"seed": 42}, faults.append)
        trackers.notify(RunStarted("run", "benchmark", "cpu", "fp32", 1, 1, 1, events, 0))
        telling = 0.0
        began = time.process_time()
        for step in range(1, events + 1):
            event = StepCompleted(step, events, 0, 1 / step, 1 / step, 1.0, 1e-3, 1e4, 1e3, 1 << 30)
            now = time.perf_counter()
            trackers.notify(event)
            telling += time.perf_counter() - now
            time.sleep(seconds_between)
        busy = time.process_time() - began
        began = time.process_time()
        for _ in range(events):
            time.sleep(seconds_between)
        asleep = time.process_time() - began
        now = time.perf_counter()
        trackers.notify(RunClosed(scratch, "finished"))
        waited = time.perf_counter() - now
        time.sleep(2)  # the tracker's process ends by itself
    assert not faults, faults
    return {
        "microseconds": round((busy - asleep) / events * 1e6, 1),
        "notify_microseconds": round(telling / events * 1e6, 1),
        "end_seconds": round(waited, 2),
    }


class Clock:
    """Notes when the first and the last step were done, by the wall and by the processor, and what its end waited."""

    def __init__(self) -> None:
        self.first: tuple[float, float] = (0.0, 0.0)
        self.last: tuple[float, float] = (0.0, 0.0)
        self.waited = 0.0

    def notify(self, event: Any) -> None:
        """Note."""
        now = time.perf_counter(), time.process_time()
        if type(event).__name__ == "StepCompleted":
            self.first = now if self.first == (0.0, 0.0) else self.first
            self.last = now
        elif getattr(event, "phase", "") == WAITING:
            self.waited = getattr(event, "seconds", self.waited)

    def stop_requested(self) -> str:
        """Never stop."""
        return ""


if __name__ == "__main__":
    main()
