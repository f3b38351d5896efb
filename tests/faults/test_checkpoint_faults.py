"""Damage, kills and full disks: what a checkpoint must live through.

Run as a program this file is the process that is killed: it forks a writer for each line of its standard input.
"""

import errno
import itertools
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from domain.exceptions import CheckpointError
from infrastructure.training.checkpoint_files import read_checkpoint
from infrastructure.training.checkpoint_manager import CheckpointManager

ROOT = Path(__file__).parents[2]
DIED_AS_TOLD = 77
WRITING = os.O_WRONLY | os.O_RDWR


class Filled:
    """Has a state in which every value tells the step it was saved at."""

    def __init__(self, step: int, size: int = 64) -> None:
        self._step = step
        self._size = size

    def state_dict(self) -> dict[str, Any]:
        return {"w": torch.full((self._size,), float(self._step)), "b": torch.tensor(self._step)}


def save(manager: CheckpointManager, step: int, metric: float | None = None, size: int = 64) -> str:
    """Save a state; the step is its score too unless one is given, so that the first is the best."""
    model = Filled(step, size)
    score = float(step) if metric is None else metric
    extra = {"rng": torch.tensor([step]), "step": step}
    return manager.save_checkpoint(model=model, optimizer=model, step=step, metric_value=score, extra=extra).name


def steps_on_disk(directory: Path) -> list[int]:
    """Read every checkpoint to its last byte and give the steps, each of which must fill its own state."""
    steps = []
    for path in sorted(directory.glob("step-*")):
        metadata, parts = read_checkpoint(path)
        step = metadata.step
        assert path.name == f"step-{step:08d}"
        for part in ("model", "optimizer"):
            assert parts[part]["w"].eq(step).all()
            assert parts[part]["b"] == step
        assert (parts["extra"]["rng"].item(), parts["extra"]["step"]) == (step, step)
        steps.append(step)
    return steps


# Damage


