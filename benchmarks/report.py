"""Seconds and bytes of the page of a classifier, by rows and classes.

    python benchmarks/report.py [--rounds 3] [--cases 7600x4 1000000x4 10000x77]

Builds a page of made-up answers, each in a process of its own, from the scores of the model on: what becomes of each
row, the sections, and the file. Scoring the rows is not counted, nor the imports, which a run has behind it by then.
Says for each case which limit it must keep, and ends with 1 when one is not kept.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
CASES = ("7600x4", "1000000x4", "10000x77")
MAX_MB = 3.0
MAX_SECONDS = {"7600x4": 2.0}  # as many as the test rows of AG News
MAX_SECONDS_ELSE = 10.0
WORDS = ("stocks", "fall", "as", "oil", "prices", "climb", "in", "early", "trade", "while", "<b>markets</b>", "wait")


def main() -> None:
    """Print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", nargs="*", default=list(CASES), help="rows and classes, such as 7600x4")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(built(*map(int, options.one.split("x")))))
        return
    kept = True
    for case in options.cases:
        rounds = [_measured(case) for _ in range(options.rounds)]
        seconds = statistics.median(found["seconds"] for found in rounds)
        limit, mb = MAX_SECONDS.get(case, MAX_SECONDS_ELSE), rounds[0]["bytes"] / 1e6
        kept = kept and seconds < limit and mb < MAX_MB
        print(f"{case:>12}  {seconds:5.2f} s of {limit:g}  {mb:5.2f} MB of {MAX_MB:g}  peak {rounds[0]['mib']:.0f} MiB")
    sys.exit(0 if kept else 1)


def built(num_rows: int, num_classes: int) -> Mapping[str, float]:
    """Build the page of made-up answers once: its `seconds`, its `bytes`, and the peak memory of that in `mib`."""
    import resource

    from infrastructure.reports.page.blocks import Page
    from infrastructure.reports.page.html import write_page
    from infrastructure.tasks.labels.page.answered import Answered, RowNames
    from infrastructure.tasks.labels.page.sections import label_sections
    from infrastructure.tasks.labels.scoring import LabelScoring, outcome_columns

    names = tuple(f"class {number}" for number in range(num_classes))
    logits, labels = answers(num_rows, num_classes)
    metrics = LabelScoring(names).metrics(logits, labels)
    lengths = np.random.default_rng(1).integers(5, 129, num_rows)
    rows = RowNames(
        lambda row: f"rows.csv:{row + 2}",
        num_rows,
        text=text,
        lengths=lengths,
        was_cut=lengths == 128,
        max_length=128,
    )
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "report.html"
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        outcomes = {"logits": logits, "labels": labels}
        outcome_columns(outcomes, names)
        sections = label_sections(Answered.of(outcomes, names), rows, metrics)
        write_page(path, Page("a run", "Made up.", sections))
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"seconds": seconds, "bytes": path.stat().st_size, "mib": (peak - before) / 1024}


def answers(num_rows: int, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Make up logits [N, C] that are right in about nine of ten rows, and labels [N], three in a hundred wrong."""
    random = np.random.default_rng(0)
    labels = random.integers(0, num_classes, num_rows)
    logits = random.normal(0.0, 1.0, (num_rows, num_classes)).astype(np.float32)
    logits[np.arange(num_rows), labels] += random.normal(3.0 + np.log(num_classes) / 2, 1.5, num_rows)
    wrong = random.random(num_rows) < 0.03
    return logits, np.where(wrong, random.integers(0, num_classes, num_rows), labels)


def text(row: int) -> str:
    """Make up the text of a row, of 40 to 400 words."""
    random = np.random.default_rng(row)
    return " ".join(random.choice(WORDS, random.integers(40, 400)))


def _measured(case: str) -> Mapping[str, float]:
    command = [sys.executable, __file__, "--one", case]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    found: Mapping[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
