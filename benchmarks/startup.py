"""How long a person waits: for `--help`, and for the first training step, the first time and again.

    python benchmarks/startup.py [--rounds 5] [--quick] [--json]

Whole processes, as they are started by a shell, of the default task and of AG News. The data cache is empty for each
first start; the second start reads the same data in another run directory. AG News needs the shared data,
and is all that --quick starts: of the default task a first start reads 45,032 functions.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.sides import SHARED, Others, Row, SideError, benchmark  # noqa: E402 the path comes first

COMMAND = [sys.executable, "-m", "presentation.cli"]
DATA: Mapping[str, Sequence[str]] = {
    "default task": (),
    "AG News": ("--task", "text_classification", "--dataset", str(SHARED / "classification/ag_news/train.jsonl.gz")),
}
STEP = re.compile(r"\bstep [\d,]+/")
MOST_SECONDS = 3.0  # to the first step of a second start


def main() -> None:
    """Start everything as often as there are rounds."""
    benchmark(__file__, __doc__, rows)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Tell seconds by the clock; those of a second start beside what they may be."""
    yield Row("`--help`, whole command", "s", statistics.median(seconds_of_help() for _ in range(options.rounds)))
    for name, words in DATA.items():
        if options.quick and not words:
            continue
        others = Others()
        firsts, seconds = zip(*(seconds_of_starts(words) for _ in range(options.rounds)), strict=True)
        share = others.share()
        yield Row(f"first step, first start, {name}", "s", statistics.median(firsts), others=share)
        yield Row(
            f"first step, second start, {name}",
            "s",
            statistics.median(seconds),
            beside="wanted",
            theirs=MOST_SECONDS,
            ratios=tuple(one / MOST_SECONDS for one in seconds),
            most=1.0,
            others=share,
        )


def seconds_of_help() -> float:
    """Time `--help` from start to exit."""
    started = time.perf_counter()
    subprocess.run([*COMMAND, "--help"], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - started


def seconds_of_starts(words: Sequence[str]) -> tuple[float, float]:
    """Time a first and a second start on the same data."""
    with tempfile.TemporaryDirectory() as scratch:
        first, second = (seconds_to_first_step(words, f"{scratch}/{run}", f"{scratch}/cache") for run in ("one", "two"))
        return first, second


def seconds_to_first_step(words: Sequence[str], run: str, cache: str) -> float:
    """Time a training from the start of its command until its first step is logged."""
    told = ["train", *words, "--output", run, "--set", "logging_steps=1"]
    started = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, *told], stderr=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "ATHANOR_CACHE": cache}
    )
    assert process.stderr is not None
    is_logged = any(STEP.search(line) for line in process.stderr)
    seconds = time.perf_counter() - started
    process.kill()
    process.wait()
    if not is_logged:
        raise SideError("the training ended before its first step")
    return seconds


if __name__ == "__main__":
    main()
