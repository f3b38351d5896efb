"""Whether the tests of HumanEval and MBPP tell right programs from wrong ones when they run as `--run-tests` runs them.

    python benchmarks/code_tests.py FILE.jsonl ... [--at-once 2]

Each file has rows with tests and a reference in `code` (or `canonical_solution`). Every reference must pass its tests,
and neither an empty answer nor the reference of the next row may. Prints one JSON object a file.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from domain.program_tests import PASSED, Limits
from domain.reading import AS_FOUND
from domain.task import task_named
from infrastructure.data.sources.fields import sought
from infrastructure.data.sources.inputs import read_inputs
from infrastructure.data.sources.problems import Problem, read_problems
from infrastructure.sandbox.programs import processors, run_programs
from infrastructure.tasks.writing.programs import program_of

REFERENCES = ("code", "canonical_solution")


def main() -> None:
    """Print what became of the references and of wrong answers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--at-once", type=int, default=processors())
    options = parser.parse_args()
    for path in options.files:
        problems, references = rows_of(path)
        began = time.monotonic()
        right = outcomes(problems, references, options.at_once)
        seconds = time.monotonic() - began
        found = {
            "file": path.name,
            "rows": len(problems),
            "references": right,
            "seconds": round(seconds, 1),
            "of the next row": outcomes(problems, [*references[1:], references[0]], options.at_once),
            "empty": outcomes(problems, [""] * len(problems), options.at_once),
        }
        print(json.dumps(found), flush=True)


def rows_of(path: Path) -> tuple[list[Problem], list[str]]:
    """Read problems and their references."""
    text = sought("source", (*task_named("code_generation").text_fields, "text"))
    problems = read_problems(path, AS_FOUND, lambda source: read_inputs(source, text))
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return problems, [next(row[name] for name in REFERENCES if name in row) for row in rows]


def outcomes(problems: Sequence[Problem], answers: Sequence[str], at_once: int) -> dict[str, int]:
    """Count what becomes of answers, those that passed first."""
    programs = [program_of(problem, answer) for problem, answer in zip(problems, answers, strict=True)]
    counts = Counter(verdict.outcome for verdict in run_programs(programs, Limits(), at_once))
    return {PASSED: counts[PASSED], **counts}


if __name__ == "__main__":
    main()
