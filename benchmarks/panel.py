"""The shipped panel of shops, forecast 28 days ahead by one model of all series, beside rivals on the same split.

    python benchmarks/panel.py [--part test] [--peers PYTHON] [--only NAME ...] [--set KEY=VALUE] [--json]

The last 84 days are the test part, the 84 before them the validation part, the rest is for training. Nine forecasts
are made of each series in a part, a week apart; each sees all days up to its own and what is known ahead. Scored are
days on which a shop was open, of series with four weeks of a past, in pieces sold: the weighted quantile loss and MASE
as in GluonTS, errors of the median, the share within the band from the quantile 0.1 to 0.9. `law` is who knows how the
shops were simulated and the mood of each on the last day seen, and nothing of what comes: nobody can do better. Rivals
run by benchmarks/panel_peers.py in a process each, by --peers where their libraries are in an environment of their own:
statsforecast for AutoETS, neuralforecast for NHITS and PatchTST. What is not installed is left out, which is said.
"""

import argparse
import csv
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.panel_table import (
    DATA,
    HORIZON,
    QUANTILES,
    WEEK,
    Shops,
    origins,
    read_shops,
    scores,
    seasonal_errors,
    targets,
)

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "configs/panel.yaml"
NEEDS = {
    "repeat_last": "numpy",
    "seasonal_naive": "numpy",
    "autoets": "statsforecast",
    "patchtst": "neuralforecast",
    "nhits": "neuralforecast",
}
SAMPLES = 400  # futures that the law draws for each forecast


