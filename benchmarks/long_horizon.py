"""Forecasts of 96 steps beside published figures: every window of the test part, on the standardised scale.

    python benchmarks/long_horizon.py [--data CSV] [--split A,B,C] [--set KEY=VALUE] [--output DIR] [--json]

Trains through the command line by configs/long_horizon.yaml: all columns, horizons 1 to 96, scaled by the training
part. An hourly table of at least 14,400 rows is cut as ETTh1 usually is, after 12, 16 and 20 months of 30 days, and
what lies behind is left out; any other by the shares 0.7, 0.1 and 0.2. `mse` and `mae` are those of the median,
`picp_80` is the share of targets within the calibrated band from the quantile 0.1 to 0.9. Repeat-last is computed once
more by plain numpy, from the file, and must come out the same. `cpu_minutes` are of the whole command, user and
system. Needs the shared data, or --data.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
CONFIG = ROOT / "configs/long_horizon.yaml"
DATA = Path(os.environ.get("ATHANOR_SHARED", ROOT.parent / "shared")) / "data/forecasting/ETTh1.csv"
MONTHS = (8640, 2880, 2880)  # 12, 4 and 4 months of 30 days of 24 rows
HOUR = 3_600_000_000  # microseconds
ZENG, NIE, LIU = "Zeng et al., AAAI 2023", "Nie et al., ICLR 2023", "Liu et al., ICLR 2024"
# By the name of the table: model, MSE, MAE, where it was printed. A lookback of 96 is what Liu et al. gave everyone.
PUBLISHED = {
    "ETTh1": (
        ("DLinear, lookback 96", 0.386, 0.400, LIU),
        ("PatchTST, lookback 96", 0.414, 0.419, LIU),
        ("iTransformer, lookback 96", 0.386, 0.405, LIU),
        ("DLinear, lookback 336", 0.375, 0.399, ZENG),
        ("PatchTST, lookback 512", 0.370, 0.400, NIE),
        ("repeat-last", 1.295, 0.713, ZENG),
    ),
    "exchange_rate": (("repeat-last", 0.081, 0.196, ZENG),),
}
SCORES = ("mse", "mae", "picp_80", "crps", "loss")
# fp32 windows against fp64 columns; a window too many or a scale of the wrong part is seen in the third digit.
TOLERANCE = 1e-5


def main() -> None:
    """Train, check, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, metavar="CSV")
    parser.add_argument("--split", help="rows of the three parts, or their shares, such as 0.7,0.1,0.2")
    parser.add_argument("--set", action="append", default=[], help="a setting to try instead of the recipe's")
    parser.add_argument("--output", help="keep the run here")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    data = options.data.resolve()
    split = usual_split(data) if options.split is None else split_of(options.split, len(columns_of(data)))
    with tempfile.TemporaryDirectory() as scratch:
        run = str(Path(options.output or f"{scratch}/run").resolve())
        result = train(data, split, run, options.set)
    if options.json:
        print(json.dumps(result))
        return
    print(json.dumps(result, indent=2))
    print_table(data.stem, result)


def train(data: Path, split: Sequence[int], run: str, settings: Sequence[str]) -> dict[str, Any]:
    """Train by the recipe into `run` and give the scores of the test part."""
    from domain.forecast import steps_ahead
    from infrastructure.runs.run_store import RunStore

    watched = athanor(
        "train", "--config", CONFIG, "--dataset", data, "--output", run, "--json",
        "--set", f"split={json.dumps(list(split))}", *(f"--set={setting}" for setting in settings),
    )  # fmt: skip
    response, test = watched.response, watched.response["test_metrics"]
    request = RunStore().read_request(f"{run}/run.yaml")
    plain = repeat_last(columns_of(data), split, steps_ahead(request.horizons))
    for name, value in zip(("repeat_last_mse", "repeat_last_mae"), plain, strict=True):
        if not abs(value - test[name]) <= TOLERANCE:
            raise SystemExit(f"{name} of the run is {test[name]}, but plain numpy finds {value} in {data.name}.")
    return {
        **{name: test[name] for name in (*SCORES, "num_windows", "uncalibrated_picp_80") if name in test},
        "repeat_last_mse": test["repeat_last_mse"],
        "repeat_last_mae": test["repeat_last_mae"],
        "valid_metrics": {name: response["final_metrics"][name] for name in SCORES},
        "best_epoch": response["best_epoch"],
        "best_step": response["best_step"],
        "parameters": response["num_parameters"],
        "cpu_minutes": round(watched.cpu_seconds / 60, 2),
        "wall_seconds": round(watched.wall_seconds, 1),
        "data": data.name,
        "split": list(split),
        "settings": list(settings),
        "cores": os.cpu_count(),
    }


