"""The command line inside the test's process: one import of torch for a hundred calls."""

import io
import logging
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest.mock import patch

from presentation.cli.__main__ import main


@dataclass(frozen=True)
class Answer:
    """What one call gave back."""

    exit_code: int
    stdout: str
    stderr: str


def athanor(*words: object, stdin: bytes = b"") -> Answer:
    """Call the command line as `athanor WORDS` would."""
    with (
        _signals_kept(),
        _warnings_kept(),
        _streams(stdin) as (out, err),
        patch.object(sys, "argv", ["athanor", *map(str, words)]),
    ):
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        else:
            code = 0
    return Answer(int(code or 0), out.getvalue(), err.getvalue())


@contextmanager
def _warnings_kept() -> Iterator[None]:
    """Let libraries warn in the test as before: one of several processes silences them for as long as it lives."""
    before = logging.root.manager.disable
    with warnings.catch_warnings():
        try:
            yield
        finally:
            logging.disable(before)


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Give signals back to the test: the command line takes them for as long as its process lives."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _streams(stdin: bytes) -> Iterator[tuple[io.StringIO, io.StringIO]]:
    out, err = io.StringIO(), io.StringIO()
    source = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "stdin", source):
        yield out, err
