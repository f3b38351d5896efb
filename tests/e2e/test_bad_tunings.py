"""What `athanor tune` refuses: a sentence, exit code 2, no traceback, and nothing left behind."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from application.use_cases.trial_training import DiskRefusedError
from application.use_cases.tune_model import TuneModelUseCase
from athanor import tuning_worker
from tests.support import tuned
from tests.support.command_line import athanor
from tests.support.refusals import assert_refused, everything_in, written


def call(tmp_path: Path, *more: object, trials: object = 2) -> list[object]:
    return tuned.words_in(tmp_path, 2, *more) if trials == 2 else tuned.words_in(tmp_path, 2, "--trials", trials, *more)


def space(tmp_path: Path, text: str | bytes) -> list[object]:
    return call(tmp_path, "--space", written(tmp_path / "own.yaml", text))


def named(tmp_path: Path, study: str) -> list[object]:
    """Ask for a study by its name alone, which then names its directory too."""
    words = call(tmp_path, "--study", study)
    place = words.index("--output")
    return [*words[:place], *words[place + 2 :]]


CASES: dict[str, tuple[Callable[[Path], list[object]], str]] = {
    "no trials": (lambda at: call(at, trials=0), "trials is 0"),
    "half a trial": (lambda at: call(at, trials="1.5"), "'1.5' is not a valid integer"),
    "no workers": (lambda at: call(at, "--workers", 0), "workers is 0"),
    "a negative seed count": (lambda at: call(at, "--seeds", -1), "seeds is -1"),
    "too many seeds": (lambda at: call(at, "--seeds", 99), "between 1 and 10"),
    "a time of no unit": (lambda at: call(at, "--timeout", "soon"), "--timeout is 'soon'. A time is written as 90s"),
    "no time": (lambda at: call(at, "--timeout", "0s"), "timeout is 0 seconds"),
    "a name of many lines": (lambda at: call(at, "--study", "a\nb"), "study is 'a\\nb'"),
    "a name above runs": (lambda at: named(at, ".."), "names a directory in runs"),
    "a name of a path": (lambda at: named(at, "../../evil"), "study is '../../evil'"),
    "a sampler that is none": (lambda at: call(at, "--sampler", "tpee"), "sampler 'tpee' is not known"),
    "a pruner that is none": (lambda at: call(at, "--pruner", "medium"), "pruner 'medium' is not known"),
    "an option that is none": (lambda at: call(at, "--trails", 3), "--trials"),
    "a space that is missing": (lambda at: call(at, "--space", at / "no.yaml"), "search space"),
    "a space that is a directory": (lambda at: call(at, "--space", at), "search space"),
    "an empty space": (lambda at: space(at, ""), "holds no settings"),
    "a space that is no YAML": (lambda at: space(at, "a: [1"), "is not YAML"),
    "a space of bytes": (lambda at: space(at, b"\xff\xfe\x00"), "it is not UTF-8"),
    "a space with an alias": (lambda at: space(at, "a: &x [1]\nb: *x\n"), "anchor or an alias"),
    "a name twice": (lambda at: space(at, "epochs: [1, 2]\nepochs: [2, 3]\n"), "a second time"),
    "a typing error": (lambda at: space(at, "learning_rat: [0.1, 0.2]\n"), "Did you mean 'learning_rate'?"),
    "a seed to be found": (lambda at: space(at, "seed: [1, 2]\n"), "seed is luck"),
    "a path to be found": (lambda at: space(at, "dataset_path: [a.csv, b.csv]\n"), "cannot be tuned"),
    "ends exchanged": (lambda at: space(at, "learning_rate: {low: 1e-2, high: 1e-4}\n"), "not below its high"),
    "a setting of tables": (lambda at: space(at, "context_length: [8, 16]\n"), "means nothing to this task"),
    "a value that breaks a rule": (lambda at: space(at, "batch_size: [0, 8]\n"), "batch_size is 0"),
    "nothing left": (lambda at: [*space(at, "max_steps: [4, 8]\n")], "nothing is left to search"),
    "a storage that is none": (lambda at: call(at, "--storage", "mysql://h/b"), "storage 'mysql' is not known"),
    "a storage that does not answer": (
        lambda at: call(at, "--storage", "postgresql://me:secret@127.0.0.1:1/b"),
        "cannot be used",
    ),
    "rows that are missing": (lambda at: call(at, "--dataset", at / "none.csv"), "none.csv"),
    "rows without labels": (
        lambda at: call(at, "--dataset", written(at / "bare.json", [{"text": "a"}, {"text": "b"}])),
        "label",
    ),
    "a metric that is none": (lambda at: call(at, "--set", "metric_name=macro_f2"), "macro_f2"),
    "a task that is none": (lambda at: call(at, "--task", "text_clasification"), "Did you mean text_classification?"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_in_a_sentence_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    make, said = CASES[case]
    words = make(tmp_path)
    before = everything_in(tmp_path)
    answer = athanor(*words)
    assert_refused(answer, said)
    assert "secret" not in answer.stderr
    assert everything_in(tmp_path) == before


def test_places_that_hold_something_else_are_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/letter.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name, said in (("full", "holds something else than a study"), ("file", "is a file")):
        assert_refused(athanor(*tuned.words_in(tmp_path, 2, output=name)), said)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged/plan.json").write_text("{")
    assert_refused(athanor(*tuned.words_in(tmp_path, 2, output="damaged")), "plan.json is damaged")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_place_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert_refused(athanor(*tuned.words_in(tmp_path, 2, output="locked/study")), "cannot be written")


def test_a_place_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert_refused(athanor(*tuned.words_in(tmp_path, 2, output="file/study")), "cannot be written")


def test_a_study_that_is_asked_for_otherwise_is_refused_with_what_differs(tmp_path: Path) -> None:
    words = tuned.words_in(tmp_path, 1)
    assert athanor(*words).exit_code == 0
    study = json.loads((tmp_path / "study/study.json").read_text())
    assert [each["number"] for each in study["trials"]] == [0]
    for more, what in (
        (("--set", "max_steps=14"), "training"),
        (("--seeds", 2), "seeds"),
        (("--sampler", "random"), "sampler"),
        (("--space", written(tmp_path / "own.yaml", "batch_size: [8, 16]\n")), "space"),
    ):
        assert_refused(athanor(*words, *more), f"differs from this one in: {what}.", "Ask as before")


def test_trials_without_memory_or_a_finite_loss_fail_with_their_reasons_and_the_others_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from infrastructure.training.step import begin_step as inner

    def refusing(session: Any, *given: Any, **named: Any) -> Any:
        if (tmp_path / "study/trials/0001").exists() and not (tmp_path / "study/trials/0002").exists():
            raise MemoryError
        return inner(session, *given, **named)

    monkeypatch.setattr("infrastructure.training.stepping.begin_step", refusing)
    answer = athanor(*tuned.words_in(tmp_path, 3))
    assert answer.exit_code == 0, answer.stderr
    study = json.loads(answer.stdout)
    assert study["trials"][1]["state"] == "failed"
    assert "memory" in study["trials"][1]["reason"]
    assert study["trials"][0]["state"] == "completed"
    assert "trial 1: failed" in answer.stderr


def test_a_disk_without_room_for_a_trial_ends_the_study_and_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = tuned.words_in(tmp_path, 2)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda path: type("usage", (), {"free": 100}))
        answer = athanor(*words)
    assert answer.exit_code == 1
    assert "No space left on device: the run will write about" in answer.stderr
    assert "the same command goes on" in answer.stderr
    answer = athanor(*words)
    assert answer.exit_code == 0, answer.stderr
    assert [each["state"] for each in json.loads(answer.stdout)["trials"]] == ["completed"] * 2


def test_a_worker_that_the_disk_refuses_says_it_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*given: Any) -> None:
        raise DiskRefusedError("No space left on device.")

    monkeypatch.setattr(TuneModelUseCase, "work", refused)
    asked = {"request": {"training": {"task": "text_classification"}}, "output": str(tmp_path)}
    with open(written(tmp_path / "asked", json.dumps(asked) + "\n"), encoding="utf-8") as file:
        monkeypatch.setattr("sys.stdin", file)
        assert tuning_worker.main() == 1
    assert capsys.readouterr().err == "error: No space left on device.\n"
