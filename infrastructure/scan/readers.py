"""Processes that read source files beside this one, as many as the machine has use for."""

import errno
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from domain.exceptions import ConfigurationError
from domain.scan import SourceFile
from infrastructure.scan.read_files import ReadFile

PROGRAM = "infrastructure.scan.reading_process"
HOME = Path(__file__).resolve().parents[2]
# A process takes half a second to begin.
FILES_OF_A_PROCESS = 40
MOST_PROCESSES = 8
SECONDS_TO_BEGIN = 60.0
SECONDS_FOR_A_FILE = 30.0
TOO_LONG = f"reading it took longer than {SECONDS_FOR_A_FILE:.0f} seconds."
ENDED = "it ended the process that read it."


def read_apart(files: Sequence[SourceFile], scanner: str) -> Iterator[tuple[int, ReadFile]]:
    """Read files with a scanner of that name, empty for none; gives each with its place, in the order they are done.

    One that takes too long, or ends the process, is told by its `fault`, and the others are read all the same.
    Raises: ConfigurationError where no process can be begun.
    """
    if not files:
        return
    waiting: SimpleQueue[int] = SimpleQueue()
    for at in range(len(files)):
        waiting.put(at)
    done: SimpleQueue[tuple[int, ReadFile]] = SimpleQueue()
    number = min(-(-len(files) // FILES_OF_A_PROCESS), len(os.sched_getaffinity(0)), MOST_PROCESSES)
    with _readers(number, scanner, files, waiting, done) as threads:
        for _ in files:
            yield _next(done, threads)


def _next(done: "SimpleQueue[tuple[int, ReadFile]]", threads: "Sequence[_Reader]") -> tuple[int, ReadFile]:
    while True:
        with suppress(Empty):
            return done.get(timeout=0.5)
        if broken := next((thread.error for thread in threads if thread.error is not None), None):
            raise ConfigurationError(
                f"a process that reads files cannot be begun: {broken.strerror or broken}.",
                remedy=f"See why: {sys.executable} -m {PROGRAM} '' < /dev/null",
            ) from broken


@contextmanager
def _readers(
    number: int,
    scanner: str,
    files: Sequence[SourceFile],
    waiting: "SimpleQueue[int]",
    done: "SimpleQueue[tuple[int, ReadFile]]",
) -> Iterator[Sequence["_Reader"]]:
    """Let readers work; however the block ends, no process is left."""
    threads = [_Reader(scanner, files, waiting, done) for _ in range(number)]
    try:
        for thread in threads:
            thread.start()
        yield threads
    finally:
        for thread in threads:
            thread.stop()
        for thread in threads:
            thread.join()


class _Reader(threading.Thread):
    """Asks a process of its own about one file after the other, and begins another when it has ended."""

    def __init__(
        self,
        scanner: str,
        files: Sequence[SourceFile],
        waiting: "SimpleQueue[int]",
        done: "SimpleQueue[tuple[int, ReadFile]]",
    ) -> None:
        super().__init__(daemon=True)
        self.error: OSError | None = None
        self._scanner, self._files, self._waiting, self._done = scanner, files, waiting, done
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopped = False

    def run(self) -> None:
        try:
            while not self._is_stopped:
                at = self._waiting.get_nowait()
                self._done.put((at, self._read(self._files[at])))
        except Empty:
            pass
        except OSError as error:  # no process can be begun
            self.error = error
        finally:
            self._end()

    def stop(self) -> None:
        """End the process, whatever it is at."""
        self._is_stopped = True
        if (process := self._process) is not None:
            process.kill()

    def _read(self, file: SourceFile) -> ReadFile:
        process = self._process or self._begun()
        asked = {"path": file.path, "place": file.place, "digest": file.digest}
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(asked, allow_nan=False).encode("ascii") + b"\n")
            process.stdin.flush()
        line = _line_of(process, SECONDS_FOR_A_FILE)
        if line.endswith(b"\n"):
            return ReadFile.from_json(json.loads(line))
        is_late = process.poll() is None
        self._end()
        return ReadFile(fault=TOO_LONG if is_late else ENDED)

    def _begun(self) -> "subprocess.Popen[bytes]":
        """Begin a process and wait until it has loaded what it needs. Raises: OSError where it does not."""
        path = os.pathsep.join(filter(None, (str(HOME), os.environ.get("PYTHONPATH"))))
        self._process = process = subprocess.Popen(
            (sys.executable, "-P", "-m", PROGRAM, self._scanner),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # an interrupt from the terminal is for the scan
        )
        if not _line_of(process, SECONDS_TO_BEGIN) and not self._is_stopped:
            raise OSError(errno.ECHILD, "it ended before it began")
        if self._is_stopped:
            process.kill()
        return process

    def _end(self) -> None:
        if (process := self._process) is None:
            return
        self._process = None
        process.kill()
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]  # both are pipes
        process.wait()


def _line_of(process: "subprocess.Popen[bytes]", seconds: float) -> bytes:
    """Give the line that a process answers; one without an end where it is late or has ended."""
    assert process.stdout is not None
    until, found = time.monotonic() + seconds, b""
    descriptor = process.stdout.fileno()
    while not found.endswith(b"\n"):
        left = until - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            return found
        piece = os.read(descriptor, 1 << 16)
        if not piece:
            process.kill()  # it may have closed its output alone
            process.wait()
            return b""
        found += piece
    return found
