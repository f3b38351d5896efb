"""Where it all happens: a folder for scratch, undisturbed runs to compare with, and the moves that cases share."""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.fault_harness.children import Body, Child, Ended, athanor, import_all
from benchmarks.fault_harness.comparing import Facts, differences, facts_of
from benchmarks.fault_harness.disk import KILL, Change, Disk, Fault, recorded
from benchmarks.fault_harness.jobs import FOUR, Job, Jobs

SAME = "same bytes"


@dataclass(frozen=True)
class Options:
    """How much is tried."""

    tasks: Sequence[str] = FOUR
    kills: int = 10
    writes: int = 16
    all_refusals: bool = False
    flips: int = 2
    seed: int = 0


@dataclass(frozen=True)
class Verdict:
    """What came of a case, in words that can be counted, and what was wrong about it, if anything.

    `tries` is how often it was attacked on the way.
    """

    outcome: str
    fault: str = ""
    tries: int = 1


@dataclass(frozen=True)
class Reference:
    """A run that nobody disturbed, the data cache warm: its facts, its duration, every change below its directory."""

    run: Path
    facts: Facts
    seconds: float
    changes: tuple[Change, ...]


class Stage:
    """Knows the scratch folder; everything that a case does, it does through this."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.cache = work / "cache"
        self.jobs = Jobs(work / "data")
        self._is_drawing = False
        self._references: dict[Job, Reference] = {}

    def warm_up(self, tasks: Sequence[str] = FOUR) -> None:
        """Learn from a first child of each task which modules the next ones need, and import them here."""
        names = self.work / "modules"
        self._is_drawing = True  # so that what draws is imported, and every picture is drawn once

        def tell() -> None:
            names.write_text("\n".join(sorted(sys.modules)))

        for task in tasks:
            job = self.jobs.of(task, 2, 2, 2)
            ended = self.run(lambda job=job: _then(athanor(*job.train(self.work / "warm" / job.task)), tell))  # type: ignore[misc]
            assert ended.exit_code == 0, ended.stderr
            import_all(names.read_text().splitlines())
        shutil.rmtree(self.work / "warm")
        self._is_drawing = False

    def reference(self, job: Job) -> Reference:
        """Run a job undisturbed, twice; the second time the data cache is warm and every change is written down."""
        if job not in self._references:
            # Paths of the run stand nowhere in its model, so that a case may run it elsewhere.
            run = self.work / "references" / f"{job.task}-{os.getpid()}-{len(self._references)}"
            record = run.with_suffix(".changes")
            for disk in ((), (Disk(run, record=record),)):
                shutil.rmtree(run, ignore_errors=True)
                record.unlink(missing_ok=True)
                ended = self.athanor(*job.train(run), before=(*job.before, *disk))
                assert ended.exit_code == 0, f"an undisturbed run fails: {ended.stderr}"
            self._references[job] = Reference(run, facts_of(run), ended.seconds, tuple(recorded(record)))
        return self._references[job]

    def changes_of_cache(self, job: Job) -> tuple[Change, ...]:
        """Give every change below the data cache by a run that finds it cold."""
        place = self.work / "references" / f"cache-of-{job.task}-{os.getpid()}"
        shutil.rmtree(place, ignore_errors=True)
        disk = Disk(place / "cache", record=place / "changes")
        ended = self.athanor(*job.train(place / "run"), before=(*job.before, disk), cache=place / "cache")
        assert ended.exit_code == 0, ended.stderr
        return tuple(recorded(place / "changes"))

    def start(self, body: Body, *, stdin: Path | None = None, cache: Path | None = None, **environment: str) -> Child:
        """Fork a child that has the cache of the stage, or another one."""
        variables = {"ATHANOR_CACHE": str(cache or self.cache), **environment}
        return Child(
            body if self._is_drawing else partial(_undrawn, body),
            self.work / "logs",
            stdin=stdin,
            environment=variables,
        )

    def run(self, body: Body, *, stdin: Path | None = None, cache: Path | None = None, **environment: str) -> Ended:
        """Run a child to its end."""
        return self.start(body, stdin=stdin, cache=cache, **environment).ended()

    def athanor(
        self, *words: object, before: Sequence[Body] = (), stdin: Path | None = None, cache: Path | None = None
    ) -> Ended:
        """Run the command line to its end."""
        return self.run(athanor(*words, before=before), stdin=stdin, cache=cache)

    def words_to_go_on(self, job: Job, run: Path) -> list[str]:
        """Give the words that go on with a run, or begin it where nothing was begun."""
        return ["resume", str(run)] if (run / "run.yaml").exists() else job.train(run)

    def go_on(
        self,
        job: Job,
        run: Path,
        *,
        ignoring: Sequence[str] = (),
        before: Sequence[Body] = (),
        cache: Path | None = None,
    ) -> Verdict:
        """Resume a run that was disturbed, or begin it anew, and compare it with the undisturbed one."""
        words = self.words_to_go_on(job, run)
        how = "resumed" if words[0] == "resume" else "begun anew"
        ended = self.athanor(*words, before=(*job.before, *before), cache=cache)
        return self.compared(job, run, ended, how, ignoring)

    def compared(self, job: Job, run: Path, ended: Ended, how: str = "", ignoring: Sequence[str] = ()) -> Verdict:
        """Ask of a run that has ended: exit 0 and the bytes of the undisturbed one.

        A kill behind the summary has left a finished run, which a resume refuses: that is an end as well.
        """
        if ended.exit_code == 2 and "is finished" in ended.stderr:
            how, ended = "was finished", replace(ended, exit_code=0)
        prefix = f"{how}: " if how else ""
        if ended.fault or ended.exit_code != 0:
            return Verdict(f"{prefix}exit {ended.exit_code}", f"{prefix}{what_was_said(ended)}")
        found = differences(self.reference(job).facts, facts_of(run), ignoring)
        return Verdict(f"{prefix}{'differs' if found else SAME}", f"{prefix}{'; '.join(found)}" if found else "")

    def stopped(self, job: Job, run: Path, at: Change) -> None:
        """Leave a run that was killed at a change."""
        ended = self.athanor(*job.train(run), before=(*job.before, Disk(run, Fault(at, KILL))))
        assert ended.exit_code == -9, f"{at} was not met: {ended.exit_code} {ended.stderr}"


def draw_nothing() -> None:
    """Let pictures be files of a few bytes, opened and written as real ones are: drawing takes most of a small run."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    def print_png(canvas: Any, path: Any, **named: Any) -> None:
        with open(path, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n")

    drawing: Any = FigureCanvasAgg
    drawing.print_png = print_png


def _undrawn(body: Body) -> None:
    draw_nothing()
    body()


def what_was_said(ended: Ended) -> str:
    """Say why a child's end is not the right one."""
    return ended.fault or f"exit {ended.exit_code}: {ended.last_line[:160]}"


def sentence_or_fault(ended: Ended, *, codes: Sequence[int] = (1, 2), naming: str = "") -> Verdict:
    """Ask for a refusal: one of these exit codes, a sentence that names what is wrong, no traceback."""
    if not ended.in_a_sentence or ended.exit_code not in codes:
        return Verdict(f"exit {ended.exit_code}", f"not refused in a sentence: {what_was_said(ended)}")
    if naming.lower() not in ended.stderr.lower():
        return Verdict(f"exit {ended.exit_code}", f"does not name {naming!r}: {ended.last_line[:160]}")
    return Verdict(f"refused in a sentence, exit {ended.exit_code}")


def fresh_copy(source: Path, target: Path) -> Path:
    """Copy a directory to a place that may hold an earlier copy."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)
    return target


def may_mount() -> str:
    """Say why no small disk can be had here; empty when one can."""
    if not sys.platform.startswith("linux"):
        return "a tmpfs needs Linux"
    return "" if os.geteuid() == 0 else "a tmpfs needs root"


def _then(body: Body, tell: Callable[[], None]) -> None:
    try:
        body()
    finally:
        tell()
