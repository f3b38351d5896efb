"""SIGKILL at random instants; the resumes are killed too."""

import random
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.fault_harness.cases import Case
from benchmarks.fault_harness.children import athanor
from benchmarks.fault_harness.disk import Disk, Fault
from benchmarks.fault_harness.jobs import Job
from benchmarks.fault_harness.stage import SAME, Options, Stage, Verdict, what_was_said
from domain.task import TASKS

SECTION, SECTION_OF_ALL = "kills", "tasks"
KILLS_IN_A_CHAIN = 10
KILLS_OF_A_QUICK_RUN = 4


def cases(stage: Stage, options: Options) -> Iterator[Case]:
    """Give chains of kills for each of the tasks."""
    for task in options.tasks:
        # Patience that never ends: a run that stops early would leave the later instants untried.
        job = stage.jobs.of(task, steps=24, save=2, evaluate=6, early_stopping_patience=100)
        stage.reference(job)
        for first in range(0, options.kills, KILLS_IN_A_CHAIN):
            kills = min(KILLS_IN_A_CHAIN, options.kills - first)
            attack = partial(chain, stage, job, kills, f"{options.seed} {task} {first}")
            yield Case(SECTION, task, "SIGKILL at random instants", f"from-{first}", SAME, attack)


def cases_of_all_tasks(stage: Stage, options: Options) -> Iterator[Case]:
    """Give kills for the quick run of whatever task is registered."""
    for task in TASKS.values():
        job = stage.jobs.quick(task)
        reference = stage.reference(job)
        attack = partial(chain, stage, job, KILLS_OF_A_QUICK_RUN, f"{options.seed} {task.name}")
        yield Case(SECTION_OF_ALL, task.name, "SIGKILL at random instants, quick run", "chain", SAME, attack)
        for change in reference.changes:
            if change.operation == "os.rename":
                fault = Fault(change, "kill")
                yield Case(
                    SECTION_OF_ALL,
                    task.name,
                    "SIGKILL before each rename, quick run",
                    str(change),
                    SAME,
                    partial(_killed_at, stage, job, fault),
                )


def chain(stage: Stage, job: Job, kills: int, seed: str, place: Path) -> Verdict:
    """Kill one run so many times, whatever it is at, then let it end and compare."""
    instants, length = random.Random(seed), stage.reference(job).seconds
    run, done, runs = place / "run", 0, 1
    told: list[str] = []
    while done < kills:
        instant = instants.uniform(0.03, length * instants.choice((0.4, 0.6, 1.0)))
        told.append(f"{instant:.2f} s")
        child = stage.start(athanor(*stage.words_to_go_on(job, run), before=job.before))
        if not child.wait(instant):
            child.send(signal.SIGKILL)
        ended = child.ended()
        if ended.exit_code == -signal.SIGKILL:
            done += 1
            continue
        compared = stage.compared(job, run, ended, "ended before its kill")
        if compared.fault:
            return Verdict("broken", f"{compared.fault}, after kills at {', '.join(told)}", kills)
        runs += 1
        run = place / f"run-{runs}"
    verdict = stage.go_on(job, run)
    fault = f"{verdict.fault}, after kills at {', '.join(told)}" if verdict.fault else ""
    return Verdict(f"{kills} kills: {SAME}" if not fault else "broken", fault, kills)


def _killed_at(stage: Stage, job: Job, fault: Fault, place: Path) -> Verdict:
    run = place / "run"
    ended = stage.athanor(*job.train(run), before=(*job.before, Disk(run, fault)))
    if ended.exit_code != -signal.SIGKILL:
        return Verdict("not met", what_was_said(ended))
    return stage.go_on(job, run)
