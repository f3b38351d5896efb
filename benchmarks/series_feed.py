"""What windows cost: the share of a step in which the model computes, and the memory of a long series.

    python benchmarks/series_feed.py [--rows 5000000] [--steps 100] [--part feed|memory] [--json]

Feed: real steps of each preset on a tenth of the rows, by turns, with the windows of the defaults (96 rows, 5 horizons)
and those of configs/long_horizon.yaml (504 rows, 96 horizons); medians over the steps. The rest of a step is spent
choosing and cutting its windows; `windows_per_second` is how many could be cut.
Memory: 200 steps of the default model through the command line, on a made-up CSV table of six columns and a clock, of
a tenth of the rows and of all, each in its own process with an empty cache. `peak_mib` is all that was resident at
once, with the libraries and the pages of mapped files.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.csv

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
PARTS = ("feed", "memory")
COLUMNS = 6
CHUNK_ROWS = 1 << 18
MINUTE = 60  # seconds, the step of the clock
FIRST = 1_262_304_000  # 2010-01-01
HELD_OUT = 5000  # rows of validation, and of test: scoring a share of millions would take most of the time
TRAINED_STEPS = 200
WINDOWS: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "long": {"context_length": 504, "horizons": 96},
}


def main() -> None:
    """Measure memory, then the feed, and print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--steps", type=int, default=100, help="timed steps of each model")
    parser.add_argument("--part", choices=PARTS, help="measure this part alone")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "series.csv"
        # Memory first, for a process counts as its own what its parent held when it was started.
        if options.part != "feed":
            sizes = (options.rows // 10, options.rows)
            result["memory"] = [memory_of(path, num_rows, f"{scratch}/{num_rows}") for num_rows in sizes]
        if options.part != "memory":
            write_series(path, options.rows // 10)
            result["feed"] = compare_feeds(path, options.steps)
    if not options.json:
        print_tables(result)
        return
    from benchmarks.sides import machine

    print(json.dumps({**result, **machine()}))


def memory_of(path: Path, num_rows: int, scratch: str) -> dict[str, float]:
    """Write a series of so many rows and train on it; memory in MiB."""
    from benchmarks.long_horizon import athanor

    write_series(path, num_rows)
    split = [num_rows - 2 * HELD_OUT, HELD_OUT, HELD_OUT]
    watched = athanor(
        "train", "--task", "quantile_forecasting", "--dataset", path, "--output", f"{scratch}/run", "--json",
        "--set", f"split={json.dumps(split)}", "--set", f"max_steps={TRAINED_STEPS}",
        "--set", f"eval_steps={TRAINED_STEPS}", "--set", "device=cpu", cache=f"{scratch}/cache",
    )  # fmt: skip
    return {
        "rows": num_rows,
        "windows": watched.response["num_train_rows"],
        "file_mib": round(path.stat().st_size / 2**20, 1),
        "peak_mib": round(watched.peak_mib, 1),
        "seconds": round(watched.wall_seconds, 1),
        "seconds_in_loop": round(watched.response["training_time"], 1),
    }


def write_series(path: Path, num_rows: int) -> None:
    """Write `num_rows` minutes of six random walks with a daily tide, the same each time."""
    draw = np.random.default_rng(0)
    level = np.zeros(COLUMNS)
    names = ["time", *(f"series_{number}" for number in range(COLUMNS))]
    with path.open("wb") as file:
        for start in range(0, num_rows, CHUNK_ROWS):
            count = min(CHUNK_ROWS, num_rows - start)
            stamps = FIRST + MINUTE * np.arange(start, start + count)
            walk = level + np.cumsum(draw.normal(scale=0.05, size=(count, COLUMNS)), axis=0)
            level = walk[-1]
            tide = np.sin(2.0 * np.pi * (stamps % 86_400) / 86_400)
            values = np.round(walk + tide[:, None], 3)
            table = pyarrow.table([stamps.astype("datetime64[s]"), *values.T], names=names)
            pyarrow.csv.write_csv(table, file, pyarrow.csv.WriteOptions(include_header=start == 0))


@dataclass(frozen=True)
class Timed:
    """Seconds of one step: until its windows were there, and until the weights were updated."""

    feeding: float
    computing: float
    num_windows: int


def compare_feeds(path: Path, num_steps: int) -> list[dict[str, Any]]:
    """Step all models by turns; gives a row for each model and kind of window."""
    import torch

    from infrastructure.models.presets import FORECASTERS
    from infrastructure.training.precision import choose_precision

    # Settled once: a measurement that each model makes anew could come out otherwise for one of them.
    precision = choose_precision("auto", True, torch.device("cpu"))
    steps = {
        (preset, kind): stepper(path, preset, precision, settings)
        for preset in FORECASTERS
        for kind, settings in WINDOWS.items()
    }
    warm_up = max(3, num_steps // 10)
    timed: dict[tuple[str, str], list[Timed]] = {name: [] for name in steps}
    for number in range(warm_up + num_steps):
        for name, step in steps.items():
            timed[name].append(step(number))
    return [
        {"model": preset, "windows": kind, "precision": precision, **shares(timed[preset, kind][warm_up:])}
        for preset, kind in steps
    ]


def stepper(path: Path, preset: str, precision: str, settings: Mapping[str, Any]) -> Callable[[int], Timed]:
    """Make a model ready; gives what takes its step of a number, as the training loop does."""
    from application.training_request import TrainModelRequest
    from infrastructure.tasks.adapter import feed_of
    from infrastructure.tasks.registry import kind_of
    from infrastructure.training.session import open_session
    from infrastructure.training.step import batch_at, train_step

    request = TrainModelRequest(
        task="quantile_forecasting",
        dataset_path=str(path),
        model_name=preset,
        precision=precision,
        device="cpu",
        **settings,
    ).resolved()
    kind = kind_of(request.task)
    dataset = kind.load(request)
    bundle = kind.build(request, dataset, path.parent)
    prepared = kind.prepare(request, bundle, dataset)
    session = open_session(bundle.model, prepared.adapter, request.training_config())
    config = request.training_config()
    feed = feed_of(prepared.train, config.step_size, config.seed)

    def step(number: int) -> Timed:
        started = time.perf_counter()
        batch = batch_at(number, feed, prepared.train, prepared.adapter, config.step_size.at_once, config.seed)
        fed = time.perf_counter()
        train_step(session, batch, config.learning_rate, number)
        return Timed(fed - started, time.perf_counter() - fed, batch.num_rows)

    return step


def shares(steps: Sequence[Timed]) -> dict[str, float]:
    """Give medians over the steps: the share that the model computes, the seconds of both parts."""
    feeding = statistics.median(step.feeding for step in steps)
    computing = statistics.median(step.computing for step in steps)
    share = statistics.median(step.computing / (step.feeding + step.computing) for step in steps)
    return {
        "computing_share": round(share, 4),
        "feeding_ms": round(1e3 * feeding, 3),
        "computing_ms": round(1e3 * computing, 2),
        "windows_per_second": round(statistics.median(step.num_windows / step.feeding for step in steps)),
        "steps": len(steps),
    }


def print_tables(result: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Print each part that was measured."""
    for row in result.get("memory", ()):
        print(f"{row['rows']:>12,} rows{row['file_mib']:8.0f} MiB of CSV{row['peak_mib']:8.0f} MiB at the peak")
    if "feed" in result:
        print(f"\n{'model':18}{'windows':10}{'computing':>10}{'feed ms':>9}{'model ms':>10}{'windows/s':>11}")
        for row in result["feed"]:
            times = f"{row['feeding_ms']:9.2f}{row['computing_ms']:10.1f}{row['windows_per_second']:11,}"
            print(f"{row['model']:18}{row['windows']:10}{row['computing_share']:10.1%}{times}")


if __name__ == "__main__":
    main()
