"""Whoever deletes is asked, sees what goes, and hears how many bytes are free again."""

import io
import json
from pathlib import Path

import pytest

from tests.support.command_line import Answer, athanor
from tests.support.run_directories import add_checkpoint, run_at


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        add_checkpoint(run_at(tmp_path / "runs" / name))
    return tmp_path / "runs"


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, typed: str, *words: object) -> Answer:
    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(io, "TextIOWrapper", Terminal)
    return athanor(*words, stdin=typed.encode())


@pytest.mark.parametrize(
    ("typed", "goes"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_a_run_goes_when_the_answer_is_yes(runs: Path, monkeypatch: pytest.MonkeyPatch, typed: str, goes: bool) -> None:
    answer = at_a_terminal(monkeypatch, typed, "runs", "delete", "one", "--root", runs)
    assert f"{runs / 'one'}: finished, 2026-03-01" in answer.stderr
    assert "Delete 1 run, " in answer.stderr
    assert (answer.exit_code, (runs / "one").exists()) == (int(not goes), not goes)
    assert answer.stdout.startswith("deleted 1 run, " if goes else "nothing was deleted")


def test_nobody_to_ask_is_a_refusal_and_yes_needs_nobody(runs: Path) -> None:
    for command in (("delete", "one"), ("clean",)):
        answer = athanor("runs", *command, "--root", runs)
        assert (answer.exit_code, "Say --yes" in answer.stderr) == (2, True)
    assert (runs / "one" / "checkpoints").exists()
    answer = athanor("runs", "delete", runs / "one", runs / "two", "--yes", "--json")
    told = json.loads(answer.stdout)
    assert (answer.exit_code, [run["run_id"] for run in told["deleted"]]) == (0, ["one", "two"])
    assert told["num_bytes"] == sum(run["size_bytes"] for run in told["deleted"]) > 2_000
    assert list(runs.iterdir()) == []


def test_all_that_may_not_go_is_told_and_nothing_goes(runs: Path) -> None:
    (runs / "two" / "notes.txt").write_text("x")
    answer = athanor("runs", "delete", "one", "two", "three", "--root", runs, "--yes")
    assert (answer.exit_code, "three holds no run" in answer.stderr) == (2, True)
    answer = athanor("runs", "delete", "one", "two", "--root", runs, "--yes")
    assert (answer.exit_code, "also holds notes.txt" in answer.stderr, (runs / "one").exists()) == (2, True, True)


def test_cleaning_says_bytes_before_and_after(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dry = athanor("runs", "clean", "--root", runs, "--dry-run")
    assert dry.stdout.splitlines()[-1] == "2.0 kB (2,000 bytes) could go; nothing was removed"
    assert json.loads(athanor("runs", "clean", "--root", runs, "--dry-run", "--json").stdout)["num_bytes"] == 2_000
    declined = at_a_terminal(monkeypatch, "n\n", "runs", "clean", "--root", runs)
    assert (declined.exit_code, "nothing was removed" in declined.stdout) == (1, True)
    done = athanor("runs", "clean", "one", "--root", runs, "--yes")
    assert (done.exit_code, done.stdout) == (0, "freed 1.0 kB (1,000 bytes)\n")
    assert json.loads(athanor("runs", "clean", "--root", runs, "--yes", "--json").stdout)["num_bytes"] == 1_000
    assert "nothing to remove" in athanor("runs", "clean", "--root", runs, "--yes").stdout


def test_a_directory_that_is_missing_is_an_error(tmp_path: Path) -> None:
    answer = athanor("runs", "clean", "--root", tmp_path / "nowhere", "--yes")
    assert (answer.exit_code, "nowhere does not exist" in answer.stderr) == (2, True)
