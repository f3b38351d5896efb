"""Input that is refused, and what a refusal must be: exit code 2, a sentence, no traceback, nothing half-written."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.command_line import Answer


def written(path: Path, content: str | bytes | list[Any]) -> Path:
    """Write text, bytes, or rows as a JSON array."""
    if isinstance(content, list):
        content = json.dumps(content)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def lines(rows: list[Any]) -> str:
    """Spell rows as JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


@dataclass(frozen=True)
class Case:
    """A file to train on (or arguments), and words that the complaint must hold."""

    name: str
    make: Callable[[Path], list[object]]
    said: tuple[str, ...]


def assert_refused(answer: Answer, *said: str) -> None:
    """Hold that a call ended in sentences that say these words, and in nothing else."""
    assert answer.exit_code == 2, answer
    assert "Traceback" not in answer.stderr
    complaints = [line for line in answer.stderr.splitlines() if line.startswith("error: ")]
    assert complaints, answer
    for words in said:
        assert words in answer.stderr
    assert answer.stdout == ""


def everything_in(directory: Path) -> dict[str, int]:
    """Give every path below a directory with its size."""
    return {
        str(path.relative_to(directory)): path.stat().st_size
        for path in directory.rglob("*")
        if path.name != "run.lock"
    }
