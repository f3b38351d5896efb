"""Accuracy on AG News with default settings, beside tf-idf with logistic regression on the same files.

    python benchmarks/ag_news.py [--seed 42] [--set KEY=VALUE] [--output DIR] [--json]

Trains through the command line as a user would, evaluates on the whole test file. Needs the shared data.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
DATA = Path(os.environ.get("ATHANOR_SHARED", ROOT.parent / "shared")) / "data/classification/ag_news"


def main() -> None:
    """Train, evaluate, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--set", action="append", default=[], help="a setting to try instead of its default")
    parser.add_argument("--output", help="keep the run here")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run = options.output or f"{scratch}/run"
        started = time.perf_counter()
        trained = athanor(
            "train", "--task", "text_classification", "--dataset", DATA / "train.jsonl.gz",
            "--output", run, "--seed", options.seed, "--json", *(f"--set={setting}" for setting in options.set),
        )  # fmt: skip
        seconds = time.perf_counter() - started
        scored = athanor("evaluate", run, "--dataset", DATA / "test.jsonl.gz", "--json")
    result = {
        "accuracy": scored["metrics"]["accuracy"],
        "macro_f1": scored["metrics"]["macro_f1"],
        "tfidf_accuracy": tfidf_accuracy(),
        "num_rows": scored["num_rows"],
        "train_seconds_whole_command": round(seconds, 1),
        "best_epoch": trained["best_epoch"],
        "seed": options.seed,
        "settings": options.set,
        "cores": os.cpu_count(),
    }
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))


def tfidf_accuracy() -> float:
    """Score the baseline that every report carries, trained on all training rows."""
    from application.training_request import TrainModelRequest
    from infrastructure.tasks.labels.baselines import bag_of_words_confusion, bag_of_words_scores
    from infrastructure.tasks.registry import TaskData

    train, test = (str(DATA / f"{part}.jsonl.gz") for part in ("train", "test"))
    request = TrainModelRequest(task="text_classification", dataset_path=train, eval_dataset=test).resolved()
    split: Any = TaskData().load(request)
    confusion = bag_of_words_confusion(
        split.train_texts(), split.train_labels(), split.eval_texts(), split.eval_labels(), split.label_names, seed=0
    )
    assert len(np.unique(split.eval_labels())) == len(split.label_names)
    return bag_of_words_scores(confusion)["bow_accuracy"]


def athanor(*words: object) -> dict[str, Any]:
    """Call the command line; gives its JSON."""
    command = [sys.executable, "-m", "presentation.cli", *map(str, words)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


if __name__ == "__main__":
    main()
