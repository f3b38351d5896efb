"""The process of one program: `python -s -S -P -m infrastructure.sandbox.worker RESULT`, told it on standard input.

Told are the length of what follows, in 8 bytes, then as JSON the program, its tests and the limits, and a secret, which
stays unread until the tests have ended. RESULT is a file descriptor, on which a line of JSON says what became of them;
that they passed is believed to whoever repeats the secret. A program that ends this process ends it without that.
"""

import fcntl
import json
import os
import random
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType, TracebackType
from typing import Any

from infrastructure.sandbox.confinement import confine, die_with_parent
from infrastructure.sandbox.probe import missing_protections

SECRET_BYTES = 32
LONGEST_TOLD = 300
RESERVE_BYTES = 4 << 20  # given back when memory has run out, so that this can be said
PROGRAM, TESTS = "<program>", "<tests>"
PROBE = "probe"


def main(result: int) -> None:
    """Run one program and its tests, say what became of them, and end."""
    die_with_parent()
    questions, answers = _moved(0), _moved(result)
    asked = json.loads(_read(questions, int.from_bytes(_read(questions, 8), "big")))
    _forget_ourselves()
    try:
        confine(asked["time_limit"], asked["memory_limit"])
    except OSError as error:
        _say(answers, {"missing": str(error)})
        os._exit(0)
    if PROBE in asked:
        _say(answers, {"missing": ", ".join(missing_protections(asked[PROBE]))})
        os._exit(0)
    # Kept before the program runs, which may put others into their places.
    read, write, leave, as_json = os.read, os.write, os._exit, json.JSONEncoder(allow_nan=False).encode
    found = _tested(asked["program"], asked["tests"])
    if not found:
        found = {"outcome": "passed", "secret": read(questions, SECRET_BYTES).hex()}
    write(answers, as_json(found).encode() + b"\n")
    leave(0)


def _moved(descriptor: int) -> int:
    """Give a descriptor a number that no program knows, for standard input and the first free one are tried first."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, random.SystemRandom().randrange(16, 48))
    if descriptor == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    else:
        os.close(descriptor)
    return moved


def _read(descriptor: int, size: int) -> bytes:
    parts = []
    while size:
        parts.append(os.read(descriptor, min(size, 1 << 20)))
        if not parts[-1]:
            os._exit(1)  # whoever asked is gone
        size -= len(parts[-1])
    return b"".join(parts)


def _forget_ourselves() -> None:
    """Leave a program nothing of this house: neither the way to its files nor its modules, and no environment."""
    house = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    sys.path[:] = [place for place in sys.path if os.path.abspath(place or ".") != house]
    sys.path_importer_cache.clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "infrastructure"]:
        del sys.modules[name]
    os.environ.clear()
    sys.argv[:] = [PROGRAM]


def _say(descriptor: int, told: Mapping[str, Any]) -> None:
    os.write(descriptor, json.dumps(told, allow_nan=False).encode() + b"\n")


def _tested(program: str, tests: str) -> Mapping[str, str]:
    """Run a program, then its tests beside what it has defined; gives nothing when all went well."""
    random.seed(0)  # what is drawn is the same each time
    reserve = [bytearray(RESERVE_BYTES)]
    place = ModuleType("program")
    sys.modules["program"] = sys.modules["__main__"] = place
    try:
        exec(compile(program, PROGRAM, "exec"), place.__dict__)
        exec(compile(tests, TESTS, "exec"), place.__dict__)
    except MemoryError:
        reserve.clear()
        return {"outcome": "memory", "told": "it wanted more memory than it may have"}
    except AssertionError as error:
        return {"outcome": "failed", "told": _told(error, tests)}
    except BaseException as error:  # also what is meant to end a process
        return {"outcome": "error", "told": _told(error, tests)}
    return {}


def _told(error: BaseException, tests: str) -> str:
    """Say what was raised, and at which line of the tests."""
    try:
        words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    except BaseException:  # its text is made by the program
        words = "an error that cannot be told"
    line = _line_of(error.__traceback__, tests.splitlines())
    return f"{words}{f', at: {line}' if line else ''}"[:LONGEST_TOLD]


def _line_of(traceback: TracebackType | None, lines: Sequence[str]) -> str:
    found = ""
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == TESTS and 0 < traceback.tb_lineno <= len(lines):
            found = lines[traceback.tb_lineno - 1].strip()
        traceback = traceback.tb_next
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]))
