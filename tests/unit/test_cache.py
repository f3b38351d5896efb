"""What the data cache gives is what was written there, or it is made anew."""

import errno
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from domain.exceptions import DatasetError
from infrastructure import manifest
from infrastructure.data.kept import cache, cache_entry, turns
from infrastructure.data.kept.cache import cached, collected_words
from infrastructure.data.kept.cache_entry import CacheEntry, evict
from infrastructure.manifest import MANIFEST


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fill(staging: Path) -> None:
    (staging / "a.bin").write_bytes(b"content a")
    (staging / "b.bin").write_bytes(b"content b")


def must_not_run(staging: Path) -> None:
    raise AssertionError("made anew")


def content_of(entry: CacheEntry) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in entry.path.iterdir() if path.name != MANIFEST}


WHOLE = {"a.bin": b"content a", "b.bin": b"content b"}


def flip(entry: Path) -> None:
    (entry / "a.bin").write_bytes(b"Content a")


def cut(entry: Path) -> None:
    (entry / "a.bin").write_bytes(b"content")


def lose_a_file(entry: Path) -> None:
    (entry / "b.bin").unlink()


def add_a_file(entry: Path) -> None:
    (entry / "c.bin").write_bytes(b"")


def put_a_link(entry: Path) -> None:
    (entry / "a.bin").rename(entry.parent / "elsewhere")
    (entry / "a.bin").symlink_to(entry.parent / "elsewhere")


def put_a_pipe(entry: Path) -> None:
    (entry / "a.bin").unlink()
    os.mkfifo(entry / "a.bin")


def lose_the_manifest(entry: Path) -> None:
    (entry / MANIFEST).unlink()


def spoil_the_manifest(entry: Path) -> None:
    (entry / MANIFEST).write_text((entry / MANIFEST).read_text().replace("b.bin", "d.bin"))


def nest_the_manifest(entry: Path) -> None:
    (entry / MANIFEST).write_text("[" * 100_000)


def make_the_manifest_a_pipe(entry: Path) -> None:
    (entry / MANIFEST).unlink()
    os.mkfifo(entry / MANIFEST)


def take_that_of_another_name(entry: Path) -> None:
    shutil.rmtree(entry)
    shutil.copytree(cached("kind", "other", fill).path, entry)


def make_it_a_link(entry: Path) -> None:
    entry.rename(entry.with_name("elsewhere"))
    entry.symlink_to("elsewhere")


def make_it_a_file(entry: Path) -> None:
    shutil.rmtree(entry)
    entry.write_bytes(b"")


DAMAGES = (
    *(flip, cut, lose_a_file, add_a_file, put_a_link, put_a_pipe),
    *(lose_the_manifest, spoil_the_manifest, nest_the_manifest, make_the_manifest_a_pipe),
    *(take_that_of_another_name, make_it_a_link, make_it_a_file),
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_entry_that_is_not_what_was_written_is_made_anew_with_a_word(damage: Callable[[Path], None]) -> None:
    damage(cached("kind", "key", fill).path)
    with collected_words() as words:
        assert content_of(cached("kind", "key", fill)) == WHOLE
    (word,) = words
    assert "kind-key is damaged" in word
    with collected_words() as words:
        cached("kind", "key", must_not_run)
    assert not words


def test_a_word_that_nobody_collects_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    flip(cached("kind", "key", fill).path)
    cached("kind", "key", fill)
    assert "a.bin does not have the SHA-256 that was written" in capsys.readouterr().err


def test_digests_are_compared_once_for_each_process(monkeypatch: pytest.MonkeyPatch) -> None:
    cached("kind", "key", fill)

    def must_not_read(path: Path) -> str:
        raise AssertionError(f"{path} is read again")

    monkeypatch.setattr(manifest, "sha256_of", must_not_read)
    cached("kind", "key", must_not_run)


def test_a_warm_cache_that_cannot_be_written_serves_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    cached("kind", "key", fill)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    for name in ("utime", "mkdir", "rename", "unlink", "fsync"):
        monkeypatch.setattr(os, name, refuse)
    assert content_of(cached("kind", "key", must_not_run)) == WHOLE


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_cache_that_cannot_be_written_and_has_no_whole_entry_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, is_damaged: bool
) -> None:
    if is_damaged:
        flip(cached("kind", "key", fill).path)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    for name in ("utime", "mkdir", "rename"):
        monkeypatch.setattr(os, name, refuse)
    with collected_words(), pytest.raises(DatasetError, match="cannot be written: Read-only file system"):
        cached("kind", "key", fill)


