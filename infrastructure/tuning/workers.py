"""Processes on this machine that work at a study with the one that began it."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from application.tuning_request import TuneModelRequest
from domain.exceptions import RunError
from domain.launch import num_cores
from domain.strict_json import strict_json
from infrastructure.tuning.ledger import WORKERS

HOME = Path(__file__).resolve().parents[2]
SECONDS_TO_LEAVE = 120.0
SECONDS_BETWEEN_LOOKS = 0.05
THREADS = "OMP_NUM_THREADS"


class StudyWorkers:
    """Starts processes that read their request from a pipe and leave when it closes, also when this one is killed."""

    def __init__(self, module: str) -> None:
        """Start `module`, which reads a line of JSON: the request, and where the study is."""
        self._module = module
        self._processes: Sequence[subprocess.Popen[bytes]] = ()
        self._logs: Sequence[Path] = ()

    def start(self, request: TuneModelRequest, output: str) -> None:
        """Start as many as are asked for, with the cores shared out among them. Raises: RunError."""
        path = os.pathsep.join(filter(None, (str(HOME), os.environ.get("PYTHONPATH"))))
        threads = os.environ.get(THREADS) or str(max(1, num_cores() // request.workers))
        environment = {**os.environ, "PYTHONPATH": path, THREADS: threads}
        line = strict_json({"request": request.model_dump(mode="json", exclude_unset=True), "output": output})
        try:
            (Path(output) / WORKERS).mkdir(exist_ok=True)
            self._logs = [Path(output) / WORKERS / f"{number + 1}.log" for number in range(request.workers)]
            self._processes = [self._started(log, environment) for log in self._logs]
            for process in self._processes:
                assert process.stdin is not None
                process.stdin.write(line.encode("ascii") + b"\n")
                process.stdin.flush()
        except OSError as error:
            self.stop()
            raise RunError(
                f"a worker cannot be started: {error.strerror or error}.", remedy="Ask for fewer --workers."
            ) from error

    def are_at_work(self) -> bool:
        """Tell whether any is still there."""
        return any(process.poll() is None for process in self._processes)

    def stop(self) -> None:
        """Close the pipes, by which all save and leave, and end those that do not."""
        for process in self._processes:
            with suppress(OSError):
                process.stdin.close()  # type: ignore[union-attr]  # a pipe
        end = time.monotonic() + SECONDS_TO_LEAVE
        while self.are_at_work() and time.monotonic() < end:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes = ()
        for log in self._logs:
            with suppress(OSError):
                if not log.stat().st_size:  # a worker has something to say when it fails
                    log.unlink()

    def _started(self, path: Path, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        with path.open("wb") as log:
            return subprocess.Popen(
                (sys.executable, "-m", self._module),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=environment,
                # An interrupt from the terminal is for the process that began the study, which then ends these.
                start_new_session=True,
            )
