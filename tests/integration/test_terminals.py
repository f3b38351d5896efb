"""What the command line writes to a terminal, and when: in processes of their own, without a model."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import tiny

ROOT = Path(__file__).resolve().parents[2]
# A run as its events tell it, watched by the command line.
RUN = """
from domain.events import *
from presentation.cli.watching import watched
with watched("reading a.csv") as monitor:
    monitor.notify(PhaseStarted("tokenising", 100, "texts"))
    monitor.notify(PhaseAdvanced("tokenising", 40, 100, "texts"))
    monitor.notify(PhaseEnded("tokenising", 100, "texts", 0.1))
    monitor.notify(RunStarted("run", "text_classification", "cpu", "fp32", 1000, 2000, 60, 1000, 0, 100))
    monitor.notify(StepCompleted(450, 1000, 0, 0.5, 0.5, 1.0, 1e-3, 200.0, 20.0, 0))
"""
# Says at the first letter on standard error whether torch is loaded, and ends there.
FIRST = """
import json, os, sys
class First:
    def write(self, text):
        if text:
            os.write(1, json.dumps([text, "torch" in sys.modules]).encode())
            os._exit(0)
    def flush(self): pass
    def isatty(self): return False
sys.stderr = First()
sys.argv = ["athanor", *sys.argv[1:]]
from presentation.cli.__main__ import main
main()
"""


def on_a_terminal(program: str, **environment: str) -> str:
    """Give all that a program writes to a terminal of its own."""
    known = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "CI", "TERM", "COLUMNS")}
    main, terminal = pty.openpty()
    settings: Mapping[str, str] = {**known, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **environment}
    process = subprocess.Popen([sys.executable, "-c", program], stdout=terminal, stderr=terminal, env=settings)
    os.close(terminal)
    written = b""
    with suppress(OSError):  # Linux's way to say that the other side is closed
        while piece := os.read(main, 1 << 16):
            written += piece
    os.close(main)
    assert process.wait() == 0, written
    return written.decode()


def test_a_terminal_of_60_columns_shows_a_bar_the_time_left_and_the_loss() -> None:
    written = on_a_terminal(RUN, COLUMNS="60")
    lines = [line for line in written.replace("\r", "\n").split("\n") if "loss 0.500" in line]
    assert lines
    assert "━" in lines[-1]
    assert " left" in lines[-1]
    assert "lr 1.0e-03" not in lines[-1]


def test_a_terminal_is_left_with_its_cursor() -> None:
    written = on_a_terminal(RUN)
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") > 0


@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"CI": "true"}], ids=lambda plain: min(plain))
def test_a_terminal_that_wants_plain_text_gets_neither_escape_codes_nor_carriage_returns(plain: dict[str, str]) -> None:
    written = on_a_terminal(RUN, **plain).replace("\r\n", "\n")  # the terminal itself ends lines with both
    assert not set(written) & set("\x1b\r")
    assert "reading a.csv ..." in written
    assert "step 450/1,000" in written


@pytest.mark.parametrize("words", [["train", "--task", "text_classification", "--dataset"], ["resume"]])
def test_the_first_line_comes_before_torch_is_loaded(tmp_path: Path, words: list[str]) -> None:
    rows = tiny.file_of_rows(tmp_path / "letters.json", 8)
    done = subprocess.run(
        [sys.executable, "-c", FIRST, *words, str(rows)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    text, has_torch = json.loads(done.stdout)
    assert not has_torch
    assert "letters.json ..." in text