def test_an_entry_in_use_is_not_evicted_and_leaves_when_nobody_uses_it() -> None:
    entry = cached("kind", "key", fill)
    path = entry.path
    assert not evict(path)
    assert path.is_dir()
    del entry
    assert evict(path)
    assert not path.exists()


def test_an_eviction_that_is_killed_leaves_no_half_of_an_entry(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    path = cached("kind", "key", fill).path
    monkeypatch.setattr("infrastructure.files.remove", lambda doomed: None)
    evict(path)
    assert not path.exists()
    assert content_of(cached("kind", "key", fill)) == WHOLE
    assert [path.name for path in root.iterdir()] == ["kind-key"]


def test_an_entry_that_goes_while_it_is_opened_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    path = cached("kind", "key", fill).path
    held, evicted = cache_entry._held, list[bool]()

    def too_late(path: Path) -> int:
        if not evicted:
            evicted.append(evict(path))
            cached("kind", "key", fill)
        return held(path)

    monkeypatch.setattr(cache_entry, "_held", too_late)
    assert content_of(cached("kind", "key", fill)) == WHOLE
    assert evicted == [True]
    assert path.is_dir()


def test_a_cache_in_which_entries_come_and_go_can_be_counted(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setattr(cache, "LIMIT_BYTES", 0)
    monkeypatch.setattr(cache, "_is_entry", lambda path: True)  # gone between its listing and its counting
    root.mkdir()
    (root / "kind-gone").symlink_to("nowhere")
    assert content_of(cached("kind", "key", fill)) == WHOLE


def without_locks(*_: object) -> None:
    raise OSError(errno.ENOLCK, "No locks available")


def test_where_there_are_no_locks_two_make_the_same_entry_at_once(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setattr("fcntl.flock", without_locks)
    both = threading.Barrier(2)
    found: list[dict[str, bytes]] = []

    def make(staging: Path) -> None:
        both.wait()
        fill(staging)

    threads = [threading.Thread(target=lambda: found.append(content_of(cached("kind", "key", make)))) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [WHOLE, WHOLE]


FORKING = multiprocessing.get_context("fork")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> "multiprocessing.synchronize.Event":
    """Be told that a process waits for another one."""
    event = FORKING.Event()

    @contextmanager
    def told(name: str) -> Iterator[None]:
        event.set()
        yield

    monkeypatch.setattr(turns, "phase", told)
    return event


def test_of_two_processes_that_want_an_entry_one_makes_it_and_the_other_waits(
    root: Path, waits: "multiprocessing.synchronize.Event"
) -> None:
    is_made = FORKING.Event()

    def make(staging: Path) -> None:
        assert waits.wait(60)
        fill(staging)
        is_made.set()

    def first() -> None:
        assert content_of(cached("kind", "key", make)) == WHOLE

    def second() -> None:
        assert content_of(cached("kind", "key", must_not_run)) == WHOLE
        assert is_made.is_set()

    making = FORKING.Process(target=first)
    making.start()
    while not list(root.glob(f"{turns.PREFIX}*")):
        assert making.is_alive()
    waiting = FORKING.Process(target=second)
    waiting.start()
    for process in (making, waiting):
        process.join()
    assert [making.exitcode, waiting.exitcode] == [0, 0]
    assert [path.name for path in root.iterdir()] == ["kind-key"]


def test_a_lock_that_is_of_another_user_can_be_waited_for(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    opened = os.open

    def refuse(path: Path, flags: int, mode: int = 0o777, **given: Any) -> int:
        if Path(path).name.startswith(turns.PREFIX) and flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, flags, mode, **given)

    root.mkdir()
    (root / f"{turns.PREFIX}kind-key").touch()
    monkeypatch.setattr(os, "open", refuse)
    assert content_of(cached("kind", "key", fill)) == WHOLE


def test_whoever_waits_for_a_process_that_is_killed_makes_the_entry_itself(
    root: Path, waits: "multiprocessing.synchronize.Event"
) -> None:
    begun = FORKING.Event()

    def hang(staging: Path) -> None:
        begun.set()
        signal.pause()

    making = FORKING.Process(target=lambda: cached("kind", "key", hang))
    making.start()
    assert begun.wait(60)
    waiting = FORKING.Process(target=lambda: cached("kind", "key", fill))
    waiting.start()
    assert waits.wait(60)
    making.kill()
    for process in (making, waiting):
        process.join()
    assert waiting.exitcode == 0
    assert content_of(cached("kind", "key", must_not_run)) == WHOLE
    assert [path.name for path in root.iterdir()] == ["kind-key"]
