"""Writers of one place never destroy each other's work, and what the dead left goes."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from infrastructure.files import remove_directory, remove_leftovers, restore_replaced, staged_directory, staged_file
from infrastructure.staging import REPLACED, locked_directory, name_aside, remove_dead

ROOT = Path(__file__).resolve().parents[2]
DIE_WRITING = """
import os, signal, sys
from pathlib import Path
from infrastructure.files import staged_directory

with staged_directory(Path(sys.argv[1])) as staging:
    (staging / "x").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def write(target: Path, text: str) -> None:
    with staged_directory(target) as directory:
        (directory / "x").write_text(text)


def test_two_threads_of_one_process_write_the_same_target_and_both_finish(tmp_path: Path) -> None:
    target, both = tmp_path / "target", threading.Barrier(2)
    faults: list[BaseException] = []

    def write_at_once(name: str) -> None:
        try:
            with staged_directory(target) as directory:
                both.wait()
                (directory / name).write_text("")
                both.wait()
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=write_at_once, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert names_in(tmp_path) == ["target"]
    assert names_in(target) in (["a"], ["b"])


def test_equal_process_numbers_in_two_containers_do_not_take_each_other_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with staged_directory(tmp_path / "target") as theirs:
        monkeypatch.setattr("platform.node", lambda: "another host")
        write(tmp_path / "target", "ours")
        assert theirs.is_dir()


def test_a_process_number_that_is_used_again_keeps_no_leftover_alive(tmp_path: Path) -> None:
    target = tmp_path / "target"
    died = subprocess.run([sys.executable, "-c", DIE_WRITING, str(target)], cwd=ROOT)
    assert died.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    host, _, thread, drawn = left.name.rsplit("_", 3)
    left.rename(left.with_name("_".join((host, str(os.getppid()), thread, drawn))))
    restore_replaced(target)
    assert not names_in(tmp_path)


def test_a_leftover_is_dead_exactly_when_its_lock_can_be_taken(tmp_path: Path) -> None:
    left = name_aside(tmp_path / "target")
    left.mkdir()
    descriptor = os.open(left, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    remove_leftovers(tmp_path)
    assert left.is_dir()
    os.close(descriptor)
    remove_leftovers(tmp_path)
    assert not left.exists()


def test_where_the_file_system_knows_no_locks_writers_write_and_leave_what_others_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(descriptor: int, operation: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", unknown)
    other = name_aside(tmp_path / "target")
    other.mkdir()
    write(tmp_path / "target", "ours")
    assert names_in(tmp_path) == [other.name, "target"]


def test_a_directory_that_is_removed_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, taken = fcntl.flock, list[bool]()

    def too_late(descriptor: int, operation: int) -> None:
        if not taken:
            taken.append(True)
            remove_dead(tmp_path)
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", too_late)
    with locked_directory(tmp_path / "target") as directory:
        assert directory.is_dir()


def test_a_place_taken_between_the_two_renames_of_a_replacement_is_replaced_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target"
    write(target, "old")
    rename, meddled = Path.rename, list[bool]()

    def meddling(self: Path, to: Path) -> Path:
        if to == target and not meddled:
            meddled.append(True)
            restore_replaced(target)  # another process takes ours for dead, for the place is empty
            assert (target / "x").read_text() == "old"
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", meddling)
    write(target, "new")
    assert meddled
    assert (target / "x").read_text() == "new"
    assert names_in(tmp_path) == ["target"]


def test_the_first_of_two_writers_of_the_same_stays_when_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with staged_directory(target, keep_existing=True) as directory:
        (directory / "x").write_text("second")
        write(target, "first")
    assert (target / "x").read_text() == "first"
    assert names_in(tmp_path) == ["target"]


def test_the_newest_of_what_was_replaced_comes_back(tmp_path: Path) -> None:
    for age, text in ((0, "old"), (1, "new")):
        aside = name_aside(tmp_path / "target", REPLACED)
        aside.mkdir()
        (aside / "x").write_text(text)
        os.utime(aside, (1000 + age, 1000 + age))
    remove_leftovers(tmp_path)
    assert (tmp_path / "target" / "x").read_text() == "new"
    assert names_in(tmp_path) == ["target"]


@pytest.mark.parametrize("name", ["a[b]*", "x" * 255, "ä" * 127, "replaced-x", "x-deleted"])
def test_any_name_that_a_file_system_takes_can_be_staged_replaced_and_cleaned(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    name_aside(target).mkdir()
    write(target, "old")
    write(target, "new")
    assert (target / "x").read_text() == "new"
    assert names_in(tmp_path) == [name]


@pytest.mark.parametrize("is_dangling", [True, False])
def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path: Path, is_dangling: bool) -> None:
    outside = tmp_path / "outside"
    if not is_dangling:
        write(outside, "theirs")
    inside = tmp_path / "inside"
    inside.mkdir()
    for name in ("directory", "file"):
        (inside / name).symlink_to(outside)
    write(inside / "directory", "ours")
    with staged_file(inside / "file") as file:
        file.write_text("ours")
    assert not any(path.is_symlink() for path in inside.iterdir())
    assert names_in(inside) == ["directory", "file"]
    assert outside.exists() != is_dangling
    assert is_dangling or (outside / "x").read_text() == "theirs"


def test_leftovers_that_are_pipes_or_links_neither_stop_nor_mislead_us(tmp_path: Path) -> None:
    write(tmp_path / "outside", "theirs")
    inside = tmp_path / "inside"
    inside.mkdir()
    os.mkfifo(name_aside(inside / "a"))
    name_aside(inside / "b").symlink_to(tmp_path / "outside")
    remove_leftovers(inside)
    assert (tmp_path / "outside" / "x").read_text() == "theirs"


def test_a_directory_that_is_removed_is_first_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "target", "x")
    monkeypatch.setattr("infrastructure.files.remove", lambda path: None)  # killed before the deletion
    remove_directory(tmp_path / "target")
    assert not (tmp_path / "target").exists()
    remove_leftovers(tmp_path)
    assert not names_in(tmp_path)
