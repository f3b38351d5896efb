"""What a run lives through: kills, bad and full disks, damage, signals, neighbours, changes, NaN, lost memory or ranks.

    python benchmarks/faults.py --kills 100 --writes all
    python benchmarks/faults.py --sections damage signals --tasks language_modeling
    python benchmarks/faults.py --peer hf

Children of one process that has imported everything train runs of a second, are attacked, go on, and are compared with
a run that nobody disturbed: every byte of `model/`, every metric that does not measure time, the summary. Progress goes
to standard error, the table to standard output. Exit status 1 when anything did not come out as it should. A case that
failed is listed with the command that repeats it.
"""

import argparse
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.fault_harness import peer  # noqa: E402
from benchmarks.fault_harness.cases import Case, Result, Skipped, failures_of, table_of, work_through  # noqa: E402
from benchmarks.fault_harness.jobs import tasks_named  # noqa: E402
from benchmarks.fault_harness.sections import SECTIONS, cases_of  # noqa: E402
from benchmarks.fault_harness.stage import Options, Stage  # noqa: E402

SECONDS_BETWEEN_LINES = 5.0


def main() -> None:
    """Attack, print the table, and exit with 1 when anything failed."""
    words = _words()
    options = Options(
        tasks=tasks_named(words.tasks),
        kills=1000 if words.case else words.kills,  # a case that is named may be any of all that there are
        writes=1 if words.case or words.writes == "all" else int(words.writes),
        all_refusals=words.all_refusals or bool(words.case),
        flips=words.flips,
        seed=words.seed,
    )
    os.chdir(ROOT)
    started = time.monotonic()
    scratch = Path(tempfile.mkdtemp(prefix="athanor-faults-", dir=words.scratch))
    stage = Stage(scratch / "stage")
    stage.warm_up(options.tasks)
    sections = [peer.SECTION] if words.peer else words.sections
    if words.case:
        sections = [words.case.partition("/")[0]]
    found = [part for section in sections for part in cases_of(section, stage, options)]
    skipped = [part for part in found if isinstance(part, Skipped)]
    cases = [part for part in found if isinstance(part, Case) and _wanted(part, words)]
    counts = Counter(case.section for case in cases)
    print(f"{len(cases)} cases: {', '.join(f'{name} {n}' for name, n in counts.items())}", file=sys.stderr)
    order = {case.title: number for number, case in enumerate(cases)}
    results = sorted(_watched(cases, scratch / "cases", words), key=lambda result: order[result.title])
    facts = machine_facts() | {"seconds": round(time.monotonic() - started), "cases": len(results)}
    report = {"machine": facts, "results": [{**asdict(r), "repeat": r.repeat} for r in results]}
    report["skipped"] = [asdict(part) for part in skipped]
    if words.json:
        Path(words.json).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(table_of(results, skipped))
    print(f"\n{sentence_of(facts, results)}")
    # What the peer does not live through is news and no failure of ours.
    if failures := failures_of([result for result in results if result.task != peer.THEIRS]):
        print(f"\n{failures}", file=sys.stderr if words.markdown else sys.stdout)
    if not words.keep:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(int(bool(failures) or not results))


def machine_facts() -> dict[str, object]:
    """Tell what the figures were made on."""
    import torch
    import transformers

    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def sentence_of(facts: dict[str, object], results: Sequence[Result]) -> str:
    """Say in one line what was tried, how much of it came out right, and on what."""
    tried = sum(result.tries for result in results)
    right = sum(result.tries for result in results if not result.fault)
    machine = ", ".join(f"{name} {facts[name]}" for name in ("cores", "system", "python", "torch", "transformers"))
    return f"{right} of {tried} as it should be, in {facts['seconds']} s ({machine})."


def _wanted(case: Case, words: argparse.Namespace) -> bool:
    return case.title == words.case if words.case else re.search(words.only, case.title) is not None


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sections", nargs="+", choices=list(SECTIONS), default=list(SECTIONS), metavar="NAME")
    parser.add_argument("--tasks", nargs="+", default=[], metavar="TASK", help="of the four with data of their own")
    parser.add_argument("--kills", type=int, default=10, help="random kills for each task")
    parser.add_argument("--writes", default="16", help="all, or every so many changes of the file system")
    parser.add_argument("--all-refusals", action="store_true", help="all eight refusals at every change: hours")
    parser.add_argument("--flips", type=int, default=2, help="flipped bits at random places of each file")
    parser.add_argument("--only", default="", metavar="REGEX", help="only cases whose title it finds")
    parser.add_argument("--case", default="", metavar="TITLE", help="this case alone, whatever else is said")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="cases at a time")
    parser.add_argument("--peer", choices=["hf"], help="attack transformers.Trainer and this beside each other instead")
    parser.add_argument("--json", metavar="FILE", help="keep every result there too")
    parser.add_argument("--markdown", action="store_true", help="standard output is the table alone, to be pasted")
    parser.add_argument("--scratch", metavar="DIR", help="where to work; default is the system's place")
    parser.add_argument("--keep", action="store_true", help="leave the folders of cases that failed")
    return parser.parse_args()


def _watched(cases: Sequence[Case], scratch: Path, words: argparse.Namespace) -> list[Result]:
    """Work through the cases and tell of it on standard error."""
    results: list[Result] = []
    began = last = time.monotonic()
    for result in work_through(cases, scratch, words.workers, words.keep):
        results.append(result)
        if result.fault:
            print(f"FAILED {result.title}: {result.fault}", file=sys.stderr)
        now = time.monotonic()
        if now - last > SECONDS_BETWEEN_LINES or len(results) == len(cases):
            last = now
            left = (now - began) / len(results) * (len(cases) - len(results))
            failed = sum(bool(r.fault) for r in results)
            print(f"{len(results)}/{len(cases)} cases, {failed} failed, about {left:.0f} s left", file=sys.stderr)
    return results


if __name__ == "__main__":
    main()
