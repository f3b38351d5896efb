"""One process at most holds a run, whatever happens between two instructions, and odd surroundings get a sentence."""

import errno
import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from domain.exceptions import RunError
from domain.run_layout import LOCK
from infrastructure.runs.run_lock import RunLock, is_held


def is_refused(directory: Path) -> bool:
    try:
        RunLock.take(directory).release()
    except RunError:
        return True
    return False


def test_a_lock_is_held_by_one_and_leaves_nothing(tmp_path: Path) -> None:
    lock = RunLock.take(tmp_path)
    assert is_held(tmp_path)
    assert is_refused(tmp_path)
    lock.release()
    assert not is_held(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_who_takes_a_lock_while_it_is_being_released_does_not_share_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every second process that comes at any step of the release is refused, or is the only one."""
    holders: list[RunLock] = []

    def tried(plain: Any) -> Any:
        def step(*words: Any, **named: Any) -> Any:
            if not busy:
                busy.append(1)
                with suppress(RunError):
                    holders.append(RunLock.take(tmp_path))
                busy.clear()
            return plain(*words, **named)

        return step

    busy: list[int] = []
    lock = RunLock.take(tmp_path)
    monkeypatch.setattr(Path, "unlink", tried(Path.unlink))
    monkeypatch.setattr(os, "close", tried(os.close))
    lock.release()
    assert len(holders) <= 1
    monkeypatch.undo()
    if holders:
        assert is_refused(tmp_path)
        holders[0].release()
    assert not is_refused(tmp_path)


def test_a_lock_on_a_file_that_was_removed_meanwhile_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The taker has opened the file of a run that ends just then: it takes the next, and both know of each other."""
    lock = RunLock.take(tmp_path)
    plain = fcntl.flock
    second: list[RunLock] = []

    def flock(descriptor: int, how: int) -> None:
        if not second:
            lock.release()
            second.append(lock)  # from here on the calls are plain
            second[0] = RunLock.take(tmp_path)
        plain(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(RunError, match="in use by another process"):
        RunLock.take(tmp_path)
    assert is_held(tmp_path)
    second[0].release()


def test_releasing_leaves_the_lock_of_another_run_in_the_same_place(tmp_path: Path) -> None:
    lock = RunLock.take(tmp_path)
    (tmp_path / LOCK).unlink()
    other = RunLock.take(tmp_path)
    lock.release()
    assert is_refused(tmp_path)
    other.release()


def test_a_disk_that_became_read_only_keeps_the_file_and_hides_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    lock = RunLock.take(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", read_only)
        lock.release()
    assert not is_held(tmp_path)
    assert not is_refused(tmp_path)


@pytest.mark.parametrize("kind", ["directory", "pipe", "link"])
def test_what_cannot_be_a_lock_is_named_without_waiting(tmp_path: Path, kind: str) -> None:
    if kind == "directory":
        (tmp_path / LOCK).mkdir()
    elif kind == "pipe":
        os.mkfifo(tmp_path / LOCK)
    else:
        (tmp_path / LOCK).symlink_to(tmp_path / "hers")
    with pytest.raises(RunError, match="cannot serve as a lock") as caught:
        RunLock.take(tmp_path)
    assert LOCK in str(caught.value)
    assert "Remove it" in caught.value.remedy
    assert not is_held(tmp_path)
    assert not (tmp_path / "hers").exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def flock(descriptor: int, how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(RunError, match="has no locks"):
        RunLock.take(tmp_path)


def test_somebody_who_only_looks_does_not_make_a_taker_give_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RunLock.take(tmp_path).release()
    (tmp_path / LOCK).touch()
    looker = os.open(tmp_path / LOCK, os.O_RDONLY)
    fcntl.flock(looker, fcntl.LOCK_SH)
    monkeypatch.setattr(time, "sleep", lambda seconds: fcntl.flock(looker, fcntl.LOCK_UN))
    taken = RunLock.take(tmp_path)
    with pytest.raises(BlockingIOError):
        fcntl.flock(looker, fcntl.LOCK_EX | fcntl.LOCK_NB)
    taken.release()
    os.close(looker)