@dataclass(frozen=True)
class Watched:
    """What a command answered and what it took; `peak_mib` is the most that was resident at once, in MiB."""

    response: Mapping[str, Any]
    cpu_seconds: float
    wall_seconds: float
    peak_mib: float


def athanor(*words: object, cache: str | None = None) -> Watched:
    """Call the command line, with a cache of its own where one is named."""
    environment = os.environ if cache is None else {**os.environ, "ATHANOR_CACHE": cache}
    command = [sys.executable, "-m", "presentation.cli", *map(str, words)]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        answer = process.stdout.read()
        # Not `wait`: this tells what the one process took, and not all there ever were.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(answer or f"{' '.join(command)} ended with {process.returncode}")
    return Watched(json.loads(answer), usage.ru_utime + usage.ru_stime, seconds, usage.ru_maxrss / 1024)


def usual_split(data: Path) -> tuple[int, ...]:
    """Give the rows of the three parts into which tables of this shape are usually cut."""
    from domain.exceptions import AthanorError
    from infrastructure.data.table.table import TableSchema, open_table

    try:
        table = open_table(data, TableSchema())
    except AthanorError as error:
        raise SystemExit("\n".join(error.messages)) from error
    if table.step == HOUR and len(table.values) >= sum(MONTHS):
        return MONTHS
    return split_of("0.7,0.1,0.2", len(table.values))


def split_of(words: str, num_rows: int) -> tuple[int, ...]:
    """Read three numbers of rows, or shares: first and last are rounded down, and what is left lies between them."""
    try:
        first, middle, last = (float(word) for word in words.split(","))
    except ValueError:
        raise SystemExit(f"--split {words!r} is not three numbers. Write, for example, --split 0.7,0.1,0.2.") from None
    if max(first, middle, last) >= 1:
        return int(first), int(middle), int(last)
    # The sum of two products: 0.7 of 10 rows is 7 rows, although 0.7 is none of the numbers that a computer has.
    rows, rest = int(round(first * num_rows, 6)), int(round(last * num_rows, 6))
    return rows, num_rows - rows - rest, rest


def columns_of(data: Path) -> np.ndarray:
    """Read the columns of numbers [N, C] in fp64, with nothing of the application."""
    with data.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        next(lines)
        places = [place for place, cell in enumerate(next(lines)) if _is_number(cell)]
    return np.loadtxt(data, delimiter=",", skiprows=1, usecols=places, ndmin=2, encoding="utf-8")


def repeat_last(columns: np.ndarray, split: Sequence[int], steps: Sequence[int]) -> tuple[float, float]:
    """Give MSE and MAE of the last value over every window of the third part; `columns` [N, C] have no gaps."""
    past = columns[: split[0]]
    scaled = (columns - past.mean(axis=0)) / past.std(axis=0)
    start, end = sum(split[:2]), sum(split)
    anchors = np.arange(start - 1, end - max(steps))
    errors = np.stack([scaled[anchors + step] - scaled[anchors] for step in steps])
    return float(np.mean(errors**2)), float(np.mean(np.abs(errors)))


def print_table(name: str, result: Mapping[str, Any]) -> None:
    """Print the result beside what was published for the table of this name."""
    ours = ("this run", result["mse"], result["mae"], f"{result['num_windows']:,} windows")
    plain = ("repeat-last, this run", result["repeat_last_mse"], result["repeat_last_mae"], "")
    print(f"\n{name:28}{'MSE':>8}{'MAE':>8}  source")
    for model, mse, mae, source in (ours, plain, *PUBLISHED.get(name, ())):
        print(f"{model:28}{mse:8.3f}{mae:8.3f}  {source}".rstrip())


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    main()
