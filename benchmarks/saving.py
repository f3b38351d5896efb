"""What saving costs the training: steps of the default task with a state every 20 steps, and without any.

    python benchmarks/saving.py [--rounds 5] [--every 20] [--saves 4]

The same steps are timed with no state saved, with states written in the background, and with states written before the
training goes on; the three take turns. Prints medians and the ratio of each round to that without saving.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
ARMS = ("none", "background", "foreground")


def main() -> None:
    """Run the arms in turn and print what each takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--every", type=int, default=20)
    parser.add_argument("--saves", type=int, default=4)
    options = parser.parse_args()
    rounds = []
    for number in range(options.rounds):
        order = ARMS[number % len(ARMS) :] + ARMS[: number % len(ARMS)]
        rounds.append({arm: timed(arm, options.every, options.saves) for arm in order})
        print(f"round {number + 1}: {rounds[-1]}", file=sys.stderr)
    result = {
        arm: {
            "seconds": round(statistics.median(one[arm] for one in rounds), 2),
            "of_none": round(statistics.median(one[arm] / one["none"] for one in rounds), 3),
            "of_none_by_round": [round(one[arm] / one["none"], 3) for one in rounds],
        }
        for arm in ARMS
    }
    print(json.dumps({"every": options.every, "saves": options.saves, "cores": os.cpu_count(), **result}, indent=2))


def timed(arm: str, every: int, saves: int) -> float:
    """Train the default task for so many saves; gives the seconds of the steps between the first and the last."""
    from application.training_request import TrainModelRequest
    from infrastructure.container import Container

    class Clock:
        """Notes when steps were done."""

        def __init__(self) -> None:
            self.at: dict[int, float] = {}

        def notify(self, event: Any) -> None:
            if type(event).__name__ == "StepCompleted":
                self.at[event.step] = time.perf_counter()

        def stop_requested(self) -> str:
            return "measured" if last in self.at else ""

    # From the middle between two saves to the middle between two others.
    first, last = every // 2, every // 2 + every * saves
    clock = Clock()
    with tempfile.TemporaryDirectory(dir=os.environ.get("ATHANOR_BENCH_DIR")) as directory:
        request = TrainModelRequest(
            max_steps=last + every,
            save_steps=10**6 if arm == "none" else every,
            eval_steps=10**6,
            logging_steps=every // 2,
            output_dir=str(Path(directory) / "run"),
        )
        with _writing_before_going_on() if arm == "foreground" else _as_it_is():
            Container().train_model().execute(request, clock)
    return clock.at[last] - clock.at[first]


def _as_it_is() -> Any:
    from contextlib import nullcontext

    return nullcontext()


def _writing_before_going_on() -> Any:
    from unittest.mock import patch

    from infrastructure.training.run_states import RunStates

    real = RunStates.save

    def save(self: RunStates, progress: Any, epoch: int, at_once: bool = False) -> None:
        real(self, progress, epoch, at_once=True)

    return patch.object(RunStates, "save", save)


if __name__ == "__main__":
    main()
