"""A classifier of AG News in ONNX Runtime beside torch: parity, size, accuracy, speed, and the start of `predict`.

    python benchmarks/export.py [--quick] [--run DIR] [--rounds 5] [--json]

Trains `encoder-mini` with default settings unless a finished run of AG News is named, exports it to `onnx` and
`onnx-int8`, scores run and exports on the whole test file, and starts `predict` on one row by turns. With --quick a
tiny encoder learns for some steps: it shows that everything works, and no figure of it counts. Needs the shared data.
"""

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("ATHANOR_SHARED", ROOT.parent / "shared")) / "data/classification/ag_news"
QUICK = ("--model", "encoder-tiny", "--set", "max_steps=20", "--max-length", "64")
# What each figure is to keep to.
WANTED = {"speed_batch_1": 1.5, "int8_size_ratio": 1 / 3, "int8_drop": 0.5, "seconds_to_answer": 1.5}


def main() -> None:
    """Train, export, score, start."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--run", help="a finished run of AG News, in place of a training")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        run = Path(options.run) if options.run else trained(place / "run", options.quick)
        test = few(DATA / "test.jsonl.gz", place / "test.jsonl", 500) if options.quick else DATA / "test.jsonl.gz"
        exports = {form: place / form for form in ("onnx", "onnx-int8")}
        told = {form: exported(run, form, path, options.quick) for form, path in exports.items()}
        sides = {"torch": run, **exports}
        accuracy = {name: scored(path, test) for name, path in sides.items()}
        starts = seconds_to_answer(sides, place, 1 if options.quick else options.rounds)
    result = {
        "parity": told["onnx"]["parity"],
        "speed": told["onnx"]["speed"],
        "int8_speed": told["onnx-int8"]["speed"],
        "threads": told["onnx"]["threads"],
        "size_ratio": told["onnx"]["size_ratio"],
        "int8_size_ratio": told["onnx-int8"]["size_ratio"],
        "accuracy_on_test": accuracy,
        "int8_drop": 100 * (accuracy["torch"] - accuracy["onnx-int8"]),
        "seconds_to_answer": starts,
        "wanted": WANTED,
        "is_quick": options.quick,
        "cores": os.cpu_count(),
        "versions": told["onnx"]["versions"],
    }
    print(json.dumps(result, indent=None if options.json else 2))


def trained(run: Path, quick: bool) -> Path:
    """Train on AG News; gives the run."""
    asked = QUICK if quick else ("--model", "encoder-mini")
    words = ("--task", "text_classification", "--dataset", DATA / "train.jsonl.gz", "--output", run, *asked)
    athanor("train", *words, "--json")
    return run


def exported(run: Path, form: str, output: Path, quick: bool) -> Mapping[str, Any]:
    """Export a run; gives what is told of it. What has hardly learnt loses more by eight bits."""
    found: Mapping[str, Any] = json.loads(
        athanor(
            "export", run, "--format", form, "--output", output, "--json", *(("--max-drop", "100") if quick else ())
        )
    )
    return found


def scored(model: Path, test: Path) -> float:
    """Give the accuracy of a run or an export."""
    return float(json.loads(athanor("evaluate", model, "--dataset", test, "--json"))["metrics"]["accuracy"])


def seconds_to_answer(sides: Mapping[str, Path], place: Path, rounds: int) -> dict[str, float]:
    """Start `predict` on one row in a new process, by turns; gives the medians."""
    (place / "one.csv").write_text("text\nShares of the oil company fell after the report\n", encoding="utf-8")
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, path in sides.items():
            began = time.perf_counter()
            athanor("predict", path, "--input", place / "one.csv")
            taken[name].append(time.perf_counter() - began)
    return {name: round(statistics.median(seconds), 2) for name, seconds in taken.items()}


def few(source: Path, target: Path, count: int) -> Path:
    """Write the first rows of a file."""
    with gzip.open(source, "rt", encoding="utf-8") as file:
        target.write_text("".join(islice(file, count)), encoding="utf-8")
    return target


def athanor(*words: object) -> str:
    """Call the command line; gives what it prints."""
    command: Sequence[str] = [sys.executable, "-m", "presentation.cli", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout


if __name__ == "__main__":
    main()
