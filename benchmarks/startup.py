"""How long a person waits: for `--help`, and for the first training step of a task.

    python benchmarks/startup.py [--rounds 5] [--set KEY=VALUE ...]

Whole processes, as they are started by a shell. A second start finds what the first has kept of the same data; the data
cache is empty for each first one. `--set` says what is trained, else the default task.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STEP = re.compile(r"(^|\s)step 1/")  # behind the time of day, where a log has one
COMMAND = [sys.executable, "-m", "presentation.cli"]


def main() -> None:
    """Print medians in seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--set", dest="settings", metavar="KEY=VALUE", action="append", default=[])
    options = parser.parse_args()
    helps = [seconds_of_help() for _ in range(options.rounds)]
    firsts, seconds = zip(*(seconds_to_first_steps(options.settings) for _ in range(options.rounds)), strict=True)
    named = {"help_seconds": helps, "first_step_seconds": firsts, "first_step_of_second_start_seconds": seconds}
    print(json.dumps({name: statistics.median(measured) for name, measured in named.items()}))


def seconds_of_help() -> float:
    """Time `--help` from start to exit."""
    started = time.perf_counter()
    subprocess.run([*COMMAND, "--help"], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - started


def seconds_to_first_steps(settings: list[str]) -> tuple[float, float]:
    """Time a training from start until its first step is logged, with an empty cache and again with that cache."""
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "ATHANOR_CACHE": f"{scratch}/cache"}
        first, second = (_seconds_to_first_step(f"{scratch}/{name}", settings, environment) for name in ("a", "b"))
        return first, second


def _seconds_to_first_step(run: str, settings: list[str], environment: dict[str, str]) -> float:
    words = ["train", "--output", run, *(word for each in ["logging_steps=1", *settings] for word in ("--set", each))]
    started = time.perf_counter()
    process = subprocess.Popen([*COMMAND, *words], stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    assert process.stderr is not None
    is_logged = any(STEP.search(line) for line in process.stderr)
    seconds = time.perf_counter() - started
    process.kill()
    process.wait()
    if not is_logged:
        sys.exit("the training ended before its first step")
    return seconds


if __name__ == "__main__":
    main()
