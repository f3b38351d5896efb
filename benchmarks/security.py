"""How well weak code is told from safe: held-out parts, real fixes, other people's samples, beside Bandit.

    python benchmarks/security.py [PART ...] [--run RUN] [--set NAME=VALUE] [--folds 5] [--json]

Parts: shipped, fixes, folds, transfer; all four unless named. Everything is trained through the command line as a user
would. J is Youden's, the share of weak code found less the share of safe code blamed.

- shipped: trains on the shipped data, scores its held-out parts. --run takes a run that is there instead.
- fixes: trains on SVEN's Python training functions, scores those of its validation part whose commit was not seen.
- folds: all of SVEN's Python functions, in folds of whole projects; each is scored by a model of the other folds.
- transfer: the model of shipped data alone on all of SVEN's Python functions and on SecurityEval.

"alone" models read code, "together" models read Bandit's findings too (--set findings=bandit), and "either" is what a
scan tells: whatever Bandit finds, or the model alone is sure of. Intervals come from 2,000 draws of whole projects. All
but the first need the shared data.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.ag_news import athanor  # noqa: E402
from infrastructure.scan.model import ScanModel  # noqa: E402
from infrastructure.scanners.known import scanner_named  # noqa: E402

SHARED = Path(os.environ.get("ATHANOR_SHARED", ROOT.parent / "shared")) / "data/security"
PARTS = ("shipped", "fixes", "folds", "transfer")
READERS = {"alone": (), "together": ("findings=bandit",)}
NUM_DRAWS = 2_000
MIN_SCORE = 0.7  # of athanor scan, unless said
Row = dict[str, Any]


def main() -> None:
    """Train and score what is asked for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--run", help="a run on shipped data, instead of training one")
    parser.add_argument("--set", action="append", default=[], help="a setting to try instead of its default")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result: dict[str, Any] = {"settings": options.set}
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(Path(scratch), options.set, options.run, options.folds)
        for part in options.parts or PARTS:
            if part not in PARTS:
                parser.error(f"{part} is none of {', '.join(PARTS)}")
            if part == "shipped":
                result[part] = place.trained_on_shipped("alone")[1]
            elif not SHARED.is_dir():
                print(f"{part} is left out: {SHARED} is missing; name the shared data with ATHANOR_SHARED.")
            else:
                result[part] = {"fixes": fixes, "folds": folds, "transfer": transfer}[part](place)
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))


