"""How long a person waits: for `--help`, and for the first training step of the default task.

    python benchmarks/startup.py [--rounds 5]

Whole processes, as they are started by a shell; the data cache is empty for each first step.
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

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "presentation.cli"]


def main() -> None:
    """Print medians in seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    helps = [seconds_of_help() for _ in range(options.rounds)]
    steps = [seconds_to_first_step() for _ in range(options.rounds)]
    print(json.dumps({"help_seconds": statistics.median(helps), "first_step_seconds": statistics.median(steps)}))


def seconds_of_help() -> float:
    """Time `--help` from start to exit."""
    started = time.perf_counter()
    subprocess.run([*COMMAND, "--help"], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - started


def seconds_to_first_step() -> float:
    """Time the default training from start until its first step is logged."""
    with tempfile.TemporaryDirectory() as scratch:
        words = ["train", "--output", f"{scratch}/run", "--set", "logging_steps=1"]
        environment = {**os.environ, "ATHANOR_CACHE": f"{scratch}/cache"}
        started = time.perf_counter()
        process = subprocess.Popen([*COMMAND, *words], stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("step "):
                break
        seconds = time.perf_counter() - started
        process.kill()
        process.wait()
        return seconds


if __name__ == "__main__":
    main()
