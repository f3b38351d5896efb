"""Signals in each phase of a run, once and twice; and while Python still imports."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.fault_harness.cases import Case
from benchmarks.fault_harness.children import HANG_SECONDS, Body, Ended
from benchmarks.fault_harness.disk import Change, Disk, Fault
from benchmarks.fault_harness.injections import Prepare, at_call, at_phase
from benchmarks.fault_harness.jobs import ROOT, Job
from benchmarks.fault_harness.stage import SAME, Options, Stage, Verdict, what_was_said

SECTION = "signals"
EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
RIGHT = f"exit 130, 143 or 129 without a traceback, then {SAME}"
TOOK_NO_NOTICE = f"the run was all but over: {SAME}"
# What Python imports first, last, and in between; the signal comes just before.
IMPORTED = ("click", "pydantic", "torch", "transformers", "infrastructure.container")
_IMPORTING = """
import os, runpy, sys
def hook(event, arguments, told=[]):
    if event == "import" and arguments[0] == {module!r} and not told:
        told.append(1)
        os.kill(os.getpid(), {number})
sys.addaudithook(hook)
sys.argv = ["athanor", *sys.argv[1:]]
runpy.run_module("presentation.cli", run_name="__main__", alter_sys=True)
"""


def cases(stage: Stage, options: Options) -> Iterator[Case]:
    """Give every signal for every phase."""
    for task in options.tasks:
        job = stage.jobs.of(task, steps=6, save=2, evaluate=2)
        for phase, prepared in _phases(stage, job).items():
            for number in EXIT_CODES:
                for times in (1, 2):
                    attack = partial(_signalled, stage, job, prepared, number, times)
                    group = f"{number.name}{' twice' if times == 2 else ''}"
                    yield Case(SECTION, task, group, phase, RIGHT, attack)
    job = stage.jobs.of(options.tasks[0], steps=6, save=2, evaluate=2)
    for module in IMPORTED:
        for number in EXIT_CODES:
            attack = partial(_while_importing, job, module, number)
            right = "ends by the signal or in a sentence, without a traceback and a run directory"
            yield Case(SECTION, job.task, f"{number.name} while Python imports", module, right, attack)


Prepared = Callable[[Path, Body], Body]


def _phases(stage: Stage, job: Job) -> dict[str, Prepared]:
    """Give for each phase how to have something called in it, given the run directory."""
    changes = stage.reference(job).changes
    found = {
        "saving the first state": "staging-step-00000000/manifest.json",
        "saving": "staging-step-00000004/manifest.json",
        "export": "staging-model/",
        "summary": "staging-summary.json",
        "pictures": ".png",
    }
    written = {}
    for phase, text in found.items():
        change = next((c for c in changes if text in c.path), None)
        if change is not None:
            written[phase] = partial(_at_change, change)
    called = {
        "loading": at_phase("load"),
        "building": at_phase("build"),
        "preparing": at_phase("prepare"),
        "first step": at_call("loss_sum", 0),
        "a step in the middle": at_call("loss_sum", 5),
        "evaluation": at_call("evaluation", 1),
        "report": at_phase("report"),
    }
    return {**{phase: partial(_ignoring_run, prepare) for phase, prepare in called.items()}, **written}


def _at_change(change: Change, run: Path, act: Body) -> Body:
    return Disk(run, Fault(change, act=act))


def _ignoring_run(prepare: Prepare, run: Path, act: Body) -> Body:
    return prepare(act)


def _signalled(stage: Stage, job: Job, prepared: Prepared, number: signal.Signals, times: int, place: Path) -> Verdict:
    run = place / "run"

    def act() -> None:
        for _ in range(times):
            os.kill(os.getpid(), number)

    ended = stage.athanor(*job.train(run), before=(*job.before, prepared(run, act)), cache=place / "cache")
    if ended.fault and not _dies_of(number, ended):
        return Verdict(f"exit {ended.exit_code}", ended.fault)
    if ended.exit_code == 0:
        return stage.compared(job, run, ended, "took no notice")
    if ended.exit_code != EXIT_CODES[number] and not _dies_of(number, ended):
        return Verdict(f"exit {ended.exit_code}", f"exit {ended.exit_code}: {what_was_said(ended)}")
    begun = (run / "run.yaml").exists()
    if not begun and run.exists():
        return Verdict("left something behind", f"no run, but {sorted(p.name for p in run.iterdir())}")
    went_on = stage.go_on(job, run)
    return Verdict(f"exit {ended.exit_code}, then {went_on.outcome}", went_on.fault)


def _dies_of(number: int, ended: Ended) -> bool:
    """Tell whether it died of the signal itself, as a program does that has not begun anything yet."""
    return ended.exit_code == -number and not ended.hung and "Traceback" not in ended.stderr


def _while_importing(job: Job, module: str, number: signal.Signals, place: Path) -> Verdict:
    program = _IMPORTING.format(module=module, number=int(number))
    done = subprocess.run(
        [sys.executable, "-c", program, *job.train(place / "run")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ATHANOR_CACHE": str(place / "cache")},
        check=False,
    )
    if "Traceback" in done.stderr:
        return Verdict("traceback", f"traceback: {done.stderr.strip().splitlines()[-1][:160]}")
    if done.returncode not in (EXIT_CODES[number], -number):
        return Verdict(f"exit {done.returncode}", f"exit {done.returncode}: {done.stderr[-160:]}")
    left = sorted(p.name for p in (place / "run").glob("*"))
    return Verdict(f"exit {done.returncode}", f"left behind: {left}" if left else "")
