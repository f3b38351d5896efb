"""Seconds and memory of reading and checking a file, format by format, beside another checkout.

    python benchmarks/reading.py [--rows 1000000] [--rounds 5] [--against PATH] [--formats jsonl ...] [--quick]

Reads made-up rows, and tables of numbers with a clock, as a training does before its first step: each file in a
process of its own with an empty cache. With `--against`, the other checkout reads the same files in turn with this
one, and the ratio is of ours over its: below 1 this one is quicker.
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
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.sides import Row, benchmark, by_turns  # noqa: E402 the path comes first

WORDS = [f"word{number}" for number in range(5000)]
COLUMNS = 7
THIS, OTHER = "this checkout", "the other checkout"
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
    """Read each format in each checkout."""
    benchmark(__file__, __doc__, rows, arguments=arguments)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Choose what is read, and by which checkout beside this one."""
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--formats", nargs="*", choices=FORMATS, default=list(FORMATS))


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Tell processor seconds and memory of each format."""
    num_rows = options.rows // 100 if options.quick else options.rows
    checkouts = {THIS: ROOT}
    if options.against:
        checkouts[OTHER] = options.against.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.formats:
            task, write = FORMATS[name]
            path = Path(scratch) / f"rows.{name.removeprefix('table.')}"
            write(path, num_rows)
            sides = {side: {"task": task, "path": str(path), "checkout": str(at)} for side, at in checkouts.items()}
            turns = by_turns(__file__, sides, options.rounds, lambda file, side: load(**side))
            assert len({one["rows"] for found in turns.rounds for one in found.values()}) == 1
            what = f"reading {num_rows:,} rows of {name}"
            for unit, figure in (("s of a processor", "seconds"), ("MiB", "mib")):
                if options.against:
                    yield turns.row(what, unit, THIS, OTHER, figure)
                else:
                    yield Row(what, unit, turns.median(THIS, figure), others=statistics.median(turns.others))
            path.unlink()


def load(task: str, path: str, checkout: str) -> Mapping[str, Any]:
    """Read a file as a checkout does: processor seconds, memory that reading adds in MiB, rows."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "ATHANOR_CACHE": cache, "PYTHONPATH": checkout, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", LOAD, task, path],
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
