"""Runs the command line in children of a process that has imported everything once: a run takes about a second."""

import gc
import io
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

HANG_SECONDS = 180.0
TRACEBACK = "Traceback (most recent call last)"
Body = Callable[[], None]


@dataclass(frozen=True)
class Ended:
    """What a child left: its exit code, negative for the signal that killed it, and what it said."""

    exit_code: int
    stdout: str
    stderr: str
    seconds: float
    hung: bool = False

    @property
    def last_line(self) -> str:
        """The last thing it said on standard error."""
        return next((line for line in reversed(self.stderr.splitlines()) if line.strip()), "")

    @property
    def fault(self) -> str:
        """What no case forgives: a hang, a traceback, a death that nobody sent."""
        if self.hung:
            return f"hung for {HANG_SECONDS:g} s"
        if TRACEBACK in self.stderr:
            return f"traceback: {self.last_line[:160]}"
        if self.exit_code < 0 and self.exit_code != -signal.SIGKILL:
            return f"died of signal {-self.exit_code}"
        return ""

    @property
    def in_a_sentence(self) -> bool:
        """Tell whether it ended as a foreseen failure does: exit 1 or 2, and a line that says why."""
        return not self.fault and self.exit_code in (1, 2) and "error: " in self.stderr


class Child:
    """A forked process that runs `body` with files as its standard streams."""

    def __init__(
        self, body: Body, logs: Path, *, stdin: Path | None = None, environment: dict[str, str] | None = None
    ) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        stem = f"{os.getpid()}-{time.monotonic_ns()}"
        self._out, self._err = logs / f"{stem}.out", logs / f"{stem}.err"
        self._began = time.monotonic()
        self._status: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _live(body, self._out, self._err, stdin or Path(os.devnull), environment or {})

    def send(self, number: int) -> None:
        """Send a signal, if there is still somebody to receive it."""
        if not self.has_ended():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def has_ended(self) -> bool:
        """Tell whether it is gone; does not wait."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = status if pid else None
        return self._status is not None

    def wait(self, until: float = HANG_SECONDS) -> bool:
        """Wait until it has ended or is so many seconds old; tells which."""
        while not self.has_ended() and time.monotonic() - self._began < until:
            time.sleep(0.002)
        return self.has_ended()

    def ended(self) -> Ended:
        """Wait for its end; one that hangs is killed."""
        hung = not self.wait()
        if hung:
            os.kill(self.pid, signal.SIGKILL)
            self.wait(float("inf"))
        out, err = (path.read_text(errors="replace") if path.exists() else "" for path in (self._out, self._err))
        for path in (self._out, self._err):
            path.unlink(missing_ok=True)
        assert self._status is not None
        return Ended(os.waitstatus_to_exitcode(self._status), out, err, time.monotonic() - self._began, hung)


def athanor(*words: object, before: Sequence[Body] = ()) -> Body:
    """Make a body that says `athanor WORDS` once everything in `before` was called."""

    def body() -> None:
        from presentation.cli.__main__ import main

        sys.argv = ["athanor", *map(str, words)]
        for prepare in before:
            prepare()
        main()

    return body


def import_all(names: Sequence[str]) -> None:
    """Import what children will need, once for all of them; this process computes nothing and starts no thread."""
    import torch

    from benchmarks.fault_harness.warm import warm_up

    torch.set_num_threads(1)
    for name in names:
        with suppress(Exception):  # a module that only goes with another one
            import_module(name)
    warm_up()
    gc.freeze()  # or each child looks for garbage in all of this, too
    assert threading.active_count() == 1, "a fork of a process with threads may hang"


def _live(body: Body, out: Path, err: Path, stdin: Path, environment: dict[str, str]) -> None:
    """Be the child, to its end."""
    code = 70
    try:
        os.setpgid(0, 0)
        for place, path, flags in (
            (0, stdin, os.O_RDONLY),
            (1, out, os.O_WRONLY | os.O_CREAT),
            (2, err, os.O_WRONLY | os.O_CREAT),
        ):
            opened = os.open(path, flags, 0o644)
            os.dup2(opened, place)
            os.close(opened)
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(io.BufferedWriter(io.FileIO(n, "w", closefd=False)), encoding="utf-8", write_through=True)
            for n in (1, 2)
        )
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL if number != signal.SIGPIPE else signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.update(environment)
        code = _exit_code_of(body)
        for thread in threading.enumerate():  # as the interpreter does: a thread that never ends is a hang
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _exit_code_of(body: Body) -> int:
    try:
        body()
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except KeyboardInterrupt:
        traceback.print_exc()
        return 130
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