def main() -> None:
    """Forecast by all, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("test", "validation"), default="test")
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON", help="has the libraries of the rivals")
    parser.add_argument("--only", nargs="+", choices=("law", *NEEDS, "athanor"), help="these alone")
    parser.add_argument("--set", action="append", default=[], help="a setting to try instead of the recipe's")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    shops = read_shops()
    actual, scale = targets(shops, options.part), seasonal_errors(shops, options.part)
    result: dict[str, Mapping[str, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.only or ("law", *NEEDS, "athanor"):
            before = cpu_seconds()
            if name == "athanor":
                forecast = ours(shops, options.part, options.set, Path(scratch))
            elif name == "law":
                forecast = law(shops, origins(len(shops.days), options.part))
            elif is_there(options.peers, NEEDS[name]):
                forecast = peer(options.peers, name, options.part, Path(scratch) / f"{name}.npy")
            else:
                print(f"{name} is left out: {NEEDS[name]} is not installed in {options.peers}.", file=sys.stderr)
                continue
            result[name] = {**scores(forecast, actual, scale), "cpu_seconds": round(cpu_seconds() - before, 1)}
            if not options.json:
                print(line(name, result[name], first=len(result) == 1), flush=True)
    if options.json:
        facts = {"part": options.part, "series": int(np.isfinite(actual).any(axis=(0, 2)).sum())}
        print(json.dumps({**result, **facts, "days": int(np.isfinite(actual).sum()), "cores": os.cpu_count()}))


def ours(shops: Shops, part: str, settings: Sequence[str], scratch: Path) -> np.ndarray:
    """Train by configs/panel.yaml, and let `predict` answer [O, S, H, Q] to the table as it was on each last day."""
    from benchmarks.long_horizon import athanor

    run = scratch / "run"
    athanor("train", "--config", CONFIG, "--output", run, "--json", *(f"--set={setting}" for setting in settings))
    seen = origins(len(shops.days), part)
    forecast = np.full((len(seen), len(shops.ids), HORIZON, len(QUANTILES)), np.nan)
    numbers = {series: number for number, series in enumerate(shops.ids)}
    for place, origin in enumerate(seen):
        table, answers = scratch / "seen.csv", scratch / "answers.csv"
        write_seen(table, shops.days[origin], shops.days[origin + HORIZON])
        words = ["predict", str(run), "--input", str(table), "--output", str(answers)]
        subprocess.run([sys.executable, "-m", "presentation.cli", *words], check=True, cwd=ROOT, stderr=subprocess.PIPE)
        with answers.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                step = (np.datetime64(row["day"]) - shops.days[origin]).astype(int) - 1
                if 0 <= step < HORIZON:
                    quantiles = [float(row[f"q{level:g}"]) for level in QUANTILES]
                    forecast[place, numbers[row["shop"], row["product"]], step] = quantiles
    # Where the last days are missing a forecast begins and ends earlier: what it lacks is that of the week before.
    for step in range(HORIZON - WEEK, HORIZON):
        lacks = np.isnan(forecast[:, :, step])
        forecast[:, :, step][lacks] = forecast[:, :, step - WEEK][lacks]
    return forecast


def write_seen(path: Path, last: np.datetime64, end: np.datetime64) -> None:
    """Write the table up to a last day, and behind it up to `end` what is known ahead."""
    with gzip.open(DATA, "rt", encoding="utf-8", newline="") as table, path.open("w", newline="") as seen:
        rows = csv.DictReader(table)
        written = csv.DictWriter(seen, rows.fieldnames or ())
        written.writeheader()
        for row in rows:
            day = np.datetime64(row["day"])
            if day <= end:
                written.writerow(row if day <= last else {**row, "sales": ""})


def is_there(python: str, library: str) -> bool:
    """Tell whether an interpreter has a library."""
    found = subprocess.run(
        [python, "-c", f"import importlib.util as u; raise SystemExit(not u.find_spec({library!r}))"]
    )
    return found.returncode == 0


def peer(python: str, name: str, part: str, output: Path) -> np.ndarray:
    """Let a rival forecast [O, S, H, Q] in a process of its own."""
    script = str(ROOT / "benchmarks/panel_peers.py")
    command = [python, script, name, "--part", part, "--output", str(output)]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return np.asarray(np.load(output))


def law(shops: Shops, seen: Sequence[int]) -> np.ndarray:
    """Forecast [O, S, H, Q] as one who knows how the shops are simulated, and the mood of each on the last day seen."""
    from data.generator.__main__ import SEED
    from data.generator.shops import MOOD, MOOD_MEMORY, OWN_NOISE, WEATHER, counted, drawn

    draws = drawn(SEED)
    still = np.uint64(0x7FFF80007FFF8000)  # four quarters whose sum leaves a bell at zero
    without_luck = draws._replace(of_sales=np.full_like(draws.of_sales, still))
    bells = draws.of_shops.shape[-1] // 2
    moody, calm = draws.of_shops.copy(), draws.of_shops.copy()
    moody[..., bells : 2 * bells], calm[..., : 2 * bells] = still, still
    means = means_of(without_luck._replace(of_shops=calm), shops)
    moods = means_of(without_luck._replace(of_shops=moody), shops) / np.where(means > 0.0, means, np.nan)
    chance = np.random.default_rng(0)
    forecast = np.full((len(seen), len(shops.ids), HORIZON, len(QUANTILES)), np.nan)
    for place, origin in enumerate(seen):
        for number, expected in enumerate(means):
            known = moods[number, : origin + 1]
            if not np.isfinite(known).any():
                continue
            mood = np.full(SAMPLES, (known[np.isfinite(known)][-1] - 1.0) / MOOD)
            for step in range(HORIZON):
                mood = MOOD_MEMORY * mood + np.sqrt(1.0 - MOOD_MEMORY**2) * chance.normal(size=SAMPLES)
                factors = 1.0 + np.array([[WEATHER], [OWN_NOISE]]) * chance.normal(size=(2, SAMPLES))
                drawn_means = expected[origin + 1 + step] * np.maximum(0.4, 1.0 + MOOD * mood) * factors.prod(axis=0)
                sold = counted(drawn_means, chance.normal(size=SAMPLES), chance.random(SAMPLES))
                forecast[place, number, step] = np.quantile(sold, QUANTILES)
    return forecast


def means_of(draws: Any, shops: Shops) -> np.ndarray:
    """Give what each series sells a day on average [S, D] under these draws, NaN on days that are not in the table."""
    from data.generator.shops import simulate

    means = np.full(shops.sales.shape, np.nan)
    numbers = {series: number for number, series in enumerate(shops.ids)}
    for sale in simulate(draws):
        day = (np.datetime64(sale.day) - shops.days[0]).astype(int)
        means[numbers[sale.shop.name, sale.product.name], day] = sale.mean
    return means


def cpu_seconds() -> float:
    """Give what this process and its children that have ended took, user and system."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def line(name: str, found: Mapping[str, float], first: bool) -> str:
    """Write the scores of a method on a line, below their names above the first."""
    head = f"{'':16}" + "".join(f"{score:>16}" for score in found) + "\n" if first else ""
    return f"{head}{name:16}" + "".join(f"{value:16.4g}" for value in found.values())


if __name__ == "__main__":
    main()
