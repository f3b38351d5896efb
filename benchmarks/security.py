"""How hard severity is to see in source code: shipped data and SVEN, each beside its baselines.

    python benchmarks/security.py [--json]

SVEN's own split leaks: rows whose commit is also in training are scored apart from the others (see the note on the
shared data). Needs the shared data for SVEN; the shipped data is scored without it.
"""

import argparse
import gzip
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
SVEN = Path(os.environ.get("ATHANOR_SHARED", ROOT.parent / "shared")) / "data/security/sven"


def main() -> None:
    """Train on both, print macro F1 and accuracy beside the baselines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result: dict[str, Any] = {"shipped": shipped()}
    if SVEN.is_dir():
        result["sven"] = sven()
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))


def shipped() -> dict[str, Any]:
    """Score held-out families of data/security.json."""
    from benchmarks.ag_news import athanor

    with tempfile.TemporaryDirectory() as scratch:
        return _scores(athanor("train", "--task", "security_classification", "--output", f"{scratch}/run", "--json"))


def sven() -> dict[str, Any]:
    """Score SVEN's validation part: all of it, and the rows from commits that training has not seen."""
    from benchmarks.ag_news import athanor

    with tempfile.TemporaryDirectory() as scratch:
        trained = athanor(
            "train", "--task", "security_classification", "--dataset", SVEN / "train.jsonl.gz",
            "--set", "text_field=code_stripped", "--set", f"eval_dataset={SVEN / 'val.jsonl.gz'}",
            "--output", f"{scratch}/run", "--json",
        )  # fmt: skip
        with gzip.open(SVEN / "val.jsonl.gz", "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        scores = _scores(trained)
        for name, seen in (("commit_in_train", True), ("commit_not_in_train", False)):
            part = Path(scratch) / f"{name}.json"
            part.write_text(json.dumps([row for row in rows if row["commit_in_train"] == seen]), encoding="utf-8")
            answer = athanor("evaluate", f"{scratch}/run", "--dataset", part, "--json")
            kept = ("macro_f1", "accuracy", "tpr", "fpr", "youden_j", "auc", "majority_macro_f1")
            scores[name] = {"num_rows": answer["num_rows"], **{key: answer["metrics"][key] for key in kept}}
    return scores


def _scores(response: dict[str, Any]) -> dict[str, Any]:
    metrics = response["final_metrics"]
    kept = ("macro_f1", "accuracy", "tpr", "fpr", "youden_j", "auc")
    rows = {"train_rows": response["num_train_rows"], "eval_rows": response["num_eval_rows"]}
    return {**rows, **{name: metrics[name] for name in kept}, **response["baselines"]}


if __name__ == "__main__":
    main()
