"""What calibration does to bands: pinball loss and coverage on the test part, before and after, on five tables.

    python benchmarks/bands.py [--calibration adaptive] [--etth2 CSV] [--only NAME ...] [--json]

A table of three shops made here (daily for three years, a week and a year as seasons, holidays, a dozen days and one
stretch missing; `gaps=fill`, 28 days ahead), the simulated market that comes along, and ETTh1, ETTh2 and exchange_rate
by configs/long_horizon.yaml. `picp_80` is the share of targets in the band from the quantile 0.1 to 0.9 and should lie
between 75 and 85 %; the loss should rise nowhere by more than 1 %. Tables that are not there are left out and named.
"""

import argparse
import csv
import json
import math
import random
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.long_horizon import CONFIG, DATA, athanor, columns_of, split_of, usual_split

DAYS, STRETCH, SHOPS = 3 * 365 + 1, 21, ("north", "south", "west")
HOLIDAYS = {(12, 22): 1.8, (12, 23): 1.8, (12, 24): 1.8, (12, 25): 0.1, (1, 1): 0.1}


def main() -> None:
    """Train on each table and print what calibration did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--etth2", type=Path, default=DATA.with_name("ETTh2.csv"), metavar="CSV")
    parser.add_argument("--only", nargs="+", help="names of tables")
    parser.add_argument("--calibration", choices=("guarded", "adaptive"), default="guarded")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, words in commands(Path(scratch), options.etth2):
            if options.only and name not in options.only:
                continue
            words += ["--set", f"calibration={options.calibration}", "--output", f"{scratch}/{name}", "--json"]
            results[name] = scores(athanor("train", *words).response)
            if not options.json:
                print(line(name, results[name]), flush=True)
    if options.json:
        print(json.dumps(results))


def commands(scratch: Path, etth2: Path) -> Iterator[tuple[str, list[object]]]:
    """Give the name of each table, and how it is trained on."""
    shops = scratch / "shops.csv"
    write_shops(shops)
    task: list[object] = ["--task", "quantile_forecasting"]
    yield "shops", [*task, "--dataset", shops, "--set", "gaps=fill", "--set", "horizons=28"]
    yield "market", task
    for data in (DATA.with_name("exchange_rate.csv"), DATA, etth2):
        if not data.exists():
            print(f"{data} is not there.", file=sys.stderr)
            continue
        split = usual_split(data) if data.stem.startswith("ETTh") else split_of("0.7,0.1,0.2", len(columns_of(data)))
        yield data.stem, ["--config", CONFIG, "--dataset", data, "--set", f"split={json.dumps(list(split))}"]


def write_shops(path: Path, seed: int = 1) -> None:
    """Write daily sales of three shops, with holes."""
    draw = random.Random(seed)
    days = [date(2021, 1, 1) + timedelta(days=number) for number in range(DAYS)]
    stretch = draw.randrange(200, 700)
    missing = {*draw.sample(range(30, DAYS - 30), 12), *range(stretch, stretch + STRETCH)}
    columns = [list(_sales(days, draw)) for _ in SHOPS]
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["date", *SHOPS])
        for number, (day, *sales) in enumerate(zip(days, *columns, strict=True)):
            if number not in missing:
                rows.writerow([day.isoformat(), *sales])


def _sales(days: list[date], draw: random.Random) -> Iterator[int]:
    level, growth, begin = draw.uniform(80, 300), draw.uniform(-0.1, 0.2), draw.random()
    week = [draw.lognormvariate(0, 0.25) for _ in range(7)]
    for number, day in enumerate(days):
        year = 1 + 0.3 * math.sin(math.tau * (number / 365.25 + begin))
        usual = level * week[day.weekday()] * year * (1 + growth * number / DAYS)
        yield round(usual * HOLIDAYS.get((day.month, day.day), 1.0) * draw.lognormvariate(0, 0.12))


def scores(response: Any) -> dict[str, Any]:
    """Pick what calibration changes."""
    test = response["test_metrics"]
    names = ("loss", "picp_80", "uncalibrated_loss", "uncalibrated_picp_80", "calibration", "bands", "num_windows")
    return {name: test.get(name) for name in names} | {"cost": test["loss"] / test["uncalibrated_loss"] - 1}


def line(name: str, found: dict[str, Any]) -> str:
    """Write the scores of a table on a line."""
    return (
        f"{name:14} loss {found['uncalibrated_loss']:.4f} -> {found['loss']:.4f} ({found['cost']:+.2%})"
        f"  PICP 80 {found['uncalibrated_picp_80']:.1%} -> {found['picp_80']:.1%}  {found['calibration']}"
    )


if __name__ == "__main__":
    main()
