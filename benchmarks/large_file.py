"""Peak memory of a training as its file grows: the engine must not hold the rows.

    python benchmarks/large_file.py [--rows 1000000] [--quick] [--json]

Trains a few steps on made-up JSON Lines of a tenth of the rows and of all of them, each in its own process with an
empty cache. Pages of mapped files count as resident while the machine has room for them; `anonymous` is what the
process itself asked for.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.sides import Row, benchmark  # noqa: E402 the path comes first

WORDS = [f"word{number}" for number in range(5000)]


def main() -> None:
    """Train on both sizes."""
    benchmark(__file__, __doc__, rows, arguments=arguments)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Choose the larger size."""
    parser.add_argument("--rows", type=int, default=1_000_000)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Set what the larger file takes beside what a tenth of it takes; measured once, for memory hardly varies."""
    most = options.rows // 100 if options.quick else options.rows
    smaller, larger = measure(most // 10), measure(most)
    for name, told in (("peak_anonymous_mib", "peak of what it asked for"), ("peak_resident_mib", "peak of all")):
        facts: dict[str, Any] = {
            "ours": larger[name],
            "theirs": smaller[name],
            "ratios": (larger[name] / smaller[name],),
        }
        yield Row(f"memory of `train`, {most:,} rows: {told}", "MiB", beside=f"{most // 10:,} rows", **facts)


def measure(num_rows: int) -> dict[str, float]:
    """Train on `num_rows` rows; memory in MiB."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "rows.jsonl"
        write_rows(path, num_rows)
        words = [
            "train", "--task", "text_classification", "--dataset", path, "--model", "encoder-tiny", "--output",
            f"{scratch}/run", "--set", "max_steps=20", "--set", "eval_steps=20",
            "--set", "validation_split=0.01", "--json",
        ]  # fmt: skip
        return {"rows": num_rows, "file_mib": path.stat().st_size / 2**20, **watch(words, f"{scratch}/cache")}


def watch(words: Sequence[object], cache: str) -> dict[str, float]:
    """Run the command line with a cache of its own; gives its seconds and its peak memory in MiB."""
    return watch_command([sys.executable, "-m", "presentation.cli", *map(str, words)], cache)


def watch_command(command: Sequence[str], cache: str) -> dict[str, float]:
    """Run a command with a cache of its own; gives seconds and peak memory in MiB, of it and what it started."""
    environment = {**os.environ, "ATHANOR_CACHE": cache}
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak_resident = peak_anonymous = 0.0
    while process.poll() is None:
        resident, anonymous = _memory(process.pid)
        peak_resident, peak_anonymous = max(peak_resident, resident), max(peak_anonymous, anonymous)
        time.sleep(0.05)
    assert process.returncode == 0, f"{' '.join(command)} ended with {process.returncode}"
    return {
        "peak_resident_mib": peak_resident,
        "peak_anonymous_mib": peak_anonymous,
        "seconds": time.perf_counter() - started,
    }


def write_rows(path: Path, num_rows: int) -> None:
    """Write rows of 5 to 40 words, a fixed seed."""
    draw = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for number in range(num_rows):
            label = f"label{number % 4}"
            text = " ".join([label, str(number), *draw.choices(WORDS, k=draw.randint(5, 40))])
            file.write(json.dumps({"text": text, "label": label}) + "\n")


def _memory(pid: int) -> tuple[float, float]:
    """Add up what a process and its children hold: all that is resident, and what they asked for themselves."""
    place = Path(f"/proc/{pid}")
    try:
        status = (place / "status").read_text(encoding="utf-8")
        children = [int(child) for task in place.glob("task/*/children") for child in task.read_text().split()]
    except OSError:
        return 0.0, 0.0
    values = dict(line.split(":", 1) for line in status.splitlines())
    resident, anonymous = (int(values.get(name, "0 kB").split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))
    below = [_memory(child) for child in children]
    return resident + sum(part for part, _ in below), anonymous + sum(part for _, part in below)


if __name__ == "__main__":
    main()
