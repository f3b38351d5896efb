"""The program that meets the hostile input: it imports everything once and forks a child for each line it is sent.

A line of standard input is a JSON object that describes one call; the answer is one line of JSON.
"""

import gc
import io
import json
import os
import signal
import sys
import time
import traceback
from contextlib import nullcontext, suppress
from importlib import import_module
from typing import Any

from benchmarks.fault_harness.warm import warm_up
from tests.faults.hostile.guard import limit, watch
from tests.support.drawing import pictures_undrawn

FIRST = (
    "presentation.cli.commands.train",
    "presentation.cli.commands.resume",
    "presentation.cli.commands.evaluate",
    "presentation.cli.commands.predict",
    "presentation.cli.commands.runs",
    "presentation.cli.watching",
    "presentation.cli.writing",
    "infrastructure.container",
)
SECONDS_BETWEEN_LOOKS = 0.005


def serve() -> None:
    """Answer one call after the other until standard input ends."""
    for name in FIRST:
        import_module(name)
    warm_up()
    for line in sys.stdin:
        call = json.loads(line)
        gc.freeze()  # a child that looked for garbage in all of this, too, took a third longer
        pid = os.fork()
        if not pid:
            _child(call)
        answer = _waited(pid, call["timeout_seconds"])
        if call["learns_imports"]:
            _import_what_it_imported(call["report"])
        print(json.dumps(answer), flush=True)


def _waited(pid: int, timeout_seconds: float) -> dict[str, Any]:
    end = time.monotonic() + timeout_seconds
    is_late = False
    while True:
        done, status, _ = os.wait4(pid, os.WNOHANG)
        if done:
            return {"exit_code": os.waitstatus_to_exitcode(status), "is_late": is_late}
        if not is_late and time.monotonic() > end:
            is_late = True
            os.kill(pid, signal.SIGKILL)
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _child(call: dict[str, Any]) -> None:
    code = 70
    try:
        report = os.open(call["report"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        _redirect(call)
        os.chdir(call["directory"])
        sys.argv = ["athanor", *call["words"]]
        if call["dies_at"]:
            _die_at(call["dies_at"])
        if call["readable"]:
            watch(report, call["readable"], call["writable"], call["hostile"])
        if call["more_bytes"]:
            limit(call["more_bytes"], call["cpu_seconds"])
        with nullcontext() if call["draws"] else pictures_undrawn():
            code = _exit_code_of_main()
        if call["learns_imports"]:
            os.write(report, "\n".join(sys.modules).encode())
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _exit_code_of_main() -> int:
    from presentation.cli.__main__ import main

    try:
        main()
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _redirect(call: dict[str, Any]) -> None:
    for number, (name, flags) in enumerate(
        [("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY | os.O_CREAT), ("stderr", os.O_WRONLY | os.O_CREAT)]
    ):
        opened = os.open(call[name], flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = io.BufferedWriter(io.FileIO(number, "w", closefd=False))
        setattr(sys, name, io.TextIOWrapper(file, encoding="utf-8", write_through=True))


def _die_at(name: str) -> None:
    """Kill this process in the moment before something gets this name."""

    def seen(event: str, args: tuple[Any, ...]) -> None:
        if event == "os.rename" and os.fsdecode(args[1]).endswith(name):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(seen)


def _import_what_it_imported(report: str) -> None:
    """Import here what a child imported in the course of its work, so that the next ones find it."""
    with open(report, encoding="utf-8") as file:
        names = file.read().split("\n")
    for name in names:
        if name and name not in sys.modules and not name.startswith("__"):
            with suppress(Exception):
                import_module(name)


if __name__ == "__main__":
    serve()
