"""A real small disk that fills up: anywhere in a run, just when the model is written, when the tokenizer is."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.fault_harness.cases import Case, Skipped
from benchmarks.fault_harness.disk import Change, Disk, Fault
from benchmarks.fault_harness.jobs import Job
from benchmarks.fault_harness.stage import Options, Reference, Stage, Verdict, may_mount, sentence_or_fault

SECTION = "full_disk"
RIGHT = "the same bytes, at once or, after a refusal in a sentence, once there is room"
ROOM = "size=400m"
SHARES = (0.02, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95, 1.1)
KIB_LEFT = (0, 4, 40, 400)


def cases(stage: Stage, options: Options) -> Iterator[Case | Skipped]:
    """Give disks of many sizes, and disks that fill up at two instants."""
    if reason := may_mount() or _refusal_to_mount(stage.work / "disk"):
        yield Skipped(SECTION, reason)
        return
    for task in options.tasks:
        job = stage.jobs.of(task, steps=4, save=2, evaluate=2)
        reference = stage.reference(job)
        used = sum(path.stat().st_size for path in reference.run.rglob("*") if path.is_file()) // 1024
        for share in SHARES:
            attack = partial(_small, stage, job, max(16, int(used * share)))
            yield Case(SECTION, task, "a disk too small", f"{share:g} of a finished run", RIGHT, attack)
        for group, change in _instants(reference):
            for kib in KIB_LEFT:
                attack = partial(_filled_at, stage, job, change, kib)
                yield Case(SECTION, task, group, f"{kib} KiB left", RIGHT, attack)


def _instants(reference: Reference) -> Iterator[tuple[str, Change]]:
    """Find when the final model and the tokenizer begin to be written."""
    for group, text in (("full at the export", ".staging-model"), ("full at the tokenizer", ".staging-tokenizer")):
        found = next((c for c in reference.changes if c.path == text), None)
        if found is not None:
            yield group, found


def _small(stage: Stage, job: Job, kib: int, place: Path) -> Verdict:
    with small_disk(place / "disk", f"size={kib}k") as disk:
        return _room_made(stage, job, disk / "run", lambda: None, ())


def _filled_at(stage: Stage, job: Job, change: Change, kib: int, place: Path) -> Verdict:
    with small_disk(place / "disk", ROOM) as disk:
        run, filler = disk / "run", disk / "filler"

        def fill() -> None:
            with filler.open("wb") as file:
                file.write(bytes(max(0, shutil.disk_usage(disk).free - 1024 * kib)))

        return _room_made(
            stage, job, run, lambda: filler.unlink(missing_ok=True), (Disk(run, Fault(change, act=fill)),)
        )


def _room_made(
    stage: Stage, job: Job, run: Path, make_room: Callable[[], None], before: tuple[Callable[[], None], ...]
) -> Verdict:
    """Train until the disk is full; make room; go on; compare."""
    ended = stage.athanor(*job.train(run), before=(*job.before, *before))
    if ended.exit_code == 0:
        return stage.compared(job, run, ended, "went on")
    said = sentence_or_fault(ended)
    if said.fault:
        return said
    staging = [str(path.relative_to(run)) for path in run.rglob(".staging-*")]
    if staging:
        return Verdict("left something behind", f"left behind: {', '.join(staging)}")
    make_room()
    subprocess.run(["mount", "-o", f"remount,{ROOM}", str(run.parent)], check=True)
    went_on = stage.go_on(job, run)
    return Verdict(f"exit {ended.exit_code}, then {went_on.outcome}", went_on.fault)


@contextmanager
def small_disk(place: Path, options: str) -> Iterator[Path]:
    """Mount a tmpfs for a while."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True, capture_output=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def _refusal_to_mount(place: Path) -> str:
    try:
        with small_disk(place, "size=64k"):
            return ""
    except (OSError, subprocess.CalledProcessError):
        return "this place lets nobody mount a tmpfs"
