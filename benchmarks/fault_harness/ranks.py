"""SIGKILL of one rank at random instants: torchrun starts all anew, and the run ends as the undisturbed one."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.fault_harness.cases import Case, Skipped
from benchmarks.fault_harness.children import HANG_SECONDS
from benchmarks.fault_harness.comparing import Facts, differences, facts_of
from benchmarks.fault_harness.jobs import ROOT, Job
from benchmarks.fault_harness.stage import SAME, Options, Stage, Verdict

SECTION = "ranks"
RANKS = 2
STEPS, SAVE, EVALUATE = 40, 4, 10
SECONDS_BETWEEN_LOOKS, SECONDS_WITHIN_A_STAGE = 0.005, 0.1
# Of each so many kills of a run under ddp one is tried under fsdp as well.
KILLS_FOR_ONE_OF = {"ddp": 1, "fsdp": 3}
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={RANKS}", "--max-restarts=3")


@dataclass(frozen=True)
class Undisturbed:
    """What a run of several ranks ends with, and how far it has come then, as `Launched.progress` counts."""

    facts: Facts
    length: int


def cases(stage: Stage, options: Options) -> Iterator[Case | Skipped]:
    """Give kills of one of two ranks, at an instant between its first word and its end."""
    if not sys.platform.startswith("linux"):
        yield Skipped(SECTION, "who is which rank is read from /proc, which needs Linux")
        return
    task = options.tasks[0]
    for parallel, one_of in KILLS_FOR_ONE_OF.items():
        job = stage.jobs.of(task, STEPS, SAVE, EVALUATE, parallel=parallel, early_stopping_patience=100)
        undisturbed = _undisturbed(stage, job)
        for number in range(0, options.kills, one_of):
            attack = partial(_killed, stage, job, undisturbed, f"{options.seed} {parallel} {number}")
            group = f"SIGKILL of one of {RANKS} ranks, {parallel}"
            yield Case(SECTION, task, group, f"kill-{number}", SAME, attack)


class Launched:
    """A run under torchrun; what its processes said is in a file."""

    def __init__(self, stage: Stage, job: Job, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self.run = place / "run"
        self._said = place / "said"
        with self._said.open("wb") as said:
            self._agent = subprocess.Popen(
                [sys.executable, *TORCHRUN, "-m", "presentation.cli", *job.train(self.run)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "ATHANOR_CACHE": str(stage.cache)},
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """Everything that was said."""
        return self._said.read_text(errors="replace")

    @property
    def progress(self) -> int:
        """Count lines that were said and steps that were taken: by the clock no two runs are equally far."""
        metrics = self.run / "metrics.jsonl"
        lines = metrics.read_bytes().splitlines() if metrics.exists() else []
        return self.said.count("\n") + len({line.partition(b'"step":')[2].partition(b",")[0] for line in lines})

    def has_ended(self) -> bool:
        """Tell whether it is over."""
        return self._agent.poll() is not None

    def ranks(self) -> dict[int, int]:
        """Give the process of each rank once all are there."""
        while self._agent.poll() is None:
            found = dict(filter(None, map(_rank_of, self._children())))
            if len(found) == RANKS:
                return found
            time.sleep(0.01)
        return {}

    def ended(self) -> int:
        """Wait for the end; gives the exit code. A run that hangs is killed."""
        try:
            return self._agent.wait(HANG_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in (*self._children(), self._agent.pid):
                os.kill(pid, signal.SIGKILL)
            return self._agent.wait()

    def _children(self) -> list[int]:
        pid = self._agent.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _rank_of(pid: int) -> tuple[int, int] | None:
    """Tell which rank a process is; None for one that is none, or not yet."""
    with suppress(OSError):
        for variable in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if variable.startswith(b"RANK="):
                return int(variable.removeprefix(b"RANK=")), pid
    return None


def _undisturbed(stage: Stage, job: Job) -> Undisturbed:
    launched = Launched(stage, job, stage.work / "references" / f"ranks-{dict(job.settings)['parallel']}")
    code = launched.ended()
    assert code == 0, launched.said
    return Undisturbed(facts_of(launched.run), launched.progress)


def _killed(stage: Stage, job: Job, undisturbed: Undisturbed, seed: str, place: Path) -> Verdict:
    chance = random.Random(seed)
    rank, instant = chance.randrange(RANKS), chance.randint(1, undisturbed.length)
    launched = Launched(stage, job, place)
    ranks = launched.ranks()
    while launched.progress < instant and not launched.has_ended():
        time.sleep(SECONDS_BETWEEN_LOOKS)
    time.sleep(chance.uniform(0, SECONDS_WITHIN_A_STAGE))
    at = _where(launched.run)
    with suppress(ProcessLookupError):
        os.kill(ranks[rank], signal.SIGKILL)
    code = launched.ended()
    if code != 0:
        return Verdict("broken", f"exit {code} after a kill of rank {rank} {at}: {launched.said[-600:]}")
    found = differences(undisturbed.facts, facts_of(launched.run))
    fault = f"{'; '.join(found)}, after a kill of rank {rank} {at}" if found else ""
    hit = "exitcode: -9" in launched.said
    return Verdict(f"{at if hit else 'ended before its kill'}: {'differs' if found else SAME}", fault)


def _where(run: Path) -> str:
    """Say how far a run has come."""
    if (run / "summary.json").exists():
        return "behind the summary"
    if (run / "model").exists():
        return "in the report"
    saved = sorted(run.glob("checkpoints/step-*"))
    return f"behind {saved[-1].name}" if saved else "before the first save"
