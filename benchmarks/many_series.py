"""A long table of 100,000 series: memory of a training, speed of reading, and how long the model waits for windows.

    python benchmarks/many_series.py [--series 100000] [--rows 200] [--steps 200] [--format parquet|csv] [--json]

Writes `rows` days of each series, with a week, campaigns and noise, and series of all scales: 20 million rows unless
said. Reading: the table is checked and kept by a process with an empty cache. Training: `steps` steps of the default
model through the command line, likewise, reading included. Memory is the most that was resident at once, with the
libraries and pages of mapped files; `anonymous` is what the process itself asked for. Feed: steps in this process,
medians; the rest of a step is spent choosing and cutting its windows.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.csv
import pyarrow.parquet

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
FORMATS = ("parquet", "csv")
SERIES_AT_ONCE = 1000
FIRST = np.datetime64("2023-01-02")  # a Monday
TIMED_STEPS = 100
TOLD: Mapping[str, Any] = {
    "series_column": ["series"],
    "target_columns": ["sales"],
    "known_columns": ["promotion"],
    "horizons": 28,
    "split": [0.6, 0.2, 0.2],
}
READ = """
import sys
from infrastructure.data.panel.panel import PanelSchema, open_panel
from infrastructure.data.table.table import TableSchema
table = TableSchema(needed=("sales",))
open_panel(sys.argv[1], PanelSchema(table, series_columns=("series",), known_columns=("promotion",)))
"""


def main() -> None:
    """Measure each format."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=200, help="of each series")
    parser.add_argument("--steps", type=int, default=200, help="of the training")
    parser.add_argument("--format", choices=FORMATS, help="this one alone")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for form in (options.format,) if options.format else FORMATS:
            path = Path(scratch) / f"sales.{form}"
            write_panel(path, options.series, options.rows)
            result = {"format": form, **measure(path, options.series * options.rows, options.steps, Path(scratch))}
            path.unlink()
            print(json.dumps({**result, "cores": os.cpu_count()}, indent=None if options.json else 2), flush=True)


def measure(path: Path, num_rows: int, num_steps: int, scratch: Path) -> dict[str, Any]:
    """Read, then train, then feed. Memory in MiB."""
    from benchmarks.large_file import watch, watch_command

    cache = f"{scratch}/cache-{path.suffix}"
    read = watch_command([sys.executable, "-c", READ, str(path)], cache)
    settings = {**TOLD, "max_steps": num_steps, "eval_steps": num_steps, "device": "cpu"}
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={json.dumps(value)}")]
    words = ["train", "--task", "quantile_forecasting", "--dataset", str(path), "--output", f"{scratch}/run", *words]
    return {
        "rows": num_rows,
        "file_mib": round(path.stat().st_size / 2**20),
        "rows_read_per_second": round(num_rows / read["seconds"]),
        "reading": rounded(read),
        "training": rounded(watch(words, cache)),
        "feed": feed(path, cache),
    }


def feed(path: Path, cache: str) -> dict[str, float]:
    """Time steps of the default model, their windows and their computing."""
    import torch

    from benchmarks.series_feed import shares, stepper
    from infrastructure.training.precision import choose_precision

    os.environ["ATHANOR_CACHE"] = cache
    precision = choose_precision("auto", True, torch.device("cpu"))
    step = stepper(path, "forecaster-mini", precision, TOLD)
    return shares([step(number) for number in range(TIMED_STEPS + 10)][10:])


def write_panel(path: Path, num_series: int, num_rows: int) -> None:
    """Write a long table, series below series, the same each time."""
    draw = np.random.default_rng(0)
    types = {"series": "string", "day": "date32", "sales": "float32", "promotion": "int8"}
    schema = pyarrow.schema([*types.items()])
    is_parquet = path.suffix == ".parquet"
    with (pyarrow.parquet.ParquetWriter if is_parquet else pyarrow.csv.CSVWriter)(path, schema) as writer:
        for first in range(0, num_series, SERIES_AT_ONCE):
            count = min(SERIES_AT_ONCE, num_series - first)
            level = 10.0 ** draw.uniform(0.0, 3.0, (count, 1))
            week = np.exp(draw.normal(0.0, 0.3, (count, 7)))[:, np.arange(num_rows) % 7]
            promotion = np.repeat(draw.random((count, -(-num_rows // 7))) < 0.1, 7, axis=1)[:, :num_rows]
            sales = level * week * (1.0 + 0.8 * promotion) * np.exp(draw.normal(0.0, 0.2, (count, num_rows)))
            names = np.repeat([f"s{number:06}" for number in range(first, first + count)], num_rows)
            days_of_all = np.tile(FIRST + np.arange(num_rows), count)
            columns = [names, days_of_all, sales.astype(np.float32).round(1).ravel(), promotion.astype(np.int8).ravel()]
            arrays = [pyarrow.array(column, kind) for column, kind in zip(columns, types.values(), strict=True)]
            writer.write_table(pyarrow.table(arrays, schema=schema))


def rounded(found: dict[str, float]) -> dict[str, float]:
    """Round what a command took."""
    return {name: round(value, 1) for name, value in found.items()}


if __name__ == "__main__":
    main()
