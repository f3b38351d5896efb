"""Runs programs with their tests, a confined process each, several at a time; none of them outlives the call."""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from secrets import token_bytes
from typing import Any

from domain.exceptions import ConfigurationError
from domain.program_tests import ERROR, OUTCOMES, PASSED, TIMEOUT, Limits, Program, Verdict
from domain.strict_json import strict_json

WORKER = "infrastructure.sandbox.worker"
HOME = Path(__file__).resolve().parents[2]
SECRET_BYTES = 32
MOST_SAID = 4096
# A program that waits uses no time of a processor, and one beside others gets it late: a reference of MBPP that takes
# 2.7 s of a processor had not ended after 15 s where eleven others wanted two.
WALL_PER_CPU_SECOND = 10
PROTECTIONS = (
    "Each program ran in a process of its own: no network, no other process, no file written, none read but the"
    " standard library (Landlock, seccomp)."
)


def require_protections() -> None:
    """Try what a confined process must not be able to do. Raises: ConfigurationError naming what does not hold."""
    told = _probed() if sys.platform == "linux" else "no Landlock and no seccomp, which are Linux's"
    if told:
        raise ConfigurationError(
            f"run_tests runs programs apart alone, and this machine has {told}.",
            remedy="Use Linux 5.13 or newer on x86-64 or ARM64; a container must allow Landlock and seccomp.",
        )


def processors() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_programs(
    programs: Sequence[Program], limits: Limits, at_once: int, ended: Callable[[], None] = lambda: None
) -> list[Verdict]:
    """Give what became of each program, in order; `ended` is called once for each. Raises: ConfigurationError."""
    require_protections()
    verdicts: dict[int, Verdict] = {}
    with _empty_directory() as directory, ExitStack() as stack, selectors.DefaultSelector() as waiting:
        running: dict[int, _Process] = {}
        stack.callback(lambda: [process.kill() for process in running.values()])
        pending = iter(enumerate(programs))
        while True:
            while len(running) < at_once and (following := next(pending, None)):
                number, program = following
                asked = {"program": program.text, "tests": program.tests}
                running[number] = _Process(asked, directory, limits)
                waiting.register(running[number].results, selectors.EVENT_READ, number)
            if not running:
                return [verdicts[number] for number in range(len(programs))]
            first = min(process.deadline for process in running.values())
            heard = {key.data for key, _ in waiting.select(max(0.0, first - time.monotonic()))}
            for number, process in list(running.items()):
                if process.has_ended(number in heard):
                    waiting.unregister(process.results)
                    verdicts[number] = running.pop(number).verdict()
                    ended()


def _probed() -> str:
    """Say what does not hold, empty when all does."""
    with _empty_directory() as directory, ExitStack() as stack:
        process = _Process({"probe": __file__}, directory, Limits(time_limit=60))
        stack.callback(process.kill)
        while not process.has_ended(True):
            pass
        said = process.said()
    return str(said.get("missing", "a sandbox that does not start"))


@contextmanager
def _empty_directory() -> Iterator[str]:
    """Make the place where programs begin, in which nothing is and nothing can be written."""
    with tempfile.TemporaryDirectory(prefix="athanor-programs-") as directory:
        yield directory


class _Process:
    """One worker, from its start to its end; `results` is what it says what it found on."""

    def __init__(self, asked: Mapping[str, Any], directory: str, limits: Limits) -> None:
        self._limits = limits
        self._secret = token_bytes(SECRET_BYTES)
        self.results, said_there = os.pipe()
        self._said = b""
        self._process = subprocess.Popen(
            # Not isolated (-I): its environment is ours, and a seed of hashes of our own makes sets repeat themselves.
            (sys.executable, "-s", "-S", "-P", "-B", "-m", WORKER, str(said_there)),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(said_there,),
            cwd=directory,
            env={"PYTHONPATH": str(HOME), "PYTHONHASHSEED": "0", "MALLOC_ARENA_MAX": "1", "PYTHONUTF8": "1"},
            start_new_session=True,
        )
        os.close(said_there)
        self.deadline = time.monotonic() + limits.time_limit * WALL_PER_CPU_SECOND
        told = strict_json({**asked, **asdict(limits)}).encode()
        assert self._process.stdin is not None
        with suppress(BrokenPipeError), self._process.stdin as questions:
            questions.write(len(told).to_bytes(8, "big") + told + self._secret)

    def has_ended(self, is_heard: bool) -> bool:
        """Tell whether there is nothing to wait for; hears what it says when there is something to be heard."""
        if is_heard:
            part = os.read(self.results, MOST_SAID)
            self._said += part
            if not part or part.endswith(b"\n") or len(self._said) >= MOST_SAID:
                return True
        return time.monotonic() >= self.deadline

    def said(self) -> Mapping[str, Any]:
        """Give what it said, nothing where that was no line of ours."""
        try:
            told = json.loads(self._said)
        except (ValueError, RecursionError):
            return {}
        return told if isinstance(told, dict) else {}

    def verdict(self) -> Verdict:
        """End it and say what became of its program."""
        is_late = time.monotonic() >= self.deadline
        status, seconds = self.kill()
        said = self.said()
        outcome, told = said.get("outcome"), said.get("told", "")
        if outcome == PASSED and said.get("secret") == self._secret.hex():
            return Verdict(PASSED)
        if outcome in OUTCOMES and outcome != PASSED and isinstance(told, str):
            # An error may say halves of characters, which no file can hold.
            return Verdict(outcome, told.encode("utf-8", "backslashreplace").decode())
        # The kernel counts by ticks and may end what has used less by the clock; what catches SIGXCPU has used more.
        is_out_of_time = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
        if is_late or is_out_of_time or seconds >= self._limits.time_limit:
            return Verdict(TIMEOUT, f"it took longer than {self._limits.time_limit} s")
        if os.WIFSIGNALED(status):
            return Verdict(ERROR, f"{signal.Signals(os.WTERMSIG(status)).name} ended it before its tests did")
        return Verdict(ERROR, "it ended before its tests did")

    def kill(self) -> tuple[int, float]:
        """End it, which changes nothing of one that has ended; gives its status and its seconds of a processor."""
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)
        _, status, used = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        os.close(self.results)
        return status, used.ru_utime + used.ru_stime
