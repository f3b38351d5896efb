r"""All that a person or a program is told passes here: one place for standard output, one for standard error.

What a terminal would obey (ESC, U+202E, U+009B and their kin) is spelt out, whoever wrote it: the name of a file, a
foreign summary, a label. Data for programs stays as it is; JSON says the same with `\u` escapes.
"""

import codecs
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

from domain.exceptions import ConfigurationError
from domain.launch import Launch
from domain.showing import harmless, json_text, u_escape

if TYPE_CHECKING:
    from rich.console import Console

ESCAPING = "athanor_u_escapes"


def is_heard() -> bool:
    """Tell whether this process speaks: of several that torchrun started for one run, the first does."""
    return Launch.of(os.environ).is_first


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def prepare_streams() -> None:
    r"""Let no letter end the program that a stream cannot encode: it becomes a `\u` escape, in JSON the same letter."""
    codecs.register_error(ESCAPING, _escaped)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us; what is said goes nowhere
            setattr(sys, name, _nowhere())  # it lasts as long as we do
    if not is_heard():
        sys.stdout = _nowhere()
        # What a library has to say, all processes of a run are told alike.
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=ESCAPING)


def say(line: str) -> None:
    """Tell one line on standard output."""
    _write(sys.stdout, f"{harmless(line)}\n")


def say_json(value: Any, indent: int | None = None) -> None:
    """Give a program one JSON value."""
    _write(sys.stdout, f"{json_text(value, indent)}\n")


def say_data(line: str) -> None:
    """Give a line that is data: unchanged, unless a terminal shows it."""
    say(line) if sys.stdout.isatty() else _write(sys.stdout, f"{line}\n")


def say_piece(text: str) -> None:
    """Tell a part of a text while it is written; its line ends are part of it."""
    _write(sys.stdout, "\n".join(map(harmless, text.split("\n"))))


def agreed(question: str) -> bool:
    """Ask on standard error for a yes; no terminal to ask at, the end of its input and any other answer are a no."""
    _write(sys.stderr, f"{harmless(question)} [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def say_error(message: str) -> None:
    """Tell what went wrong. A terminal that is gone cannot hear it, and must not make it worse."""
    warn(f"error: {message}")


def warn(line: str) -> None:
    """Tell one line on standard error."""
    with suppress(OSError, ValueError):
        _write(sys.stderr, f"{harmless(line)}\n")


def screen() -> "Console":
    """Give standard output with tables and colours; what is printed there must be `harmless`."""
    return _console(sys.stdout)


def error_screen() -> "Console":
    """Give standard error for the line that shows the progress."""
    return _console(sys.stderr if is_heard() else _nowhere())


@contextmanager
def verdict_standing() -> Iterator[None]:
    """Let the exit code of a command say what was found though the reader of its output has left.

    Raises: ConfigurationError where standard output cannot be written, which must not pass for a finding.
    """
    try:
        yield
    except BrokenPipeError:
        abandon(sys.stdout)
    except OSError as error:
        abandon(sys.stdout)
        raise ConfigurationError(
            f"standard output cannot be written: {error.strerror or error}.",
            remedy="Make room there, or name a file with --output.",
        ) from error


def abandon(stream: TextIO) -> None:
    """Give up a stream that nobody reads: what it still holds would be complained of when Python ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _console(stream: TextIO) -> "Console":
    from rich.console import Console  # here, because --help needs no tables

    # A name in brackets or colons is a name and no markup.
    terminal = False if wants_plain_text() else None
    return Console(file=stream, markup=False, emoji=False, highlight=False, force_terminal=terminal)


def wants_plain_text() -> bool:
    """Tell whether even a terminal is to get lines of text alone: no colour, no cursor that moves."""
    in_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM", "").lower() in ("dumb", "unknown") or in_ci


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return u_escape(error.object[error.start : error.end]), error.end
