"""Several processes of one run on this machine, as torchrun starts them, which meet by gloo.

Most tests need no torchrun: `in_ranks` and `athanor_in_ranks` fork processes that have torch already, and tell each
its place in the environment. `torchrun` is the real one, and takes seconds for its imports alone.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.command_line import Answer
from tests.support.forked import ROOT, SECONDS_BETWEEN_LOOKS, Forked, start, start_function

# What ends when another is lost does so within seconds; who has not by then waits for ever.
SECONDS_TO_FOLLOW = 20
SECONDS_TO_END = 300.0


def in_ranks(
    size: int,
    function: Callable[..., Any],
    answers: Path,
    timeout_seconds: float = SECONDS_TO_END,
    **given: Any,
) -> list[Any]:
    """Call a function of a test module in so many processes; gives what each returned, by rank.

    Arguments and answers are what JSON knows. Each process has one thread, and its files in `answers`/RANK.
    Raises: AssertionError with what the failing ranks wrote, TimeoutError when one goes on for too long.
    """
    ranks = [
        start_function(function, given, answers / str(rank), environment)
        for rank, environment in enumerate(environments(size))
    ]
    codes = ended(ranks, timeout_seconds)
    assert not any(codes), _told(ranks)
    return [rank.result for rank in ranks]


def athanor_in_ranks(
    size: int,
    words: Sequence[object],
    answers: Path,
    timeout_seconds: float = SECONDS_TO_END,
    directory: Path = ROOT,
    **environment: str,
) -> list[Answer]:
    """Call `athanor WORDS` in so many processes; gives the answer of each, by rank, whatever their exit codes are."""
    ranks = start_athanor(size, words, answers, directory, **environment)
    codes = ended(ranks, timeout_seconds)
    return [Answer(code, rank.stdout, rank.stderr) for code, rank in zip(codes, ranks, strict=True)]


def start_athanor(
    size: int, words: Sequence[object], answers: Path, directory: Path = ROOT, **environment: str
) -> list[Forked]:
    """Begin `athanor WORDS` in so many processes, which can be sent signals; wait for them by `ended`."""
    return [
        start(words, answers / str(rank), environment={**own, **environment}, directory=directory)
        for rank, own in enumerate(environments(size))
    ]


def ended(ranks: Sequence[Forked], timeout_seconds: float = SECONDS_TO_END) -> list[int]:
    """Wait for all of them; gives their exit codes, negative for a signal. Nothing is left running.

    Raises: TimeoutError with what they wrote, for one that goes on, or that does so behind the failure of another.
    """
    deadline = time.monotonic() + timeout_seconds
    try:
        while None in (codes := [rank.poll() for rank in ranks]):
            if any(codes):
                deadline = min(deadline, time.monotonic() + SECONDS_TO_FOLLOW)
            if time.monotonic() > deadline:
                raise TimeoutError(f"ranks {[n for n, code in enumerate(codes) if code is None]} go on. {_told(ranks)}")
            time.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        for rank in ranks:
            if rank.poll() is None:
                rank.send_signal(signal.SIGKILL)
                rank.wait()
    return [code for code in codes if code is not None]


def environments(size: int) -> list[dict[str, str]]:
    """Give what torchrun would say to each of so many processes of one node, who meet at a free port."""
    alike = {
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "TORCHELASTIC_RESTART_COUNT": "0",
        "TORCHELASTIC_RUN_ID": "none",
        "OMP_NUM_THREADS": "1",
    }
    return [{**alike, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(size)]


def free_port() -> int:
    """Find a port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def torchrun(
    size: int,
    words: Sequence[object],
    *options: str,
    timeout_seconds: float = SECONDS_TO_END,
    environment: Mapping[str, str] | None = None,
) -> Answer:
    """Call `torchrun OPTIONS -m presentation.cli WORDS` with so many processes; nothing is left running.

    Raises: TimeoutError with what they wrote.
    """
    with begun_by_torchrun(size, words, *options, environment=environment) as agent:
        try:
            stdout, stderr = agent.communicate(timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            os.killpg(agent.pid, signal.SIGKILL)
            raise TimeoutError("\n".join(agent.communicate())) from None
    return Answer(agent.returncode, stdout, stderr)


def begun_by_torchrun(
    size: int, words: Sequence[object], *options: str, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Begin it, in a process group of its own."""
    started_by = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={size}", *options]
    return subprocess.Popen(
        [*started_by, "-m", "presentation.cli", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _told(ranks: Sequence[Forked]) -> str:
    """Give what each of those wrote that did not end well."""
    codes = [rank.poll() for rank in ranks]
    return "\n".join(
        f"--- rank {number} ({'goes on' if codes[number] is None else codes[number]}):\n{rank.stderr}"
        for number, rank in enumerate(ranks)
        if codes[number] != 0
    )
