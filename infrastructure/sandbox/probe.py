"""Tries, in a confined process, what such a process must not be able to do."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress


def missing_protections(hidden_file: str) -> Iterator[str]:
    """Name each protection that does not hold; `hidden_file` is there and must not be readable."""
    tries: dict[str, Callable[[], object]] = {
        "no protection of files from reading": lambda: open(hidden_file, "rb").close(),
        "no protection of files from writing": lambda: open("written", "wb").close(),
        "no protection of the network": lambda: socket.socket().close(),
        "no protection of other processes": lambda: os.kill(os.getppid(), signal.SIGCONT),
        "no limit of processes": _fork,
    }
    for name, attempt in tries.items():
        with suppress(OSError):
            attempt()
            yield name


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)
