"""Seconds and memory of reading and checking a file, format by format, beside another checkout.

    python benchmarks/reading.py [--rows 1000000] [--rounds 3] [--against PATH] [--formats jsonl csv table.csv]

Reads made-up rows, and tables of numbers with a clock, as a training does before its first step: each file in a
process of its own with an empty cache. With `--against`, the other checkout reads the same files in turn with this
one, and `ratio` is its median of processor seconds over ours: above 1 this one is quicker.
"""

import argparse
import csv
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

ROOT = Path(__file__).resolve().parents[1]
WORDS = [f"word{number}" for number in range(5000)]
COLUMNS = 7
# The same calls in any checkout: what the first of the nine steps calls, without the imports that it waits for.
LOAD = """
import json, resource, sys, time
from application.training_request import TrainModelRequest
from infrastructure.tasks.registry import kind_of
task, path = sys.argv[1:]
request = TrainModelRequest(task=task, dataset_path=path).resolved()
kind = kind_of(task)
before, cpu = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
data = kind.load(request)
cpu = time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": cpu, "mib": (peak - before) / 1024, "rows": data.num_train + data.num_eval}))
"""


def main() -> None:
    """Print a line for each format."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--formats", nargs="*", choices=FORMATS, default=list(FORMATS))
    options = parser.parse_args()
    checkouts = [ROOT, *([options.against.resolve()] if options.against else [])]
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.formats:
            task, write = FORMATS[name]
            path = Path(scratch) / f"rows.{name.removeprefix('table.')}"
            write(path, options.rows)
            print(json.dumps({"format": name, **compared(task, path, checkouts, options.rounds)}), flush=True)
            path.unlink()


def compared(task: str, path: Path, checkouts: Sequence[Path], rounds: int) -> Mapping[str, Any]:
    """Read a file in each checkout by turns; medians of processor seconds and memory, and the ratio of the seconds."""
    told: dict[Path, list[Mapping[str, Any]]] = {checkout: [] for checkout in checkouts}
    for _ in range(rounds):
        for checkout in checkouts:
            told[checkout].append(load(task, path, checkout))
    medians = [
        {name: statistics.median(round_[name] for round_ in told[checkout]) for name in ("seconds", "mib")}
        for checkout in checkouts
    ]
    counts = {round_["rows"] for rounds_ in told.values() for round_ in rounds_}
    ours, *theirs = medians
    facts = {"rows": sorted(counts), "file_mib": round(path.stat().st_size / 2**20), **ours}
    return {**facts, **{f"other_{name}": value for other in theirs for name, value in other.items()}} | (
        {"ratio": theirs[0]["seconds"] / ours["seconds"]} if theirs else {}
    )


def load(task: str, path: Path, checkout: Path) -> Mapping[str, Any]:
    """Read a file as a checkout does: processor seconds, memory that reading adds in MiB, rows."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "ATHANOR_CACHE": cache, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", LOAD, task, str(path)],
            cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    told: Mapping[str, Any] = json.loads(done.stdout)
    return told


def _texts(num_rows: int) -> Iterator[dict[str, str]]:
    draw = random.Random(0)
    for number in range(num_rows):
        label = f"label{number % 4}"
        yield {"text": " ".join([label, str(number), *draw.choices(WORDS, k=draw.randint(5, 40))]), "label": label}


def _numbers(num_rows: int) -> Iterator[list[str]]:
    draw = random.Random(0)
    start = datetime(1990, 1, 1)
    for number in range(num_rows):
        cells = [f"{draw.random():.6f}" for _ in range(COLUMNS)]
        yield [(start + timedelta(minutes=10 * number)).isoformat(" "), *cells]


def _json_lines(path: Path, num_rows: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in _texts(num_rows))


def _json_array(path: Path, num_rows: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for number, row in enumerate(_texts(num_rows)):
            file.write((",\n" if number else "") + json.dumps(row))
        file.write("]")


def _separated(delimiter: str) -> Callable[[Path, int], None]:
    def write(path: Path, num_rows: int) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow(["text", "label"])
            writer.writerows(row.values() for row in _texts(num_rows))

    return write


def _gzipped(path: Path, num_rows: int) -> None:
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as file:
        file.writelines(json.dumps(row) + "\n" for row in _texts(num_rows))


def _parquet(path: Path, num_rows: int) -> None:
    rows = list(_texts(num_rows))
    pyarrow.parquet.write_table(pyarrow.table({name: [row[name] for row in rows] for name in ("text", "label")}), path)


def _table_csv(path: Path, num_rows: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["date", *(f"c{number}" for number in range(COLUMNS))])
        writer.writerows(_numbers(num_rows))


FORMATS: Mapping[str, tuple[str, Callable[[Path, int], None]]] = {
    "jsonl": ("text_classification", _json_lines),
    "json": ("text_classification", _json_array),
    "csv": ("text_classification", _separated(",")),
    "tsv": ("text_classification", _separated("\t")),
    "jsonl.gz": ("text_classification", _gzipped),
    "parquet": ("text_classification", _parquet),
    "table.csv": ("quantile_forecasting", _table_csv),
}

if __name__ == "__main__":
    main()
