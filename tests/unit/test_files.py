"""A file or directory is there whole or not at all, whoever is killed and whoever writes beside us."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.files import restore_replaced, staged_directory, write_whole

ROOT = Path(__file__).resolve().parents[2]

WRITE = """
import sys
from pathlib import Path
from infrastructure.files import staged_directory

with staged_directory(Path(sys.argv[1])) as staging:
    (staging / "theirs").write_text("new")
"""
# Dies at the second rename, when the old directory is out of the way and the new one not yet in its place.
KILL_AT_SECOND_RENAME = """
import os, signal
from pathlib import Path

rename, calls = Path.rename, []

def dying(self, target):
    calls.append(target)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)

Path.rename = dying
"""


def run_elsewhere(code: str, target: Path) -> int:
    """Run code in another process and give its exit code, which is negative for a signal."""
    return subprocess.run([sys.executable, "-c", code, str(target)], cwd=ROOT).returncode


def write_and_fail(target: Path, error: type[BaseException]) -> None:
    with staged_directory(target) as staging:
        (staging / "x").write_text("new")
        raise error


def everything_in(directory: Path) -> dict[str, str | None]:
    return {
        str(path.relative_to(directory)): path.read_text() if path.is_file() else None for path in directory.rglob("*")
    }


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """Make a directory with one file in it."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "old").write_text("old")
    return tmp_path / "full"


class TestStagedDirectory:
    def test_appears_when_the_block_has_ended(self, tmp_path: Path) -> None:
        target = tmp_path / "deep" / "target"
        with staged_directory(target) as staging:
            (staging / "sub").mkdir()
            (staging / "sub" / "x").write_text("new")
            assert not target.exists()
        assert everything_in(tmp_path / "deep") == {"target": None, "target/sub": None, "target/sub/x": "new"}

    def test_replaces_all_that_was_there(self, full: Path) -> None:
        with staged_directory(full) as staging:
            (staging / "x").write_text("new")
            assert everything_in(full) == {"old": "old"}
        assert everything_in(full.parent) == {"full": None, "full/x": "new"}

    @pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
    def test_leaves_nothing_when_the_block_fails(self, full: Path, error: type[BaseException]) -> None:
        before = everything_in(full.parent)
        for target in (full, full.parent / "new"):
            with pytest.raises(error):
                write_and_fail(target, error)
        assert everything_in(full.parent) == before

    def test_may_be_written_by_two_processes_and_is_that_of_the_last(self, tmp_path: Path) -> None:
        target = tmp_path / "target"
        with staged_directory(target) as staging:
            (staging / "x").write_text("ours")
            assert run_elsewhere(WRITE, target) == 0
            assert everything_in(target) == {"theirs": "new"}
            (staging / "y").write_text("ours")
        assert everything_in(tmp_path) == {"target": None, "target/x": "ours", "target/y": "ours"}


class TestRestoreReplaced:
    def test_brings_back_a_directory_whose_writer_was_killed_between_its_two_renames(self, full: Path) -> None:
        before = everything_in(full.parent)
        assert run_elsewhere(KILL_AT_SECOND_RENAME + WRITE, full) == -signal.SIGKILL
        assert not full.exists()
        restore_replaced(full)
        assert everything_in(full.parent) == before

    def test_leaves_a_whole_directory_and_a_place_that_is_none_alone(self, full: Path) -> None:
        before = everything_in(full.parent)
        restore_replaced(full)
        restore_replaced(full.parent / "nowhere" / "x")
        assert everything_in(full.parent) == before


class TestWriteWhole:
    def test_gives_readers_the_old_text_or_the_new_one(self, tmp_path: Path) -> None:
        path = tmp_path / "x.txt"
        write_whole(path, "old and long")
        with path.open(encoding="utf-8") as reader:
            write_whole(path, "größer 😀")
            assert reader.read() == "old and long"
        assert path.read_text(encoding="utf-8") == "größer 😀"
        assert [entry.name for entry in tmp_path.iterdir()] == ["x.txt"]

    def test_that_fails_leaves_the_old_text_and_nothing_beside_it(self, tmp_path: Path) -> None:
        path = tmp_path / "x.txt"
        write_whole(path, "old")
        with pytest.raises(UnicodeEncodeError):
            write_whole(path, "half a character \ud800")
        assert everything_in(tmp_path) == {"x.txt": "old"}
