"""Runs a part of benchmarks/faults.py in a process of its own: a fork must not inherit the threads of other tests."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Attacks:
    """What came of the cases, as the program wrote it."""

    exit_code: int
    results: Sequence[dict[str, str]]
    stdout: str
    stderr: str

    def of(self, section: str) -> list[dict[str, str]]:
        """Give the cases of a section."""
        return [result for result in self.results if result["section"] == section]

    def failures(self, section: str) -> list[str]:
        """Say what went wrong in a section, each with the command that repeats it."""
        return [f"{r['group']}, {r['name']}: {r['fault']}\n{r['repeat']}" for r in self.of(section) if r["fault"]]


def attack(scratch: Path, *words: str) -> Attacks:
    """Call the program with these words, to its end."""
    report = scratch / "report.json"
    command = [sys.executable, "benchmarks/faults.py", "--json", str(report), "--scratch", str(scratch), *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert report.exists(), done.stderr
    return Attacks(done.returncode, json.loads(report.read_text())["results"], done.stdout, done.stderr)
