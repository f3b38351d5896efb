"""A tracker in a process of its own, as the thread that feeds it sees it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from domain.strict_json import strict_json
from infrastructure.trackers.known import environment_of

WORKER = "infrastructure.trackers.worker"
HOME = Path(__file__).resolve().parents[2]
SECONDS_TO_LEAVE = 5.0


class TrackerFaultError(Exception):
    """A tracker could not do what it was asked."""


class TrackerProcess:
    """A process that is asked and answers, one question after the other; `answered_at` is when it last did."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            # An interrupt from the terminal is for the training, which then tells how it ended.
            start_new_session=True,
        )
        self.answered_at = time.monotonic()

    @classmethod
    def of(cls, name: str) -> "TrackerProcess":
        """Start the process of a tracker; no directory of the caller's goes before its library. Raises: OSError."""
        path = os.pathsep.join(filter(None, (str(HOME), os.environ.get("PYTHONPATH"))))
        environment = {**environment_of(name, os.environ), "PYTHONPATH": path}
        return cls((sys.executable, "-P", "-m", WORKER, name), environment)

    def ask(self, **question: Any) -> Mapping[str, Any]:
        """Ask, wait, and give the answer. Raises: TrackerFaultError, BrokenPipeError when it has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended, and may have said why
            self._process.stdin.write(strict_json(question).encode("ascii") + b"\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer = json.loads(line) if line.endswith(b"\n") else {"fault": f"its process ended ({self._leave()})"}
        if "fault" in answer:
            raise TrackerFaultError(answer["fault"])
        self.answered_at = time.monotonic()
        return answer

    def close(self) -> None:
        """Ask nothing more; it ends by itself or is ended."""
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]  # both are pipes
        self._leave()

    def kill(self) -> None:
        """End it at once, and what it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _leave(self) -> str:
        try:
            return f"exit code {self._process.wait(SECONDS_TO_LEAVE)}"
        except subprocess.TimeoutExpired:
            self.kill()
            return f"exit code {self._process.wait()}"