def damaged_ways(directory: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    for file in sorted(directory.iterdir()):
        content = file.read_bytes()
        yield f"{file.name} is cut to nothing", partial(file.write_bytes, b"")
        yield f"{file.name} lacks its last byte", partial(file.write_bytes, content[:-1])
        yield f"{file.name} has a byte more", partial(file.write_bytes, content + b"\n")
        yield f"{file.name} is missing", file.unlink
    yield "a file too many", partial((directory / "more.json").write_text, "{}")
    yield "a directory too many", (directory / "more").mkdir


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return tmp_path / save(CheckpointManager(tmp_path), 1, size=3)


def test_a_flipped_bit_in_any_byte_of_any_file_is_found(tiny: Path) -> None:
    manager = CheckpointManager(tiny.parent)
    bits = random.Random(0)
    for file in sorted(tiny.iterdir()):
        content = file.read_bytes()
        for position in range(len(content)):
            damaged = bytearray(content)
            damaged[position] ^= 1 << bits.randrange(8)
            file.write_bytes(damaged)
            with pytest.raises(CheckpointError, match="step-00000001 is damaged"):
                manager.load_checkpoint(tiny.name)
        file.write_bytes(content)
    assert manager.load_checkpoint(tiny.name) is not None
    assert manager.damaged == []


def test_a_cut_missing_or_additional_file_is_found_without_reading_tensors(tiny: Path) -> None:
    spare = tiny.parent / "spare"
    shutil.copytree(tiny, spare)
    for fault, damage in damaged_ways(tiny):
        damage()
        manager = CheckpointManager(tiny.parent)
        assert manager.list_checkpoints() == [], fault
        assert manager.load_latest_checkpoint() is None, fault
        assert len(manager.damaged) == 1, fault
        shutil.rmtree(tiny)
        shutil.copytree(spare, tiny)
    assert CheckpointManager(tiny.parent).load_latest_checkpoint() is not None


# Kills


class Writers:
    """Starts writers in a process of their own, which has loaded torch once."""

    def __init__(self) -> None:
        # The package is stubbed: its own __init__ loads all of training and takes seconds.
        code = (
            "import runpy, sys, types; m = types.ModuleType('infrastructure.training'); "
            "m.__path__ = ['infrastructure/training']; sys.modules['infrastructure.training'] = m; "
            "sys.path.insert(0, ''); runpy.run_path(sys.argv[1], run_name='__main__')"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, __file__], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, name: str, directory: Path, **facts: Any) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"name": name, "directory": str(directory), **facts}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def wait(self) -> int:
        """Give the exit code of the writer, negative for a signal."""
        return self._answer()

    def close(self) -> None:
        self._process.communicate()

    def _answer(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


@pytest.fixture(scope="module")
def writers() -> Iterator[Writers]:
    writers = Writers()
    yield writers
    writers.close()


def test_whatever_a_sigkill_at_a_random_instant_leaves_is_whole(tmp_path: Path, writers: Writers) -> None:
    directory, acknowledged = tmp_path / "checkpoints", tmp_path / "acknowledged"
    acknowledged.touch()
    instants = random.Random(7)
    last = 0
    for _ in range(10):
        known = acknowledged.stat().st_size
        pid = writers.start("save_forever", directory, acknowledged=str(acknowledged), first=last + 1)
        while acknowledged.stat().st_size == known:
            time.sleep(0.001)
            os.kill(pid, 0)  # raises when the writer has ended by itself
        time.sleep(instants.uniform(0.0, 0.06))
        os.kill(pid, signal.SIGKILL)
        assert writers.wait() == -signal.SIGKILL
        last = max(map(int, acknowledged.read_text().split()))
        assert_whole(directory, at_least=last)


def test_dying_before_any_change_of_the_file_system_leaves_whole_checkpoints(tmp_path: Path, writers: Writers) -> None:
    prepared = tmp_path / "prepared"
    for step in (1, 2):
        save(CheckpointManager(prepared), step)
    for moment in itertools.count():
        directory = tmp_path / str(moment)
        shutil.copytree(prepared, directory)
        writers.start("die_at", directory, moment=moment)
        exit_code = writers.wait()
        assert_whole(directory, at_least=2)
        if exit_code == 0:
            break
        assert exit_code == DIED_AS_TOLD
    assert steps_on_disk(directory) == [1, 3]
    assert moment > 20


def assert_whole(directory: Path, at_least: int) -> None:
    """Check what lies there before and after a manager has tidied up."""
    if directory.is_dir():
        steps_on_disk(directory)
    manager = CheckpointManager(directory)
    assert {path.name for path in directory.iterdir()} == {metadata.name for metadata in manager.list_checkpoints()}
    steps = steps_on_disk(directory)
    if at_least:
        assert steps[0] == 1, "the best is never lost"
        assert steps[-1] >= at_least, "what was saved stays saved"
    checkpoint = manager.load_latest_checkpoint()
    assert (checkpoint or {"step": None})["step"] == (steps[-1] if steps else None)
    assert manager.damaged == []


# Full disks


def test_a_file_size_limit_of_the_system_costs_no_older_checkpoint(tmp_path: Path, writers: Writers) -> None:
    directory, message = tmp_path / "checkpoints", tmp_path / "message"
    manager = CheckpointManager(directory)
    for step in (1, 2, 3):
        save(manager, step)
    writers.start("save_too_much", directory, message=str(message))
    assert writers.wait() == 0
    assert "step-00000004 cannot be written" in message.read_text()
    assert steps_on_disk(directory) == [1, 2, 3]
    assert len(list(directory.iterdir())) == 3


class FullDisk:
    """Refuses a number of writes with ENOSPC: those of tensors as safetensors words it, or syncs as Linux does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, where: str, num_refusals: float) -> None:
        self.num_refusals = num_refusals
        fsync = os.fsync

        def save_or_refuse(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
            self._refuse(SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"))
            save_file(dict(tensors), path)

        def sync_or_refuse(descriptor: int) -> None:
            self._refuse(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
            fsync(descriptor)

        if where == "tensors":
            monkeypatch.setattr("infrastructure.training.checkpoint_files.save_file", save_or_refuse)
        else:
            monkeypatch.setattr(os, "fsync", sync_or_refuse)

    def _refuse(self, error: Exception) -> None:
        if self.num_refusals > 0:
            self.num_refusals -= 1
            raise error


def five_checkpoints(directory: Path) -> CheckpointManager:
    """Save five, of which step 2 is the best."""
    manager = CheckpointManager(directory, max_checkpoints=6)
    for step, metric in enumerate([0.5, 0.4, 0.1, 0.3, 0.2]):
        save(manager, step, metric)
    return manager


@pytest.mark.parametrize("where", ["tensors", "sync"])
def test_a_full_disk_makes_all_but_the_best_and_the_newest_give_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    manager = five_checkpoints(tmp_path)
    FullDisk(monkeypatch, where, num_refusals=1)
    save(manager, 5, 0.6)
    assert steps_on_disk(tmp_path) == [2, 4, 5]
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("where", ["tensors", "sync"])
@pytest.mark.parametrize("step", [5, 4])
def test_a_disk_that_stays_full_ends_in_one_sentence_and_leaves_the_best_and_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, step: int
) -> None:
    manager = five_checkpoints(tmp_path)
    FullDisk(monkeypatch, where, num_refusals=float("inf"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=7))
    with pytest.raises(CheckpointError) as caught:
        save(manager, step, size=10_000)
    assert "No space left on device" in str(caught.value)
    needed = int(str(caught.value).split("needs ")[1].split(" bytes")[0])
    assert 2 * 40_000 < needed < 2 * 41_000
    assert "7 are free" in str(caught.value)
    assert "Make room and resume" in caught.value.remedy
    assert caught.value.exit_code == 1
    assert steps_on_disk(tmp_path) == [2, 4]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_takes_no_whole_checkpoint_for_the_sake_of_a_damaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = five_checkpoints(tmp_path)
    for step in (2, 4):
        path = tmp_path / f"step-{step:08d}" / "model.safetensors"
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    FullDisk(monkeypatch, "tensors", num_refusals=1)
    save(manager, 5, 0.6)
    assert steps_on_disk(tmp_path) == [3, 5]


def test_another_fault_of_the_disk_costs_no_older_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = five_checkpoints(tmp_path)

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(CheckpointError, match="Input/output error"):
        save(manager, 5)
    assert steps_on_disk(tmp_path) == [0, 1, 2, 3, 4]


# The process that is killed


def save_forever(directory: str, acknowledged: str, first: int) -> None:
    manager = CheckpointManager(directory, max_checkpoints=2)
    with Path(acknowledged).open("ab", buffering=0) as file:
        for step in itertools.count(first):
            save(manager, step)
            file.write(b"%d\n" % step)
            save(manager, step)


def die_at(directory: str, moment: int) -> None:
    """Replace a checkpoint and let retention delete one, but vanish before the change of number `moment`."""
    changes = itertools.count()

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        is_change = event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod")
        is_change = is_change or (event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & WRITING))
        if is_change and next(changes) == moment:
            os._exit(DIED_AS_TOLD)

    manager = CheckpointManager(directory, max_checkpoints=2)
    sys.addaudithook(watch)
    save(manager, 2)
    save(manager, 3)


def save_too_much(directory: str, message: str) -> None:
    manager = CheckpointManager(directory)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        save(manager, 4, size=100_000)
    except CheckpointError as error:
        Path(message).write_text(str(error))


def main() -> None:
    """Fork a writer for each line read; answer with its process id, and with its exit code when it has ended."""
    tasks: dict[str, Callable[..., None]] = {
        "save_forever": save_forever,
        "die_at": die_at,
        "save_too_much": save_too_much,
    }
    for line in sys.stdin:
        facts = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                tasks[facts.pop("name")](**facts)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
