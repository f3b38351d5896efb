"""What strangers wrote is told: on terminals that obey none of it, on streams that cannot write it, in sentences."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from application.training_request import TrainModelRequest
from infrastructure.runs.run_store import RunStore
from tests.support.command_line import Answer, athanor

ROOT = Path(__file__).resolve().parents[2]
ATTACK = "\x1b]0;owned\x07\x9b31m\u202etxt"
OBEYED = set("\x1b\x07\x9b\u202e")


def run_at(path: Path, summary: str = "") -> Path:
    wanted = TrainModelRequest(output_dir=str(path), text_field=ATTACK)
    run = RunStore().reserve(wanted)
    run.open(wanted)
    run.close()
    if summary:
        (path / "summary.json").write_text(summary, encoding="utf-8")
    return path


def is_clean(answer: Answer) -> bool:
    told = answer.stdout + answer.stderr
    return not OBEYED & set(told) and "Traceback" not in told


def test_runs_of_a_stranger_are_listed_without_obeying_them_and_a_bad_one_is_left_out(tmp_path: Path) -> None:
    run_at(tmp_path / f"a{ATTACK}", json.dumps({"success": True, "task": ATTACK, "metric_name": ATTACK}))
    run_at(tmp_path / f"b{ATTACK}", json.dumps({"success": ATTACK}))
    answer = athanor("runs", "list", "--root", tmp_path)
    assert (answer.exit_code, is_clean(answer)) == (0, True)
    assert "finished" in answer.stdout
    assert "is left out" in answer.stderr
    assert "success is" in answer.stderr
    answer = athanor("runs", "list", "--root", tmp_path, "--json")
    assert is_clean(answer)
    told = {run["run_id"]: run for run in json.loads(answer.stdout)}
    assert told[f"a{ATTACK}"]["task"] == ATTACK
    assert "summary.json" in told[f"b{ATTACK}"]["error"]


def test_a_damaged_summary_is_a_sentence_for_show_and_resume(tmp_path: Path) -> None:
    run = run_at(tmp_path / "run", '{"success": 1.5}')
    for words in (("runs", "show"), ("resume",)):
        answer = athanor(*words, run)
        assert (answer.exit_code, is_clean(answer)) == (2, True)
        assert "summary.json is damaged: success is 1.5" in answer.stderr
        assert "remove the file" in answer.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("runs", "show", ATTACK),
        ("resume", ATTACK),
        ("train", "--dataset", f"{ATTACK}.jsonl"),
        ("train", "--config", ATTACK),
        ("train", "--task", ATTACK),
        ("train", "--set", f"{ATTACK}=1"),
        ("train", "--set", ATTACK),
        ("train", "--set", "epochs=" + "[" * 50_000),
        ("train", "--set", "epochs=" + "9" * 6_000),
        ("train", f"--{ATTACK}"),
        ("verify-resume", "--config", ATTACK),
        (ATTACK,),
        ("predict", ATTACK, "--input", ATTACK),
        ("evaluate", ATTACK, "--dataset", ATTACK),
    ],
)
def test_a_name_that_commands_a_terminal_is_spelt_out_in_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = athanor(*words)
    assert (answer.exit_code, is_clean(answer)) == (2, True)
    assert 0 < len(answer.stderr) < 5_000


def test_a_bomb_of_aliases_is_a_sentence(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    (tmp_path / "run.yaml").write_text("\n".join(lines))
    answer = athanor("train", "--config", tmp_path / "run.yaml")
    assert (answer.exit_code, is_clean(answer)) == (2, True)
    assert "anchor or an alias" in answer.stderr


def shown_by_a_process(run: Path, stdout: int, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "presentation.cli", "runs", "show", str(run), "--json"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def test_a_stream_of_ascii_gets_json_that_says_the_same(tmp_path: Path) -> None:
    run = run_at(tmp_path / "run", json.dumps({"success": True, "task": "größer 😀"}))
    done = shown_by_a_process(run, subprocess.PIPE, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr, done.stdout.isascii()) == (0, "", True)
    assert json.loads(done.stdout)["task"] == "größer 😀"


def test_standard_output_that_is_full_is_a_sentence(tmp_path: Path) -> None:
    run = run_at(tmp_path / "run")
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        done = shown_by_a_process(run, full)
    finally:
        os.close(full)
    assert done.returncode == 1
    assert done.stderr == "error: No space left on device. Make room there, or choose another place.\n"
