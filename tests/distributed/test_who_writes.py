"""Of several ranks the first alone writes into the run directory."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.support.command_line import athanor
from tests.support.ranks import in_ranks

ROWS = [
    {"text": f"{word} number {n}", "label": label} for n in range(12) for word, label in (("yes", "a"), ("no", "b"))
]
TINY = ("--task", "text_classification", "--model", "encoder-tiny", "--set", "vocab_size=300", "--precision", "fp32")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree")


def touched(rows: str, run: str) -> Any:
    """Train, and list what of the run directory this rank has opened to write, made, renamed or removed."""
    found = set()

    def hear(event: str, given: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(given[2], int) and given[2] & WRITES
        paths = [str(part) for part in given if isinstance(part, str | os.PathLike)]
        if (writes or event in CHANGES) and any(path.startswith(run) for path in paths):
            found.add(f"{event} {os.path.relpath(next(path for path in paths if path.startswith(run)), run)}")

    sys.addaudithook(hear)
    answer = athanor(
        *("train", "--dataset", rows, *TINY, "--epochs", "1", "--batch-size", "8", "--output", run),
        *("--set", "save_steps=1"),
    )
    assert answer.exit_code == 0, answer.stderr
    return sorted(found)


def test_the_first_rank_alone_writes(tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps(ROWS))
    first, second = in_ranks(2, touched, tmp_path / "answers", rows=str(rows), run=str(tmp_path / "run"))
    assert {"open", "os.mkdir", "os.rename"} <= {each.split()[0] for each in first}
    assert second == []
