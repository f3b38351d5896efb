"""What Bandit alone is worth as a judge of functions, and how much of a processor its answers take.

    python benchmarks/scanner_alone.py

A function is flagged where Bandit finds anything; what it cannot read counts as not flagged. "as it stands" is what
Bandit's own command reads of each function in a file: methods are indented and fragments broken off there, and no
Python. Otherwise Athanor has dedented, wrapped and mended them. SVEN's functions need the shared data.
"""

import ast
import gzip
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from domain.findings import Examination  # noqa: E402
from domain.task import task_named  # noqa: E402
from infrastructure.data.labels.loading import schema_of  # noqa: E402
from infrastructure.data.labels.rows import load_rows  # noqa: E402
from infrastructure.data.sources.shipped import located  # noqa: E402
from infrastructure.scanners.known import scanner_named  # noqa: E402
from infrastructure.tasks.labels.intervals import intervals_of_rates  # noqa: E402
from infrastructure.tasks.labels.metrics import rates_of  # noqa: E402

SVEN = Path(os.environ.get("ATHANOR_SHARED", ROOT.parent / "shared")) / "data/security/sven"
UNREADABLE = Examination(unreadable="It is no Python as it stands.")
Pairs = Sequence[tuple[str, bool]]
Ask = Callable[[str], Examination]


def main() -> None:
    """Print a row for each set of functions and each way to read it."""
    scanner = scanner_named("bandit")
    print(f"Bandit {scanner.version}\n")
    print("| functions | number | read | TPR | FPR | Youden's J (95 %) | functions in a second of a core |")
    print("|---|---|---|---|---|---|---|")

    def as_it_stands(code: str) -> Examination:
        return scanner.examine(code) if _parses(code) else UNREADABLE

    scanner.examine("x = 1")  # rules are loaded by now
    for name, pairs in _sets():
        for how, ask in (("", scanner.examine), (", as it stands", as_it_stands)):
            print(_line(f"{name}{how}", pairs, ask), flush=True)


def _sets() -> Iterator[tuple[str, Pairs]]:
    """Give the functions of each set, and whether they are weak."""
    task = task_named("security_classification")
    shipped = load_rows(located(str(task.default_eval_dataset), task), schema_of(task, None, None, None))
    is_weak = np.array([name != task.negative_label for name in shipped.label_names])[shipped.labels].tolist()
    yield "shipped, validation", list(zip(shipped.texts, is_weak, strict=True))
    for part in ("train", "val"):
        path = SVEN / f"{part}.jsonl.gz"
        if not path.is_file():
            print(f"SVEN {part} is left out: {path} is missing; name the shared data with ATHANOR_SHARED.")
            continue
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows = [row for row in map(json.loads, lines) if row["language"] == "python"]
        yield f"SVEN, {part}, Python", [(row["code"], row["label"] != "safe") for row in rows]


def _line(name: str, pairs: Pairs, ask: Ask) -> str:
    began = time.process_time()
    said = [ask(code) for code, _ in pairs]
    seconds = time.process_time() - began
    confusion = np.zeros((2, 2), dtype=np.int64)
    for (_, is_weak), examination in zip(pairs, said, strict=True):
        confusion[int(is_weak), int(bool(examination.findings))] += 1
    rates, (low, high) = rates_of(confusion, 0), intervals_of_rates(confusion, 0)["youden_j"]
    read = sum(not examination.unreadable for examination in said)
    scores = f"{rates['tpr']:.3f} | {rates['fpr']:.3f} | {rates['youden_j']:+.3f} ({low:+.2f} to {high:+.2f})"
    return f"| {name} | {len(pairs):,} | {read:,} | {scores} | {len(pairs) / seconds:,.0f} |"


def _parses(code: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


if __name__ == "__main__":
    main()
