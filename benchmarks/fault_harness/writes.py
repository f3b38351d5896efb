"""Every write, sync, rename and removal of a run: killed, torn or refused by the disk."""

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.fault_harness.cases import Case
from benchmarks.fault_harness.children import Ended
from benchmarks.fault_harness.disk import KILL, REFUSALS, TORN, WRITES, Change, Disk, Fault
from benchmarks.fault_harness.jobs import FOUR, Job
from benchmarks.fault_harness.stage import SAME, Options, Stage, Verdict, sentence_or_fault

SECTION = "writes"
REFUSED_RIGHT = "went on with the same bytes, or refused in a sentence and the same bytes after the resume"
ALL_REFUSALS = [(what, lasting) for lasting in (False, True) for what in REFUSALS]


@dataclass(frozen=True)
class Target:
    """Where changes are met: below the run directory, or below the data cache of a run that finds it cold."""

    where: str
    changes: Sequence[Change]


def cases(stage: Stage, options: Options) -> Iterator[Case]:
    """Give for every change, or every so many, a kill, in the middle of it where it is a write, and refusals.

    Each change meets one refusal of the eight (four errnos, once or lasting) and each task another one, so that
    every kind of place meets all of them over the tasks; `all_refusals` tries all eight everywhere.
    """
    for task in options.tasks:
        number = FOUR.index(task)
        job = stage.jobs.of(task, steps=2, save=1, evaluate=2, logging_steps=2, max_checkpoints=1)
        targets = [Target("run", stage.reference(job).changes), Target("cache", stage.changes_of_cache(job))]
        for target in targets:
            for at, change in enumerate(target.changes):
                if at % options.writes == 0:
                    refusals = ALL_REFUSALS if options.all_refusals else [ALL_REFUSALS[(at + 3 * number) % 8]]
                    yield from _cases_at(stage, job, target.where, change, refusals)


def _cases_at(
    stage: Stage, job: Job, where: str, change: Change, refusals: Sequence[tuple[str, bool]]
) -> Iterator[Case]:
    # Before the bytes of a write comes an opening or another write, which are killed themselves.
    what = TORN if change.operation in WRITES else KILL
    attack = partial(killed, stage, job, where, Fault(change, what))
    yield Case(SECTION, job.task, f"{what} at changes of the {where}", str(change), SAME, attack)
    for what, lasting in refusals:
        attack = partial(refused, stage, job, where, Fault(change, what, lasting))
        group = f"{what}{' from there on' if lasting else ''} at changes of the {where}"
        yield Case(SECTION, job.task, group, str(change), REFUSED_RIGHT, attack)


def killed(stage: Stage, job: Job, where: str, fault: Fault, place: Path) -> Verdict:
    """Die at a change, go on, compare."""
    run = place / "run"
    ended = _met(stage, job, where, fault, place)
    if ended.exit_code == -signal.SIGKILL:
        return stage.go_on(job, run, cache=_cache_of(where, place))
    # A thread may come to it too late: then nothing at all must have happened.
    return stage.compared(job, run, ended, "not met")


def refused(stage: Stage, job: Job, where: str, fault: Fault, place: Path) -> Verdict:
    """Be refused at a change; then, the disk whole again, go on and compare."""
    run = place / "run"
    ended = _met(stage, job, where, fault, place)
    if ended.exit_code == 0:
        # A disk that refuses everything from there on refuses to tidy up as well, and who may not remove the lock
        # file leaves it, which holds nobody.
        stays = fault.lasting or "run.lock" in str(fault.change)
        return stage.compared(job, run, ended, "went on", ("leftovers",) if stays else ())
    said = sentence_or_fault(ended)
    if said.fault:
        return said
    left = [] if (run / "run.yaml").exists() else sorted(path.name for path in run.glob("*"))
    if left and not (fault.lasting and where == "run"):  # a disk that refuses everything refuses to tidy up as well
        return Verdict("left something behind", f"no run, but left behind: {', '.join(left)}")
    went_on = stage.go_on(job, run, cache=_cache_of(where, place))
    return Verdict(f"exit {ended.exit_code}, then {went_on.outcome}", went_on.fault)


def _met(stage: Stage, job: Job, where: str, fault: Fault, place: Path) -> Ended:
    run, cache = place / "run", _cache_of(where, place)
    disk = Disk(cache or run, fault)
    return stage.athanor(*job.train(run), before=(*job.before, disk), cache=cache)


def _cache_of(where: str, place: Path) -> Path | None:
    return place / "cache" if where == "cache" else None
