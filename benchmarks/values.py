"""What it brings to say what values can be, and on which scale they are learnt: pinball losses on simulated tables.

    python benchmarks/values.py [--only NAME ...] [--seeds 1 2 3] [--json]

Daily tables of 2,000 days with a week, 14 days ahead, 300 steps each: `skewed`, lognormal around a level that drifts
by factors; `swinging`, as heavy-tailed around 0; `counts`, Poisson of about 1.5; `parts`, sold on one day in four,
three or four at a time. `pinball` is the mean of the quantiles' losses on the test part in the unit of the table. Where
the law of a day is known from its weekday alone, that of the true quantiles stands beside it, and none comes below.
"""

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import poisson

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.long_horizon import athanor
from domain.forecast import QUANTILES

DAYS, TEST, STEPS = 2_000, 400, 300
FREE = ("floor=none", "integers=false")
WEEK = np.sin(2 * np.pi * np.arange(DAYS) / 7)


def skewed(draw: np.random.Generator) -> np.ndarray:
    """Draw lognormal values around a level that drifts by factors."""
    return np.exp(3 + _drift(draw) + 0.4 * WEEK + 0.5 * draw.normal(size=DAYS))


def swinging(draw: np.random.Generator) -> np.ndarray:
    """Draw values around 0 with heavy tails on both sides."""
    return 20 * np.sinh(_drift(draw) + 0.4 * WEEK + 0.8 * draw.normal(size=DAYS))


def counts(draw: np.random.Generator) -> np.ndarray:
    """Draw small counts."""
    return draw.poisson(np.exp(0.3 + 0.5 * WEEK))


def parts(draw: np.random.Generator) -> np.ndarray:
    """Draw intermittent demand."""
    return np.where(draw.random(DAYS) < _sold(), 1 + draw.poisson(3, DAYS), 0)


def of_counts() -> np.ndarray:
    """Give the true quantiles of each day [N, Q]."""
    return np.asarray(poisson.ppf(np.array(QUANTILES), np.exp(0.3 + 0.5 * WEEK)[:, None]))


def of_parts() -> np.ndarray:
    """Give the true quantiles of each day [N, Q]."""
    numbers = np.arange(40)
    below = 1 - _sold()[:, None] * (1 - np.where(numbers > 0, poisson.cdf(numbers - 1, 3), 0.0))  # [N, 40]
    return np.stack([(below >= level - 1e-12).argmax(axis=1) for level in QUANTILES], axis=1)


def _sold() -> np.ndarray:
    return 0.25 + 0.15 * WEEK


def _drift(draw: np.random.Generator) -> np.ndarray:
    drift = np.zeros(DAYS)
    for day in range(1, DAYS):
        drift[day] = 0.97 * drift[day - 1] + 0.2 * draw.normal()
    return drift


# Of each table how it is drawn, the true quantiles where they are known, and what is said of it.
Law = Callable[[], np.ndarray]
Ways = dict[str, tuple[str, ...]]
KEPT: Ways = {
    "nothing": FREE,
    "a floor": ("floor=0", "integers=false"),
    "a floor, integers": ("floor=0", "integers=true"),
}
OWN_LEVEL: Ways = {
    "without instance_norm": ("instance_norm=false",),
    "and learnt faster": ("instance_norm=false", "learning_rate=0.003"),
}
SCALES: Ways = {scale: (f"value_scale={scale}",) for scale in ("plain", "log", "asinh")}
TABLES: dict[str, tuple[Callable[[np.random.Generator], np.ndarray], Law | None, Ways]] = {
    "skewed": (skewed, None, SCALES),
    "swinging": (swinging, None, {"plain": SCALES["plain"], "asinh": SCALES["asinh"]}),
    "counts": (counts, of_counts, KEPT),
    "parts": (parts, of_parts, {**KEPT, **OWN_LEVEL}),
}


def main() -> None:
    """Train on each table in each way and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.only:
            for seed in options.seeds:
                for found in compared(name, seed, Path(scratch) / f"{name}-{seed}"):
                    results.append(found)
                    if not options.json:
                        print(line(found), flush=True)
    if options.json:
        print(json.dumps(results))


def compared(name: str, seed: int, scratch: Path) -> list[dict[str, Any]]:
    """Score each way to say what the values of a table can be."""
    drawn, law, ways = TABLES[name]
    values = drawn(np.random.default_rng(seed))
    scratch.mkdir()
    table = scratch / "table.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["date", "value"])
        rows.writerows((date(2018, 1, 1) + timedelta(days=day), value) for day, value in enumerate(values.tolist()))
    found = []
    for number, (way, words) in enumerate(ways.items()):
        said = ["horizons=14", f"max_steps={STEPS}", "precision=fp32", f"split=[1400,200,{TEST}]", *words]
        words_of_all = [part for word in said for part in ("--set", word)]
        given = ["--task", "quantile_forecasting", "--dataset", table, *words_of_all]
        test = athanor("train", *given, "--output", f"{scratch}/{number}", "--json").response["test_metrics"]
        found.append({"table": name, "seed": seed, "way": way, "loss": test["loss_original"], "picp": test["picp_80"]})
    if law is not None:
        true, came = law()[-TEST:], values[-TEST:, None]
        short, levels = came - true, np.array(QUANTILES)
        inside = (true[:, 1:2] <= came) & (came <= true[:, 5:6])
        loss = float(np.maximum(levels * short, (levels - 1) * short).mean())
        found.append({"table": name, "seed": seed, "way": "the law", "loss": loss, "picp": float(inside.mean())})
    return found


def line(found: dict[str, Any]) -> str:
    """Write a result on a line."""
    return (
        f"{found['table']:9} seed {found['seed']}  {found['way']:21} pinball {found['loss']:.4f}"
        f"  PICP 80 {found['picp']:.1%}"
    )


if __name__ == "__main__":
    main()
