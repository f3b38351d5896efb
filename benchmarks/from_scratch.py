"""The default of `train --task text_classification` beside the bag of words of its report, on the same rows.

    python benchmarks/from_scratch.py [--sets ag_50 ag_200 ...] [--seeds 1 2 3] [--output FILE.jsonl]

Of each set and seed: rows are drawn, a model is trained through the command line as a user would, and both are scored
on rows that neither has seen. Each measurement is a line of the file; what stands there is not measured again. Sets of
AG News need the shared data and are scored on its test file.
"""

import argparse
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
AG_NEWS = Path(os.environ.get("ATHANOR_SHARED", ROOT.parent / "shared")) / "data/classification/ag_news"
SHIPPED = ROOT / "data/classification.json"
TEST_SHARE = 0.3

Rows = list[dict[str, Any]]
Parts = tuple[Rows, Rows]


def ag_news(per_class: int | None, seed: int) -> Parts:
    """Draw rows of each class, None for all; the test part is the whole file."""
    train, test = (_lines(AG_NEWS / f"{part}.jsonl.gz") for part in ("train", "test"))
    random.Random(seed).shuffle(train)
    counts: dict[Any, int] = {}
    taken = []
    for row in train:
        counts[row["label"]] = counts.get(row["label"], 0) + 1
        if per_class is None or counts[row["label"]] <= per_class:
            taken.append(row)
    return taken, test


def shipped(seed: int) -> Parts:
    """Set aside families of the shipped messages, as many of each label."""
    rows: Rows = json.loads(SHIPPED.read_text(encoding="utf-8"))
    families: dict[str, list[str]] = {}
    for row in rows:
        of_label = families.setdefault(row["label"], [])
        if row["family"] not in of_label:
            of_label.append(row["family"])
    drawn = random.Random(seed)
    aside = {name for known in families.values() for name in drawn.sample(known, round(len(known) * TEST_SHARE))}
    return [row for row in rows if row["family"] not in aside], [row for row in rows if row["family"] in aside]


def questions(seed: int) -> Parts:
    """Draw 130 questions of each of 72 intents to learn from, and 30 of each to score on, roughly."""
    from benchmarks.questions import questions as drawn

    rows = list(drawn(160, seed))
    num_train = len(rows) * 130 // 160
    return rows[:num_train], rows[num_train:]


SETS: Mapping[str, Callable[[int], Parts]] = {
    "ag_50": partial(ag_news, 50),
    "ag_200": partial(ag_news, 200),
    "ag_1000": partial(ag_news, 1_000),
    "ag_all": partial(ag_news, None),
    "shipped": shipped,
    "questions": questions,
}


def main() -> None:
    """Measure what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--output", type=Path, default=Path("from_scratch.jsonl"))
    options = parser.parse_args()
    options.output.touch()
    for name in options.sets:
        for seed in options.seeds:
            if not any((one["set"], one["seed"]) == (name, seed) for one in _lines(options.output)):
                with options.output.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(measured(name, seed)) + "\n")
    known = [one for one in _lines(options.output) if one["set"] in options.sets and one["seed"] in options.seeds]
    print("| set | rows | model | bag of words | the same, of all rows | seconds |\n|---|---|---|---|---|---|")
    for name in options.sets:
        of_set = [one for one in known if one["set"] == name]
        means = [_mean(of_set, key) for key in ("accuracy", "bow_accuracy", "bow_accuracy_of_all_rows")]
        print(f"| {name} | {of_set[0]['rows']} |", " | ".join(f"{mean:.4f}" for mean in means), end=" | ")
        print(f"{_mean(of_set, 'seconds'):.0f} |")


def measured(name: str, seed: int) -> dict[str, Any]:
    """Train and score once; the rival learns from the rows the model learns from, and once from all that were given."""
    train, test = SETS[name](seed)
    with tempfile.TemporaryDirectory() as scratch:
        paths = [Path(scratch) / f"{part}.jsonl" for part in ("train", "test")]
        for path, rows in zip(paths, (train, test), strict=True):
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        run = f"{scratch}/run"
        started = time.perf_counter()
        words = ("--task", "text_classification", "--dataset", paths[0], "--output", run, "--seed", seed, "--json")
        trained = _athanor("train", *words)
        seconds = time.perf_counter() - started
        scored = _athanor("evaluate", run, "--dataset", paths[1], "--json")
        learnt_from, all_rows = _bag_of_words(paths[0], test, seed)
    return {
        "set": name,
        "seed": seed,
        "rows": len(train),
        "accuracy": scored["metrics"]["accuracy"],
        "macro_f1": scored["metrics"]["macro_f1"],
        "bow_accuracy": learnt_from,
        "bow_accuracy_of_all_rows": all_rows,
        "best_step": trained["best_step"],
        "seconds": round(seconds, 1),
    }


def _bag_of_words(path: Path, test: Rows, seed: int) -> tuple[float, float]:
    import numpy as np

    from application.training_request import TrainModelRequest
    from infrastructure.tasks.labels.baselines import bag_of_words_confusion, bag_of_words_scores
    from infrastructure.tasks.registry import TaskData

    request = TrainModelRequest(task="text_classification", dataset_path=str(path), seed=seed).resolved()
    split: Any = TaskData().load(request)
    names = list(split.label_names)
    texts, labels = [row["text"] for row in test], np.array([names.index(str(row["label"])) for row in test])

    def accuracy(learnt: Sequence[str], known: Any) -> float:
        confusion = bag_of_words_confusion(learnt, known, texts, labels, names, seed=seed)
        return bag_of_words_scores(confusion)["bow_accuracy"]

    both = [*split.train_texts(), *split.eval_texts()]
    return (
        accuracy(split.train_texts(), split.train_labels()),
        accuracy(both, np.concatenate([split.train_labels(), split.eval_labels()])),
    )


def _athanor(*words: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "presentation.cli", *map(str, words)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _lines(path: Path) -> Rows:
    packed = path.suffix == ".gz"
    with gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _mean(measurements: Rows, key: str) -> float:
    return statistics.fmean(one[key] for one in measurements)


if __name__ == "__main__":
    main()
