"""Labels after filled gaps: what an encoder gains from texts without labels, beside training it from scratch.

    python benchmarks/masked_then_classified.py --state DIR [--device cuda] [--jobs 4] [--seeds 1 2 3] [--only NAME...]

Trains through the command line with default settings. AG News with 100, 1,000 and all training rows, and the shipped
security data, are labelled by a preset from scratch, by one that took as many steps as both trainings of the other way
together, and after `masked_language_modeling` on the texts of the same rows or on many more. Every cell of the table is
a run, kept in DIR: what is there already is not run again. Needs the shared data.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from gzip import open as unpacked
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
AG_NEWS = Path(os.environ.get("ATHANOR_SHARED", ROOT.parent / "shared")) / "data/classification/ag_news"
SIZES = ("100", "1000", "all")
WAYS = ("scratch", "as many steps", "own texts", "more texts", "bag of words")
MASKED_STEPS, ROWS_OF_A_STEP, EPOCHS = 1_500, 16, 8
SHIPPED = ("security", "security_validation")
TEST_SHARE = 0.25  # of the families of the security data


@dataclass(frozen=True)
class Cell:
    """One training from labels: its data, how it begins, and what was trained before it."""

    data: str
    way: str
    seed: int

    @property
    def name(self) -> str:
        """Name the run."""
        return f"{self.data}-{self.way.replace(' ', '-')}-{self.seed}"


def main() -> None:
    """Train what is not there yet, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--only", nargs="+", default=[*SIZES, "security"])
    options = parser.parse_args()
    bench = Bench(options.state, options.device)
    cells = [Cell(data, way, seed) for data in options.only for seed in options.seeds for way in WAYS]
    bench.prepare(options.seeds)
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(bench.fill, {bench.texts_of(cell): cell for cell in cells if bench.texts_of(cell)}.values()))
        list(pool.map(bench.label, cells))
    for line in table(cells, bench.scores()):
        print(line)


@dataclass(frozen=True)
class Bench:
    """Runs in a directory, with the lines of their scores."""

    state: Path
    device: str

    def prepare(self, seeds: Iterable[int]) -> None:
        """Write the rows of each data set: a part to learn from and one to be scored on."""
        self.state.mkdir(parents=True, exist_ok=True)
        for seed in seeds:
            rows = list(_lines(AG_NEWS / "train.jsonl.gz"))
            random.Random(seed).shuffle(rows)
            for size in ("100", "1000"):
                _write(self.rows(size, seed), _of_each_label(rows, int(size)))
            code = _handwritten()
            families = sorted({row["family"] for row in code})
            random.Random(seed).shuffle(families)
            held_out = {*families[: int(TEST_SHARE * len(families))]}
            _write(self.rows("security", seed), [row for row in code if row["family"] not in held_out])
            _write(self.test_rows("security", seed), [row for row in code if row["family"] in held_out])

    def rows(self, data: str, seed: int) -> Path:
        """Name the rows to learn from."""
        return AG_NEWS / "train.jsonl.gz" if data == "all" else self.state / f"{data}-{seed}.jsonl"

    def test_rows(self, data: str, seed: int) -> Path:
        """Name the rows to be scored on."""
        return self.state / f"security-test-{seed}.jsonl" if data == "security" else AG_NEWS / "test.jsonl.gz"

    def texts_of(self, cell: Cell) -> str:
        """Name what is read before the labels, nothing for a training from scratch."""
        if cell.way not in ("own texts", "more texts") or (cell.way == "own texts" and cell.data == "all"):
            return ""
        if cell.way == "own texts":
            return str(self.rows(cell.data, cell.seed))
        return f"stdlib of seed {cell.seed}" if cell.data == "security" else f"all of seed {cell.seed}"

    def filled(self, cell: Cell) -> Path:
        """Name the run that fills gaps of these texts."""
        if cell.way == "own texts":
            return self.state / f"filled-{cell.data}-{cell.seed}"
        return self.state / f"filled-{'stdlib' if cell.data == 'security' else 'all'}-{cell.seed}"

    def fill(self, cell: Cell) -> None:
        """Train the encoder to fill gaps, unless it is there."""
        run = self.filled(cell)
        if (run / "summary.json").exists():
            return
        texts = self.rows("all" if cell.way == "more texts" else cell.data, cell.seed)
        is_code = cell.data == "security"
        self.athanor(
            "train", "--task", "masked_language_modeling",
            "--dataset", "stdlib" if is_code and cell.way == "more texts" else texts,
            "--set", f"lowercase={json.dumps(not is_code)}", "--seed", cell.seed, "--output", run,
        )  # fmt: skip

    def label(self, cell: Cell) -> None:
        """Train on labels and score on the test rows, unless it was done."""
        if cell.name in self.scores() or (cell.data == "all" and cell.way == "own texts"):
            return
        run, rows, test = self.state / cell.name, self.rows(cell.data, cell.seed), self.test_rows(cell.data, cell.seed)
        task = "security_classification" if cell.data == "security" else "text_classification"
        if cell.way == "bag of words":
            self._keep(cell, bag_of_words(rows, test, task), 0.0)
            return
        words: list[object] = ["train", "--task", task, "--dataset", rows, "--seed", cell.seed, "--output", run]
        if cell.way == "as many steps":
            num_rows = sum(1 for _ in _lines(rows))
            words += ["--set", f"max_steps={MASKED_STEPS + EPOCHS * num_rows // ROWS_OF_A_STEP}"]
            words += ["--set", "early_stopping_patience=0"]
        elif cell.way != "scratch":
            words += ["--model", self.filled(cell) / "model"]
        trained = self.athanor(*words)
        scored = self.athanor("evaluate", run, "--dataset", test)
        metric = "macro_f1" if cell.data == "security" else "accuracy"
        self._keep(cell, scored["metrics"][metric], trained["training_time"])

    def _keep(self, cell: Cell, score: float, seconds: float) -> None:
        line = {"name": cell.name, "score": score, "seconds": round(seconds, 1)}
        with (self.state / "scores.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def scores(self) -> dict[str, float]:
        """Give what runs of before reached on their test rows, and bags of words."""
        path = self.state / "scores.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return {line["name"]: float(line["score"]) for line in map(json.loads, lines)}

    def athanor(self, *words: object) -> Mapping[str, Any]:
        """Call the command line; gives its JSON."""
        device = () if words[0] == "evaluate" else (f"--set=device={self.device}",)
        command = [sys.executable, "-m", "presentation.cli", *map(str, (*words, *device)), "--json"]
        done = subprocess.run(command, capture_output=True, check=False, text=True, cwd=ROOT)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr[-600:]}")
        answer: Mapping[str, Any] = json.loads(done.stdout)
        return answer


