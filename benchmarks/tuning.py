"""What tuning finds on a quarter of AG News, beside the default settings: on validation, and then on the test file.

    python benchmarks/tuning.py [--trials 12] [--share 0.25] [--seeds 3] [--seed 42] [--workers 1] [--quick] [--json]

Tunes through the command line as a user would. The test file is read when all is chosen: by the best run, and by the
trial that has the defaults. With --quick a few trials of a few steps prove that it works. Needs the shared data.
"""

import argparse
import gzip
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from benchmarks.ag_news import DATA, athanor  # noqa: E402 the path comes first

QUICK = ("--trials", "2", "--seeds", "2", "--set", "max_steps=4", "--set", "eval_steps=2", "--model", "encoder-tiny")


def main() -> None:
    """Tune, and score the best and the defaults on rows that no trial has seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--share", type=float, default=0.25, help="of the training rows")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--output", help="keep the study here")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rows = Path(scratch) / "rows.jsonl"
        num_rows = write_share(rows, 0.01 if options.quick else options.share, options.seed)
        before, began = cpu_seconds(), time.perf_counter()
        study = athanor(
            "tune", "--task", "text_classification", "--dataset", rows, "--seed", options.seed, "--json",
            "--trials", options.trials, "--seeds", options.seeds, "--workers", options.workers,
            "--output", options.output or f"{scratch}/study", *(QUICK if options.quick else ()),
        )  # fmt: skip
        seconds, cpu = time.perf_counter() - began, cpu_seconds() - before
        test = {
            name: athanor("evaluate", run, "--dataset", DATA / "test.jsonl.gz", "--json")["metrics"]["macro_f1"]
            for name, run in (("best", study["run_dir"]), ("defaults", study["trials"][0]["run_dir"]))
        }
    candidates = {each["number"]: each for each in study["candidates"]}
    result = {
        "rows": num_rows,
        "trials": {
            state: [each["state"] for each in study["trials"]].count(state) for state in ("completed", "pruned")
        },
        "chosen": candidates[study["chosen"]]["settings"],
        "validation_best": {name: candidates[study["chosen"]][name] for name in ("mean", "low", "high")},
        "validation_defaults": {name: candidates[0][name] for name in ("mean", "low", "high")},
        "difference": study["difference"],
        "verdict": study["verdict"],
        "test_macro_f1": test,
        "cpu_minutes": round(cpu / 60, 1),
        "minutes": round(seconds / 60, 1),
        "cores": os.cpu_count(),
        "seed": options.seed,
    }
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))


def write_share(path: Path, share: float, seed: int) -> int:
    """Write some of the training rows, drawn at random; gives their number."""
    with gzip.open(DATA / "train.jsonl.gz", "rt", encoding="utf-8") as file:
        lines = file.readlines()
    chosen = random.Random(seed).sample(lines, round(share * len(lines)))
    path.write_text("".join(chosen), encoding="utf-8")
    return len(chosen)


def cpu_seconds() -> float:
    """Give the seconds of processors that ended children have used."""
    spent = os.times()
    return spent.children_user + spent.children_system


if __name__ == "__main__":
    main()
