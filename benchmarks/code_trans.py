"""Java to C# from scratch: BLEU and exact match on every test row, the CodeXGLUE way.

    python benchmarks/code_trans.py [--data DIR] [--set KEY=VALUE] [--beams 5] [--output DIR] [--json]
    python benchmarks/code_trans.py --run DIR [--data DIR] [--beams 5] [--json]    # score a finished run

DIR holds train, valid and test, each a file of rows with `source` and `target` in any form the application reads
(train.jsonl.gz, valid.csv, ...). Trains through the command line by configs/code_trans.yaml, chooses the epoch on
valid and lets the best model write out all of test with beams. `bleu` is sacrebleu's with tokenize='none', that is over
white-space tokens; `exact_match` leaves white space at both ends aside; both from 0 to 100. Needs the shared data, or
--data.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
CONFIG = ROOT / "configs/code_trans.yaml"
DATA = Path(os.environ.get("ATHANOR_SHARED", ROOT.parent / "shared")) / "data/seq2seq/code_trans"
BEAMS = 5
ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")


def main() -> None:
    """Train where no run is given, and score the test rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR")
    parser.add_argument("--run", metavar="DIR", help="score this finished run instead of training")
    parser.add_argument("--set", action="append", default=[], help="a setting to try instead of the recipe's")
    parser.add_argument("--beams", type=int, default=BEAMS)
    parser.add_argument("--max-repeats", type=int, help="end a text that is stuck; else as the run was told")
    parser.add_argument("--output", help="keep the run here")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    test = part_of(options.data, "test")
    with tempfile.TemporaryDirectory() as scratch:
        run = options.run or options.output or f"{scratch}/run"
        trained = {} if options.run else train(options.data.resolve(), str(Path(run).resolve()), options.set)
        result = {**score(run, test, options.beams, options.max_repeats), **trained, "cores": os.cpu_count()}
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))


def train(data: Path, run: str, settings: list[str]) -> dict[str, Any]:
    """Train by the recipe into `run`."""
    from benchmarks.ag_news import athanor

    response = athanor(
        "train", "--config", CONFIG, "--dataset", part_of(data, "train"), "--output", run, "--json",
        f"--set=eval_dataset={part_of(data, 'valid')}", *(f"--set={setting}" for setting in settings),
    )  # fmt: skip
    return {
        "valid_metrics": response["final_metrics"],
        "best_epoch": response["best_epoch"],
        "train_seconds_whole_run": round(response["training_time"], 1),
        "tokens_per_second": round(response["throughput"]["tokens_per_second"]),
        "parameters": response["num_parameters"],
        "settings": settings,
    }


def score(run: str, test: Path, beams: int, max_repeats: int | None) -> dict[str, Any]:
    """Let a finished run translate every row and compare with what was wanted.

    Through `predict`, whose beams can be chosen: those of the run belong to its evaluations, where they cost time.
    """
    from application.use_cases.predict import PredictRequest
    from domain.task import task_named
    from infrastructure.container import Container
    from infrastructure.data.text.loading import open_pairs, pair_fields
    from infrastructure.tasks.writing.metrics import bleu, exact_match

    started = time.perf_counter()
    request = PredictRequest(run=run, input_path=str(test), num_beams=beams, max_repeats=max_repeats)
    outputs = [str(answer["text"]) for answer in Container().predict().execute(request)]
    task = task_named("sequence_to_sequence")
    rows = open_pairs(str(test), task, *pair_fields(task, None, None))
    wanted = [str(rows.targets[row]) for row in range(len(rows))]
    return {
        "bleu": round(bleu(outputs, wanted), 2),
        "exact_match": round(100 * exact_match(outputs, wanted), 2),
        "num_rows": len(wanted),
        "beams": beams,
        "max_repeats": max_repeats,
        "score_seconds": round(time.perf_counter() - started, 1),
    }


def part_of(data: Path, name: str) -> Path:
    """Find the one file of a part, whatever it ends with."""
    found = [path for ending in ENDINGS for path in (data / f"{name}{ending}", data / f"{name}{ending}.gz")]
    found = [path for path in found if path.is_file()]
    if len(found) != 1:
        there = ", ".join(path.name for path in found) or "none"
        raise SystemExit(f"{data} must hold one {name} file such as {name}.jsonl.gz, but holds {there}.")
    return found[0]


if __name__ == "__main__":
    main()
