"""The command line, or a function, in processes of their own that can be killed, without importing torch for each.

A server imports what a training needs and forks a process for each call, which ends as any Python does: it waits for
its threads, does what was registered for the end and gives its exit code. Then it is gone: to take all modules apart
would cost more than most calls, and is left to tests that start a Python of their own. The server starts no thread, so
that nothing is lost in a fork.
"""

import atexit
import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.fault_harness.warm import warm_up
from tests.support.drawing import pictures_undrawn

ROOT = Path(__file__).resolve().parents[2]
# The command line with all that a training imports on its way; what is missing here costs time and nothing else.
NEEDED = (
    "presentation.cli.__main__",
    "presentation.cli.commands.train",
    "presentation.cli.commands.resume",
    "presentation.cli.watching",
    "infrastructure.container",
    "datasketch",
    "matplotlib.figure",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "torch.distributed.fsdp",
    "transformers.models.llama.modeling_llama",
    "transformers.models.modernbert.modeling_modernbert",
    "transformers.models.t5gemma.modeling_t5gemma",
)
SECONDS_BETWEEN_LOOKS = 0.005
# The exit code of this process, once it has one.
_codes: list[int] = []


class Forked:
    """One call, running in a process of its own; what it writes and gives is kept in files of `answers`."""

    def __init__(self, pid: int, answers: Path) -> None:
        self._pid = pid
        self._stdout, self._stderr, self._result = _files_in(answers)
        self.returncode: int | None = None

    @property
    def pid(self) -> int:
        return self._pid

    @property
    def result(self) -> Any:
        """What the function gave, as JSON knows it."""
        return json.loads(self._result.read_text(encoding="utf-8"))

    @property
    def stdout(self) -> str:
        return self._stdout.read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        return self._stderr.read_text(encoding="utf-8")

    def poll(self) -> int | None:
        """Give the exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = _server().ask({"ended": self._pid})
        return self.returncode

    def wait(self, timeout_seconds: float = 120) -> int:
        """Wait for the end; gives the exit code. Raises: TimeoutError."""
        deadline = time.monotonic() + timeout_seconds
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {self._pid} goes on: {self.stderr}")
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return code

    def wait_for(self, path: Path) -> None:
        """Wait until a file is there. Raises: TimeoutError, AssertionError when the process ends before."""
        self._wait_until(path.exists, f"{path} to come")

    def wait_to_say(self, words: str) -> None:
        """Wait until standard error holds some words. Raises: as `wait_for` does."""
        self._wait_until(lambda: words in self.stderr, f"{words!r} to be said")

    def _wait_until(self, is_there: Callable[[], bool], awaited: str, timeout_seconds: float = 120) -> None:
        deadline = time.monotonic() + timeout_seconds
        while not is_there():
            assert self.poll() is None, f"ended without {awaited}: {self.stderr}"
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited in vain for {awaited}: {self.stderr}")
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def send_signal(self, number: int) -> None:
        """Send a signal to the process, which nobody has waited for yet."""
        assert self.returncode is None
        os.kill(self._pid, number)


def start(
    words: Sequence[object],
    answers: Path,
    file_size_limit: int | None = None,
    environment: Mapping[str, str] | None = None,
    directory: Path = ROOT,
) -> Forked:
    """Call `athanor WORDS` in a directory, with more variables, and let no file grow beyond a limit in bytes."""
    called = {"words": [str(word) for word in words], "limit": file_size_limit, "directory": str(directory)}
    return _started_with(answers, environment or {}, **called)


def start_function(
    function: Callable[..., Any], given: Mapping[str, Any], answers: Path, environment: Mapping[str, str] | None = None
) -> Forked:
    """Call a function of a module, a test's own among them, with named arguments that JSON knows."""
    return _started_with(
        answers, environment or {}, function=[function.__module__, function.__qualname__], given=dict(given)
    )


def _started_with(answers: Path, environment: Mapping[str, str], **call: Any) -> Forked:
    answers.mkdir(parents=True, exist_ok=True)
    for file in _files_in(answers)[:2]:  # who waits for words may look before the process has opened them
        file.write_text("", encoding="utf-8")
    call |= {"environment": {**os.environ, **environment}, "files": [str(file) for file in _files_in(answers)]}
    return Forked(_server().ask({"start": call}), answers)


def _files_in(answers: Path) -> tuple[Path, Path, Path]:
    return answers / "stdout", answers / "stderr", answers / "result.json"


class _Server:
    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked"], cwd=ROOT, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


@cache
def _server() -> _Server:
    server = _Server()
    atexit.register(server.close)
    return server


def _serve() -> None:
    atexit.register(_leave)  # before anything else is, and so called behind everything else
    for name in NEEDED:
        import_module(name)
    warm_up()
    # A child that ends as any Python does would look through all of this for garbage, which took it a second.
    gc.freeze()
    with pictures_undrawn():
        for line in sys.stdin:
            question = json.loads(line)
            answer = _started(question["start"]) if "start" in question else _ended(question["ended"])
            print(json.dumps(answer), flush=True)


def _leave() -> None:
    """End at once with the exit code that is known; without one, by an exception, the interpreter sees to the end."""
    if _codes:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_codes[0])


def _started(call: dict[str, Any]) -> int:
    if pid := os.fork():
        return pid
    try:
        _called(call)
    except SystemExit as done:
        if done.code is None or isinstance(done.code, int):
            _codes.append((done.code or 0) & 0xFF)
        raise
    _codes.append(0)
    sys.exit()


def _called(call: dict[str, Any]) -> None:
    stdout, stderr, result = call["files"]
    for number, (name, flags) in enumerate(
        [(os.devnull, os.O_RDONLY), (stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
         (stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)]
    ):  # fmt: skip
        os.dup2(os.open(name, flags, 0o600), number)
    os.environ.clear()
    os.environ.update(call["environment"])
    os.chdir(call.get("directory", ROOT))
    if call.get("limit"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (call["limit"], call["limit"]))
    if "function" in call:
        module, name = call["function"]
        Path(result).write_text(json.dumps(getattr(import_module(module), name)(**call["given"])), encoding="utf-8")
        return
    sys.argv = ["athanor", *call["words"]]
    from presentation.cli.__main__ import program

    program()


def _ended(pid: int) -> int | None:
    done, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None


if __name__ == "__main__":
    _serve()
