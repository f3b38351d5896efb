"""What a person is told is harmless on any terminal, and what a signal ends says one sentence and its exit code."""

import ast
import io
import json
import logging
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from application.answers import Answers, json_line
from domain.events import CheckpointSaved, RunFinished, RunOpened, RunStarted, Warned
from domain.runs import RunFacts
from presentation.cli import saying
from presentation.cli.interrupting import Interrupted
from presentation.cli.run_tables import write_runs
from presentation.cli.watching import ConsoleMonitor, watched

ROOT = Path(__file__).resolve().parents[2]
ATTACK = "\x1b]0;owned\x07\x9b31m\u202e[red]:smile:"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_but_one_file_writes_to_the_streams() -> None:
    """The start of the command line aside, which also speaks where what `saying` imports is hidden."""
    for path in (ROOT / "presentation").rglob("*.py"):
        if path.name in ("saying.py", "__main__.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            said = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert said not in ("print", "click.echo", "Console", "sys.stdout.write", "sys.stderr.write"), path


@pytest.mark.parametrize("told", ["say", "say_json", "say_piece", "say_data", "say_error", "warn"])
def test_no_sentence_reaches_a_terminal_with_what_it_obeys(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    out, err = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    getattr(saying, told)(f"{ATTACK}é")
    written = out.getvalue() + err.getvalue()
    assert not set(written) & set("\x1b\x07\x9b\u202e")
    assert "é" in written


def test_tables_and_events_show_names_as_they_are_and_obey_none(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setenv("COLUMNS", "300")
    write_runs(
        [RunFacts(ATTACK, ATTACK, "stopped", task=ATTACK, data=ATTACK, stop_reason="[/]")], "runs", are_some=False
    )
    ConsoleMonitor(saying.error_screen()).notify(Warned(ATTACK))
    for written in (out.getvalue(), err.getvalue()):
        assert not set(written) & set("\x1b\x07\x9b\u202e")
        assert "[red]:smile:" in written


def test_data_is_unchanged_for_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    saying.say_data("\x9ba,b")
    assert out.getvalue() == "\x9ba,b\n"


def test_a_stream_that_cannot_encode_gets_json_that_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    saying.prepare_streams()
    saying.say_json({"größer": "😀\ud800"})
    saying.say("größer 語")
    line, text = raw.getvalue().decode("ascii").splitlines()
    assert json.loads(line) == {"größer": "😀\ud800"}
    assert text == r"gr\u00f6\u00dfer \u8a9e"


@pytest.mark.parametrize(("rank", "is_told"), [(0, True), (1, False)])
def test_what_a_library_warns_of_is_told_by_the_first_process_alone(
    rank: int, is_told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_RANK": rank}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(logging.root.manager, "disable", logging.NOTSET)
    library = logging.Logger("some library", logging.WARNING)
    library.manager = logging.root.manager
    with warnings.catch_warnings(record=True) as seen:
        saying.prepare_streams()
        warnings.warn("attention", stacklevel=1)
    assert library.isEnabledFor(logging.WARNING) is is_told
    assert len(seen) == is_told


def test_a_terminal_that_is_gone_neither_raises_nor_stops_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(sys, "stderr", Gone())
    saying.say_error("nobody hears")
    with watched() as monitor:
        monitor.notify(Warned("nobody hears"))
        monitor.notify(RunStarted("one", "", "cpu", "fp32", 1, 1, 1, 8, 2))
        monitor.receive(signal.SIGHUP, None)
        assert monitor.stop_requested() == "SIGHUP"


class TestAnswers:
    def test_spell_out_in_json_what_a_terminal_obeys(self) -> None:
        line = json_line({"label": ATTACK})
        assert line.isprintable()
        assert json.loads(line) == {"label": ATTACK}

    def test_for_spreadsheets_hold_no_formula_and_the_same_numbers(self) -> None:
        row: dict[str, Any] = {"=1+1": "@SUM(A1)", "b": -1.5, "c": "+1", "d": "\tx", "e": "-x", "f": "\rx", "g": "a=1"}
        header, cells = Answers([row], is_table=True).for_spreadsheets().csv_lines()
        assert header.startswith("'=1+1,b,c")
        assert cells == "'@SUM(A1),-1.5,'+1,'\tx,'-x,\"'\rx\",a=1"


class TestSignals:
    @pytest.mark.parametrize(
        ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=str
    )
    def test_that_come_twice_tell_what_is_saved_and_give_their_own_code(
        self, number: signal.Signals, code: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def run() -> None:
            with watched() as monitor:
                monitor.notify(RunOpened("runs/one", "step-00000002"))
                monitor.notify(RunStarted("one", "", "cpu", "fp32", 1, 1, 1, 8, 2))
                monitor.notify(CheckpointSaved(4, "step-00000004", 1))
                signal.raise_signal(number)
                assert monitor.stop_requested() == number.name
                signal.raise_signal(number)

        with pytest.raises(Interrupted) as caught:
            run()
        assert caught.value.exit_code == code
        assert f"{number.name}: " in caught.value.message
        assert "step-00000004 is the newest checkpoint" in caught.value.message
        assert "athanor resume runs/one" in caught.value.message
        assert "once more to quit" in capsys.readouterr().err

    def test_tell_before_the_first_checkpoint_that_there_is_none(self) -> None:
        monitor = ConsoleMonitor(saying.error_screen())
        assert monitor.saved() == "interrupted before anything was saved."
        monitor.notify(RunOpened("runs/one", ""))
        assert "no checkpoint is saved yet" in monitor.saved()

    def test_behind_the_end_of_training_promise_no_saving(self, capsys: pytest.CaptureFixture[str]) -> None:
        with watched() as monitor:
            monitor.notify(RunFinished(4, "completed", 1.0))
            signal.raise_signal(signal.SIGTERM)
        assert "its report follows" in capsys.readouterr().err

    def test_that_are_ignored_stay_ignored(self) -> None:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            with watched() as monitor:
                monitor.notify(RunStarted("one", "", "cpu", "fp32", 1, 1, 1, 8, 2))
                signal.raise_signal(signal.SIGHUP)
                assert monitor.stop_requested() == ""
        finally:
            signal.signal(signal.SIGHUP, before)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=str)
    @pytest.mark.parametrize("place", ["import", "command"])
    def test_before_a_run_begins_end_it_with_one_sentence(
        self, tmp_path: Path, number: signal.Signals, place: str
    ) -> None:
        """The signal is raised while a library is loaded, and while a command works."""
        blow = f"import signal; signal.raise_signal({int(number)})\n"
        if place == "import":
            (tmp_path / "click.py").write_text(blow)
        program = "from presentation.cli.__main__ import main; main()"
        if place == "command":
            program = (
                "import presentation.cli.command_line as line, signal\n"
                f"line.cli = lambda **_: signal.raise_signal({int(number)})\n{program}"
            )
        done = subprocess.run(
            [sys.executable, "-c", program, "--help"],
            env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 128 + number
        assert done.stderr == f"error: {number.name}: interrupted before anything was saved.\n"
