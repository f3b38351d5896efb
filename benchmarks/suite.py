"""All benchmarks of speed and memory that need no GPU, one after the other, and one table of what they find.

    python benchmarks/suite.py [--rounds 5] [--quick] [--only NAME ...] [--nanogpt DIR] [--peer PYTHON] [--output DIR]

`make bench` runs it. The table is written to DIR (build/bench) as table.md and table.json after each benchmark, so that
what was measured stays when it is stopped; a benchmark that fails, or lacks what it compares with, has a row that says
so. --nanogpt and --peer name what benchmarks/language_model.py and benchmarks/forecasting.py compare with. It ends with
1 if a benchmark failed; a ratio that is missed is told and no failure.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.sides import ROUNDS, Row, machine, table, versions_of  # noqa: E402 the path comes first

BENCHMARKS: Mapping[str, Sequence[str]] = {
    "throughput": (),
    "bert_sized": (),
    "seq2seq": (),
    "language_model": (),
    "forecasting": (),
    "overhead": (),
    "evaluation": (),
    "generation": (),
    "startup": (),
    "reading": ("--formats", "jsonl", "csv", "parquet", "table.csv"),
    "large_file": (),
    "scaling": (),
}
PEERS = ("accelerate", "peft", "scikit-learn")


def main() -> None:
    """Run what was asked for and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--quick", action="store_true", help="less of everything, to see that it works")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS), metavar="NAME")
    parser.add_argument("--nanogpt", metavar="DIR", help="a checkout of nanoGPT")
    parser.add_argument("--peer", metavar="PYTHON", help="a Python that has neuralforecast")
    parser.add_argument("--output", type=Path, default=ROOT / "build/bench", metavar="DIR")
    options = parser.parse_args()
    told = {"language_model": ("--nanogpt", options.nanogpt), "forecasting": ("--peer", options.peer)}
    facts = facts_of(options)
    rows: list[Row] = []
    failed = []
    for name in options.only:
        words = ["--rounds", str(options.rounds), *(["--quick"] if options.quick else []), *BENCHMARKS[name]]
        if name in told and told[name][1]:
            words += told[name]
        found = ran(name, words)
        failed += [name] if found is None else []
        command = f"python benchmarks/{name}.py"
        rows += found or [Row(name, "", note="failed: see above", command=command)]
        write(options.output, rows, facts)
    print((options.output / "table.md").read_text(encoding="utf-8"))
    sys.exit(1 if failed else 0)


def ran(name: str, words: Sequence[str]) -> list[Row] | None:
    """Run one benchmark and give its rows; None if it failed, which it has told on standard error."""
    print(f"{name}:", file=sys.stderr, flush=True)
    command = [sys.executable, str(ROOT / f"benchmarks/{name}.py"), *words, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    if done.returncode:
        return None
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    return [Row(**{**row, "ratios": tuple(row["ratios"])}) for row in answer["rows"]]


def facts_of(options: argparse.Namespace) -> dict[str, Any]:
    """Give what the table must say of the machine, the commit and those that stand beside us."""
    import torch

    from infrastructure.training.precision import probe

    speeds = probe(torch.device("cpu"), ("fp32", "bf16"))
    described = ["git", "describe", "--always", "--dirty"]
    facts = {
        "commit": subprocess.run(described, cwd=ROOT, capture_output=True, text=True).stdout.strip(),
        **machine(),
        **{f"products in {name}": f"{speed:.0f} GFLOP/s" for name, speed in speeds.items()},
        **versions_of(PEERS),
    }
    if options.nanogpt:
        asked = ["git", "-C", options.nanogpt, "rev-parse", "--short", "HEAD"]
        facts["nanoGPT"] = subprocess.run(asked, capture_output=True, text=True).stdout.strip() or "unknown"
    if options.peer:
        told = "from importlib.metadata import version as v; print(v('neuralforecast'), 'with torch', v('torch'))"
        facts["neuralforecast"] = subprocess.run(
            [options.peer, "-c", told], capture_output=True, text=True
        ).stdout.strip()  # fmt: skip
    return facts


def write(output: Path, rows: Sequence[Row], facts: Mapping[str, Any]) -> None:
    """Write the table as it is so far, for people and for programs."""
    output.mkdir(parents=True, exist_ok=True)
    lines = [f"- {name}: {value}" for name, value in facts.items()]
    content = "# Benchmarks\n\n" + "\n".join(lines) + "\n\n" + table(rows) + "\n"
    (output / "table.md").write_text(content, encoding="utf-8")
    told = {"machine": facts, "rows": [vars(row) for row in rows]}
    (output / "table.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
