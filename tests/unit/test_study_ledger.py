"""A ledger gives each training to one worker, whoever dies: in sqlite here, in PostgreSQL in tests/e2e/test_tune.py."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from domain.exceptions import AthanorError, ConfigurationError, RunError
from domain.study import COMPLETED, Trial
from infrastructure.runs.run_lock import RunLock
from infrastructure.tuning import ledger as module
from infrastructure.tuning.ledger import StudyLedger, StudyLedgers

PLAN = {"space": {"rate": "1 to 2"}}
TRIAL = Trial(0, {"rate": 0.1, "deep": True, "none": None}, curve=((2, 0.25),), total_steps=9, kept={"rung": 1.0})
Open = Callable[..., StudyLedger]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    def open_one(silence: float = 60.0) -> StudyLedger:
        return StudyLedgers(silence).open(None, "study", PLAN, str(tmp_path))

    return open_one


def test_a_training_is_read_as_it_was_kept_and_belongs_to_one(opened: Open) -> None:
    one, other = opened(), opened()
    assert one.begin(TRIAL)
    assert not other.begin(TRIAL)
    assert other.trials() == [TRIAL]
    assert other.take_up() is None
    one.finish(replace(TRIAL, state=COMPLETED, value=0.5))
    assert other.trials()[0].value == 0.5
    assert other.take_up() is None
    one.close()
    other.close()


def test_what_was_let_go_is_taken_up_by_one_of_many(opened: Open) -> None:
    first = opened()
    first.begin(TRIAL)
    first.let_go(TRIAL)
    workers = [opened() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda worker: worker.take_up(), workers))
    assert [each for each in taken if each is not None] == [TRIAL]
    for worker in (first, *workers):
        worker.close()


def test_a_worker_that_lost_its_training_is_refused(opened: Open) -> None:
    one, other = opened(), opened()
    one.begin(TRIAL)
    one.let_go(TRIAL)
    assert other.take_up() == TRIAL
    with pytest.raises(RunError, match="gone to another worker"):
        one.finish(replace(TRIAL, state=COMPLETED))
    one.close()
    other.close()


def test_what_a_killed_process_held_is_taken_up_at_once(opened: Open, tmp_path: Path) -> None:
    program = f"""
import os, signal
from infrastructure.tuning.ledger import StudyLedgers
from domain.study import Trial
ledger = StudyLedgers().open(None, "study", {PLAN!r}, {str(tmp_path)!r})
assert ledger.begin(Trial(0, {{"rate": 0.5}}))
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert done.returncode == -signal.SIGKILL
    ledger = opened()
    taken = ledger.take_up()
    assert taken == Trial(0, {"rate": 0.5})
    ledger.close()
    assert not (tmp_path / "workers").exists()


def test_a_run_that_some_process_is_still_at_is_not_taken_up(opened: Open, tmp_path: Path) -> None:
    one, other = opened(), opened()
    run = tmp_path / "trials/0000"
    trial = replace(TRIAL, run_dir=str(run))
    one.begin(trial)
    lock = RunLock.take(run)
    one.let_go(trial)
    assert other.take_up() is None
    lock.release()
    assert other.take_up() == trial
    one.close()
    other.close()


def test_a_worker_of_another_machine_is_dead_when_it_is_not_heard_of(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = opened(), opened(silence=0.0)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(module, "_machine", lambda: "another")
        one.begin(TRIAL)
    patient = opened(silence=1e9)
    assert patient.take_up() is None
    assert patient.take_up() is None
    assert other.take_up() is None  # seen for the first time
    assert other.take_up() == TRIAL
    for ledger in (one, other, patient):
        ledger.close()


def test_a_worker_that_ends_lets_go_of_all(opened: Open) -> None:
    one, other = opened(), opened()
    one.begin(TRIAL)
    one.close()
    assert other.take_up() == TRIAL
    other.close()


def test_a_worker_ends_though_the_last_of_the_others_has_removed_the_folder_of_workers(
    opened: Open, tmp_path: Path
) -> None:
    one = opened()
    shutil.rmtree(tmp_path / module.WORKERS)
    one.close()
    assert not (tmp_path / module.WORKERS).exists()


def test_a_study_without_trainings_is_forgotten_with_its_first(opened: Open, tmp_path: Path) -> None:
    ledger = opened()
    ledger.begin(TRIAL)
    ledger.withdraw(TRIAL)
    ledger.close()
    another = StudyLedgers().open(None, "study", {"space": "another"}, str(tmp_path))
    assert not another.trials()
    another.close()


@pytest.mark.parametrize(
    ("storage", "kind", "said"),
    [
        ("mysql://host/base", ConfigurationError, "storage 'mysql' is not known"),
        ("not an address", ConfigurationError, "storage is no address"),
        ("sqlite://", ConfigurationError, "storage names no file"),
        ("sqlite:////no/such/directory/study.db", RunError, "unable to open database file"),
        ("postgresql://me:secret@127.0.0.1:1/base", RunError, "cannot be used"),
    ],
)
def test_a_storage_that_cannot_be_is_refused_without_its_password(
    storage: str, kind: type[AthanorError], said: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=said) as caught:
        StudyLedgers().open(storage, "study", PLAN, str(tmp_path))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("missing", "storage", "said"),
    [("optuna", None, r"athanor\[tune\]"), ("psycopg", "postgresql://me@localhost/base", r"athanor\[postgresql\]")],
)
def test_a_library_that_is_missing_is_named_with_what_installs_it(
    missing: str, storage: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigurationError, match=said):
        StudyLedgers().open(storage, "study", PLAN, str(tmp_path))


def test_a_study_of_another_plan_is_refused(opened: Open, tmp_path: Path) -> None:
    ledger = opened()
    with pytest.raises(RunError, match="differs from this one in: space"):
        StudyLedgers().open(None, "study", {"space": {}}, str(tmp_path))
    ledger.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_text("not a database, but a text of some length " * 9)
    with pytest.raises(RunError, match="file is not a database"):
        StudyLedgers().open(None, "study", PLAN, str(tmp_path))