def bag_of_words(train: Path, test: Path, task: str) -> float:
    """Score tf-idf with logistic regression, as every report does, on the test rows."""
    from application.training_request import TrainModelRequest
    from infrastructure.tasks.labels.baselines import bag_of_words_confusion, bag_of_words_scores
    from infrastructure.tasks.registry import TaskData

    request = TrainModelRequest(task=task, dataset_path=str(train), eval_dataset=str(test)).resolved()
    split: Any = TaskData().load(request)
    confusion = bag_of_words_confusion(
        split.train_texts(), split.train_labels(), split.eval_texts(), split.eval_labels(), split.label_names, seed=0
    )
    scores = bag_of_words_scores(confusion)
    return scores["bow_macro_f1" if task == "security_classification" else "bow_accuracy"]


def table(cells: Sequence[Cell], scores: Mapping[str, float]) -> Iterable[str]:
    """Write mean, least and most over the seeds, a line for each data set."""
    yield f"| labelled rows | {' | '.join(WAYS)} |"
    yield f"|---|{'---|' * len(WAYS)}"
    for data in dict.fromkeys(cell.data for cell in cells):
        written = []
        for way in WAYS:
            found = [
                scores[cell.name] for cell in cells if (cell.data, cell.way) == (data, way) and cell.name in scores
            ]
            written.append(f"{statistics.mean(found):.3f} ({min(found):.3f} to {max(found):.3f})" if found else "-")
        yield f"| {data} | {' | '.join(written)} |"


def _handwritten() -> list[dict[str, Any]]:
    """Read the shipped functions of families that were written by hand."""
    from pyarrow import parquet

    columns = ["code", "label", "family"]
    tables = [parquet.read_table(ROOT / f"data/{name}.parquet", columns=columns) for name in SHIPPED]
    rows = [row for table in tables for row in table.to_pylist()]
    return [row for row in rows if not row["family"].startswith("composed/")]


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    with unpacked(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _of_each_label(rows: Sequence[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    labels = sorted({row["label"] for row in rows})
    return [row for label in labels for row in [r for r in rows if r["label"] == label][: count // len(labels)]]


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
