"""Signals from the first moment on: one sentence and the exit code of the signal, never a traceback.

Imports next to nothing, so that it is in force before the libraries are loaded, which takes seconds.
"""

import os
import signal
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXIT_CODE_OF_SIGNALS = 128
NOTHING_SAVED = "interrupted before anything was saved."


class Interrupted(BaseException):
    """A signal wants the program to end now. No KeyboardInterrupt: click would answer that one itself."""

    def __init__(self, number: int, saved: str = NOTHING_SAVED) -> None:
        super().__init__(saved)
        self.exit_code = EXIT_CODE_OF_SIGNALS + number
        self.message = f"{signal.Signals(number).name}: {saved}"


def listen() -> None:
    """Answer signals until somebody takes them over; one that is ignored stays so, as nohup wants it."""
    for number in heard():
        signal.signal(number, _leave)


def heard() -> list[signal.Signals]:
    """List the signals that are not ignored."""
    return [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


def stop_listening() -> None:
    """Let a further signal end the process at once: the sentence is said, and what is left may hang."""
    for number in heard():
        signal.signal(number, signal.SIG_DFL)


def _leave(number: int, frame: FrameType | None) -> None:
    interrupted = Interrupted(number)
    if is_importing(frame):
        # A library may swallow an exception that comes while it is loaded, or die of it; nothing is open yet.
        leave_at_once(interrupted)
    raise interrupted


def leave_at_once(interrupted: Interrupted) -> NoReturn:
    """End without unwinding; of several processes of a run, to each of which signals come, the first says it."""
    if os.environ.get("RANK", "0") == "0":
        os.write(2, f"error: {interrupted.message}\n".encode())
    os._exit(interrupted.exit_code)


def is_importing(frame: FrameType | None) -> bool:
    """Tell whether a library is being loaded at this moment."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
