"""How long a scan takes: 10,000 functions of the standard library, first with nothing kept, then again.

    python benchmarks/scan.py [--run RUN] [--functions 10000] [--rounds 1]
    python benchmarks/scan.py --tree PATH [--run RUN] [--findings 20]

Each scan is a process of its own, from its start to its end. `first_seconds` are with an empty cache, `again_seconds`
with what the first has kept, of Bandit alone and, where a run is named, of Bandit and its model; `cpu_seconds` are
those of the processor of all processes, which a busy machine falsifies less. Medians over the rounds.

With `--tree` that tree is scanned, and the findings are printed as the rows of a table of Markdown, evenly spread over
all of them, to be looked at by hand.
"""

import argparse
import ast
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def main() -> None:
    """Scan and print what it takes, or what it finds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run")
    parser.add_argument("--functions", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--tree")
    parser.add_argument("--findings", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if options.tree is not None:
            _, report = scanned(Path(options.tree), options.run, Path(scratch, "cache"))
            print("\n".join(rows_of(report, options.findings)))
            return
        place = Path(scratch, "tree")
        number = copy_functions(place, options.functions)
        runs = {"bandit": None, **({"bandit_and_model": options.run} if options.run else {})}
        told = {name: timed(place, run, Path(scratch), options.rounds) for name, run in runs.items()}
    cores = len(os.sched_getaffinity(0))
    print(json.dumps({"functions": number, "cores": cores, "load": os.getloadavg()[0], **told}, indent=2))


def timed(place: Path, run: str | None, scratch: Path, rounds: int) -> dict[str, Any]:
    """Scan twice in each round, the first time with nothing kept."""
    taken: list[Mapping[str, float]] = []
    for _ in range(rounds):
        shutil.rmtree(scratch / "cache", ignore_errors=True)
        first, report = scanned(place, run, scratch / "cache")
        again, _ = scanned(place, run, scratch / "cache")
        names = {f"first_{name}": value for name, value in first.items()}
        taken.append({**names, **{f"again_{name}": value for name, value in again.items()}})
    medians = {name: round(statistics.median(one[name] for one in taken), 2) for name in taken[0]}
    facts = {name: report[name] for name in ("num_files", "num_pieces", "num_unsure")}
    return {**medians, **facts, "findings": len(report["findings"])}


def scanned(place: Path, run: str | None, cache: Path) -> tuple[dict[str, float], dict[str, Any]]:
    """Scan a tree in a process of its own; gives what it took and what it found."""
    words = ["scan", str(place), "--format", "json", *(["--run", run] if run else [])]
    environment = {**os.environ, "ATHANOR_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "presentation.cli", *words]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu_seconds": processor}, json.loads(done.stdout)


def copy_functions(place: Path, most: int) -> int:
    """Copy modules of the standard library, tests included, until they hold so many functions; gives their number."""
    root = Path(sysconfig.get_paths()["stdlib"])
    number = 0
    for path in sorted(root.rglob("*.py")):
        within = path.relative_to(root)
        if {"site-packages", "dist-packages", "lib2to3"} & set(within.parts) or number >= most:
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, ValueError):
            continue
        number += sum(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(tree))
        (place / within).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place / within)
    return number


def rows_of(report: Mapping[str, Any], most: int) -> Sequence[str]:
    """Write findings that are spread evenly over all as rows of a table, the judgement left open."""
    findings = report["findings"]
    spread = [findings[at * len(findings) // most] for at in range(most)] if len(findings) > most else findings
    rows = ["| place | rule | severity | found by | right? | why |", "|---|---|---|---|---|---|"]
    for finding in spread:
        place = f"`{finding['path']}:{finding['first_line']}`"
        by = finding["found_by"] + (f" {finding['score']:.2f}" if finding["score"] is not None else "")
        rows.append(f"| {place} | {finding['rule']} | {finding['severity']} | {by} | | |")
    summary = f"{len(findings):,} findings in {report['num_files']:,} files, {report['num_pieces']:,} pieces"
    return [f"{summary}, {report['seconds']:.1f} s", "", *rows]


if __name__ == "__main__":
    main()