@dataclass(frozen=True)
class Place:
    """Where runs are made, and with which settings."""

    scratch: Path
    settings: Sequence[str]
    run: str | None
    num_folds: int

    def train(self, name: str, settings: Sequence[str], rows: Sequence[Row] = ()) -> tuple[Path, Row]:
        """Train on rows, or on the shipped data where there are none."""
        run = self.scratch / f"run-{name}"
        data: list[Any] = []
        if rows:
            path = self.scratch / f"{name}.jsonl"
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            data = ["--dataset", path, "--set=text_field=code_stripped", "--set=group_field=project"]
        words = [f"--set={setting}" for setting in (*self.settings, *settings)]
        return run, athanor("train", "--task", "security_classification", *data, *words, "--output", run, "--json")

    def trained_on_shipped(self, reader: str) -> tuple[Path, Row]:
        """Give the run on shipped data that reads like this, and its scores."""
        if reader == "alone" and self.run is not None:
            run, told = Path(self.run), json.loads((Path(self.run) / "summary.json").read_text(encoding="utf-8"))
        elif (self.scratch / f"run-{reader}").is_dir():
            run = self.scratch / f"run-{reader}"
            told = json.loads((run / "summary.json").read_text(encoding="utf-8"))
        else:
            run, told = self.train(reader, READERS[reader])
        kept = {name: value for name, value in told["final_metrics"].items() if not isinstance(value, list)}
        rows = {"train_rows": told["num_train_rows"], "eval_rows": told["num_eval_rows"]}
        return run, {**rows, **kept, **told["baselines"]}

    def weakness(self, run: Path, rows: Sequence[Row]) -> np.ndarray:
        """Ask a run how weak rows are: probabilities [N]."""
        return _weakness(self.scores(run, rows))

    def scores(self, run: Path, rows: Sequence[Row]) -> list[dict[str, float]]:
        """Ask a run for the probabilities of labels."""
        field = json.loads((run / "model/athanor.json").read_text(encoding="utf-8"))["text_field"]
        asked = self.scratch / "asked.jsonl"
        asked.write_text("".join(json.dumps({field: row["code_stripped"]}) + "\n" for row in rows), encoding="utf-8")
        command = [sys.executable, "-m", "presentation.cli", "predict", str(run), "--input", str(asked)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        return [json.loads(line)["scores"] for line in done.stdout.splitlines()]


def fixes(place: Place) -> Row:
    """Score commits that were not seen in training."""
    train = [row for row in _sven("train") if row["language"] == "python"]
    judged = [row for row in _sven("val") if row["language"] == "python" and not row["commit_in_train"]]
    said = {"bandit": _flagged(judged)}
    for reader, settings in READERS.items():
        run, _ = place.train(f"fixes-{reader}", ("validation_split=0.1", *settings), train)
        said[reader] = place.weakness(run, judged)
    return _table(judged, said)


def folds(place: Place) -> Row:
    """Score each project by a model that was trained without it."""
    rows = [row for part in ("train", "val") for row in _sven(part) if row["language"] == "python"]
    fold = _folds(rows, place.num_folds)
    said = {"bandit": _flagged(rows)}
    for reader, settings in READERS.items():
        answers = np.zeros(len(rows))
        for number in range(place.num_folds):
            learnt = [row for row, of in zip(rows, fold, strict=True) if of != number]
            held = np.flatnonzero(fold == number)
            run, _ = place.train(f"fold-{number}-{reader}", ("validation_split=0.1", *settings), learnt)
            answers[held] = place.weakness(run, [rows[row] for row in held.tolist()])
        said[reader] = answers
    return _table(rows, said)


def transfer(place: Place) -> Row:
    """Judge other people's code by a model of shipped data alone."""
    rows = [row for part in ("train", "val") for row in _sven(part) if row["language"] == "python"]
    with (SHARED / "securityeval.jsonl").open(encoding="utf-8") as file:
        samples = [json.loads(line) for line in file]
    said = {"bandit": _flagged(rows)}
    is_safe = ~_weak(rows)
    blamed = float(said["bandit"][is_safe].mean())
    found = {"bandit": float(_flagged(samples).mean())}
    for reader in READERS:
        run, _ = place.trained_on_shipped(reader)
        answers = place.scores(run, rows)
        scores = said[reader] = _weakness(answers)
        if reader == "alone":
            # As `athanor scan` does: the finding of one is a finding.
            model = ScanModel.of(str(run), "cpu")
            is_told = np.array([model.score(answer) >= MIN_SCORE for answer in answers])
            said["either"] = np.maximum(said["bandit"], is_told)
        threshold = float(np.quantile(scores[is_safe], 1.0 - blamed))
        found[reader] = float((place.weakness(run, samples) > threshold).mean())
    return {"sven": _table(rows, said), "securityeval": {"safe_blamed_in_sven": blamed, "share_found": found}}


def _weakness(answers: Sequence[dict[str, float]]) -> np.ndarray:
    return np.array([1.0 - scores["safe"] for scores in answers])


def _table(rows: Sequence[Row], said: dict[str, np.ndarray]) -> Row:
    """Give J of each, from how weak each calls rows, and how much each gains on Bandit, with intervals of 95 %."""
    weak, projects = _weak(rows), np.array([row["project"] for row in rows])
    names, number = np.unique(projects, return_inverse=True)
    draws = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), NUM_DRAWS)
    weights = draws[:, number].astype(float)  # [D, N]
    flagged = {name: scores > 0.5 for name, scores in said.items()}
    drawn = {name: _youden(weights, weak, flags) for name, flags in flagged.items()}
    table: Row = {"num_rows": len(rows), "num_projects": len(names)}
    for name, flags in flagged.items():
        gain = drawn[name] - drawn["bandit"]
        table[name] = {
            "youden_j": float(_youden(np.ones((1, len(rows))), weak, flags)[0]),
            "tpr": float(flags[weak].mean()),
            "fpr": float(flags[~weak].mean()),
            "auc": float(roc_auc_score(weak, said[name])),
            "interval": np.nanquantile(drawn[name], [0.025, 0.975]).tolist(),
            "gain_on_bandit_interval": np.nanquantile(gain, [0.025, 0.975]).tolist(),
        }
    return table


def _youden(weights: np.ndarray, weak: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """Give J [D] with rows weighted by `weights` [D, N]."""
    found = (weights * (weak & flags)).sum(1) / (weights * weak).sum(1)
    blamed = (weights * (~weak & flags)).sum(1) / (weights * ~weak).sum(1)
    return np.asarray(found - blamed)


def _folds(rows: Sequence[Row], num_folds: int) -> np.ndarray:
    """Put whole projects into folds [N] of nearly equal size, the largest first."""
    names, counts = np.unique([row["project"] for row in rows], return_counts=True)
    size, fold_of = np.zeros(num_folds), {}
    for place in np.argsort(-counts, kind="stable"):
        fold_of[names[place]] = int(size.argmin())
        size[size.argmin()] += counts[place]
    return np.array([fold_of[row["project"]] for row in rows])


def _flagged(rows: Sequence[Row]) -> np.ndarray:
    scanner = scanner_named("bandit")
    return np.array([float(bool(scanner.examine(row["code_stripped"]).findings)) for row in rows])


def _weak(rows: Sequence[Row]) -> np.ndarray:
    return np.array([row["label"] != "safe" for row in rows])


def _sven(part: str) -> list[Row]:
    with gzip.open(SHARED / "sven" / f"{part}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


if __name__ == "__main__":
    main()
