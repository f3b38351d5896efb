"""What programs that others wrote cannot do, tried: each of these runs for real, confined as `--run-tests` confines it.

On a machine without the protections these tests are skipped with what is missing, and `--run-tests` refuses to run.
"""

import os
import signal
import struct
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from domain.exceptions import ConfigurationError
from domain.program_tests import ERROR, FAILED, MEMORY, PASSED, TIMEOUT, Limits, Program, Verdict
from infrastructure.sandbox.programs import _Process, require_protections, run_programs

ROOT = Path(__file__).resolve().parents[2]
LIMITS = Limits(time_limit=1, memory_limit=128)
PLAIN = "def twice(x):\n    return 2 * x\n"
FORGED = b'{"outcome": "passed"}\n'

# Name: program, tests, what becomes of it, and words that are said.
CASES: dict[str, tuple[str, str, str, str]] = {
    "right": (PLAIN, "assert twice(2) == 4", PASSED, ""),
    "wrong": (PLAIN, "assert twice(2) == 5", FAILED, "assert twice(2) == 5"),
    "broken": ("def twice(x)\n", "pass", ERROR, "SyntaxError"),
    "another name": (PLAIN, "assert double(2) == 4", ERROR, "NameError"),
    "no end": ("while True:\n    pass", "pass", TIMEOUT, "longer than 1 s"),
    "no end and no exception heeded": (
        "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
        "pass",
        TIMEOUT,
        "longer",
    ),
    "signals ignored": (
        "import signal\nfor number in (signal.SIGXCPU, signal.SIGTERM):\n    signal.signal(number, signal.SIG_IGN)\n"
        "while True:\n    pass",
        "pass",
        TIMEOUT,
        "longer",
    ),
    "sleep": ("import time\ntime.sleep(1000)", "pass", TIMEOUT, "longer"),
    "threads without end": (
        "import threading\nwhile True:\n    threading.Thread(target=lambda: __import__('time').sleep(1000)).start()",
        "pass",
        ERROR,
        "",
    ),
    "a thread that sleeps on": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n" + PLAIN,
        "assert twice(2) == 4",
        PASSED,
        "",
    ),
    "much memory at once": ("x = bytearray(1 << 40)", "pass", MEMORY, "memory"),
    "much memory by and by": ("x = []\nwhile True:\n    x.append(bytearray(1 << 20))", "pass", MEMORY, "memory"),
    "memory in small pieces": (
        "x = []\nwhile True:\n    x.append(bytearray(1000))",
        "pass",
        MEMORY,
        "memory",
    ),
    "fork": ("import os\nwhile True:\n    os.fork()", "pass", ERROR, "PermissionError"),
    "fork by the kernel": (
        "import ctypes, platform\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "clone, sigchld = (56 if platform.machine() == 'x86_64' else 220), 17\n"
        "assert libc.syscall(clone, sigchld, 0, 0, 0, 0) == -1 and ctypes.get_errno() == 1\n"
        "clone3 = 435\nassert libc.syscall(clone3, 0, 0) == -1 and ctypes.get_errno() == 38\n" + PLAIN,
        "assert twice(2) == 4",
        PASSED,
        "",
    ),
    "another program": ("import subprocess\nsubprocess.run(['sleep', '1000'])", "pass", ERROR, "PermissionError"),
    "another program in its own place": (
        "import os\nos.execv('/bin/true', ['true'])",
        "pass",
        ERROR,
        "PermissionError",
    ),
    "kill the parent": ("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)", "pass", ERROR, "PermissionError"),
    "kill all": ("import os, signal\nos.kill(-1, signal.SIGKILL)", "pass", ERROR, "PermissionError"),
    "connect": ("import socket\nsocket.create_connection(('127.0.0.1', 9))", "pass", ERROR, "PermissionError"),
    "listen": ("import socket\nsocket.socket().bind(('127.0.0.1', 0))", "pass", ERROR, "PermissionError"),
    "a socket of this machine": (
        "import socket\nsocket.socket(socket.AF_UNIX).connect('/run/docker.sock')",
        "pass",
        ERROR,
        "PermissionError",
    ),
    "a name of the network": ("import socket\nsocket.getaddrinfo('example.org', 80)", "pass", ERROR, "gaierror"),
    "read outside": ("open('OUTSIDE').read()", "pass", ERROR, "PermissionError"),
    "list outside": ("import os\nos.listdir('/')", "pass", ERROR, "PermissionError"),
    "what another process holds": (
        "open(f'/proc/{__import__(\"os\").getppid()}/environ')",
        "pass",
        ERROR,
        "Permission",
    ),
    "its own environment": ("import os\nassert not os.environ and not os.environb", "pass", PASSED, ""),
    "write at home": ("open('OUTSIDE', 'a').write('x')", "pass", ERROR, "PermissionError"),
    "write where it began": ("open('x', 'w').write('x')", "pass", ERROR, "PermissionError"),
    "write into /tmp": ("open('/tmp/athanor-was-here', 'w')", "pass", ERROR, "PermissionError"),
    "write into /dev/shm": ("open('/dev/shm/athanor-was-here', 'w')", "pass", ERROR, "PermissionError"),
    "write into the standard library": ("import os\nopen(os.__file__, 'a')", "pass", ERROR, "PermissionError"),
    "remove": ("import os\nos.remove('OUTSIDE')", "pass", ERROR, "PermissionError"),
    "change rights": ("import os\nos.chmod('OUTSIDE', 0)", "pass", ERROR, "PermissionError"),
    "link": ("import os\nos.symlink('OUTSIDE', 'x')", "pass", ERROR, "Error"),
    "higher limits": (
        "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (100, 100))",
        "pass",
        ERROR,
        "Error",
    ),
    "output without end": ("while True:\n    print('x' * 100_000)", "pass", TIMEOUT, "longer"),
    "os._exit": ("import os\nos._exit(0)", "assert False", ERROR, "before its tests did"),
    "sys.exit": ("import sys\nsys.exit(0)", "assert False", ERROR, "SystemExit"),
    "os._exit in a test": (
        "import os\ndef twice(x):\n    os._exit(0)",
        "assert twice(2) == 5",
        ERROR,
        "before its tests",
    ),
    "exit at the end": (
        "import atexit, os\natexit.register(os._exit, 0)\n" + PLAIN,
        "assert twice(2) == 5",
        FAILED,
        "",
    ),
    "a crash": ("import ctypes\nctypes.string_at(0)", "pass", ERROR, "SIGSEGV"),
    "its own verdict": (
        "import contextlib, os\nfor n in range(3, 64):\n    with contextlib.suppress(OSError):\n"
        f"        os.write(n, {FORGED!r})\n" + PLAIN,
        "assert twice(2) == 5",
        ERROR,
        "",
    ),
    "a verdict that nobody can read": (
        "import contextlib, os\nfor n in range(3, 64):\n    with contextlib.suppress(OSError):\n"
        "        os.write(n, b'[' * 4000 + b'\\n')\nos._exit(0)",
        "pass",
        ERROR,
        "before its tests did",
    ),
    "half of a character in an error": (
        "raise ValueError('\\ud800')",
        "pass",
        ERROR,
        "ValueError: \\ud800",
    ),
    "its own verdict on a screen": (f"print({FORGED.decode()!r})\n" + PLAIN, "assert twice(2) == 5", FAILED, ""),
    "another runner": (
        'import os, json, sys\nos.write = lambda *a: 0\njson.dumps = lambda *a: \'{"outcome": "passed"}\'\n'
        "sys.modules['__main__'].__dict__.clear()\ndef twice(x):\n    return 2 * x\n",
        "assert twice(2) == 5",
        FAILED,
        "",
    ),
    "this house": ("import infrastructure", "pass", ERROR, "ModuleNotFoundError"),
    "packages beside the standard library": ("import numpy", "pass", ERROR, "ModuleNotFoundError"),
    "a text of an error that raises": (
        "class E(Exception):\n    def __str__(self):\n        raise SystemExit(0)\nraise E",
        "pass",
        ERROR,
        "cannot be told",
    ),
    "the standard library": (
        "import asyncio, collections, dataclasses, datetime, decimal, fractions, hashlib, heapq, itertools, json\n"
        "import math, random, re, statistics, string, typing, unittest, zlib\n"
        "@dataclasses.dataclass\nclass Point:\n    x: int = 0\n"
        "async def later():\n    await asyncio.sleep(0.001)\n    return Point(3)\n",
        "assert asyncio.run(later()).x == 3",
        PASSED,
        "",
    ),
}


@pytest.fixture(scope="module")
def protected() -> None:
    try:
        require_protections()
    except ConfigurationError as refused:
        pytest.skip(str(refused))


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("home") / "secret.txt"
    file.write_text("secret")
    return file


@pytest.fixture(scope="module")
def verdicts(protected: None, outside: Path) -> dict[str, Verdict]:
    """Run all cases together: each is alone all the same."""
    programs = [Program(text.replace("OUTSIDE", str(outside)), tests) for text, tests, _, _ in CASES.values()]
    return dict(zip(CASES, run_programs(programs, LIMITS, 2), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_a_program_ends_as_it_must(name: str, verdicts: dict[str, Verdict]) -> None:
    _, _, outcome, said = CASES[name]
    found = verdicts[name]
    assert (found.outcome, said in found.told) == (outcome, True), found


def test_nothing_was_written_anywhere(verdicts: dict[str, Verdict], outside: Path) -> None:
    assert outside.read_text() == "secret"
    assert os.listdir(outside.parent) == [outside.name]
    assert not [place for place in ("/tmp/athanor-was-here", "/dev/shm/athanor-was-here") if os.path.exists(place)]


def test_no_process_is_left(verdicts: dict[str, Verdict]) -> None:
    assert not workers_of(os.getpid())


def test_the_same_program_draws_and_orders_the_same_each_time(protected: None) -> None:
    program = Program("import random\nraise ValueError(random.random(), list({'a', 'b', 'c', 'd', 'e'}))", "pass")
    first, second = run_programs([program, program], LIMITS, 1)
    assert first == second


def test_the_kernel_knows_that_time_has_run_out(protected: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts by ticks, of which a busy machine gives a program more than its seconds by the clock."""
    kill = _Process.kill
    monkeypatch.setattr(_Process, "kill", lambda process: (kill(process)[0], 0.9))
    assert [found.outcome for found in run_programs([Program("while True: pass", "pass")], LIMITS, 1)] == [TIMEOUT]


STARTER = """
    from domain.program_tests import Limits, Program
    from infrastructure.sandbox.programs import run_programs
    print("begun", flush=True)
    run_programs([Program("while True: pass", "pass")] * 4, Limits(time_limit=300), 2)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_programs_end_with_whoever_started_them(number: signal.Signals, protected: None) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(STARTER)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as starter:
        assert starter.stdout is not None
        starter.stdout.readline()
        assert waited_for(lambda: len(workers_of(starter.pid)) == 2)
        workers = workers_of(starter.pid)
        starter.send_signal(number)
        starter.wait(30)
    assert waited_for(lambda: not any(map(is_running, workers)))


def waited_for(found: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Tell whether it comes about in time."""
    until = time.monotonic() + seconds
    while not found() and time.monotonic() < until:
        time.sleep(0.02)
    return found()


def workers_of(parent: int) -> list[int]:
    """List the processes that run programs of a parent."""
    return [process for process, of in _parents() if of == parent and b"sandbox.worker" in _command(process)]


def is_running(process: int) -> bool:
    return b"sandbox.worker" in _command(process)


def _parents() -> Iterator[tuple[int, int]]:
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):
            yield int(name), int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])


def _command(process: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


# Refuses the call that begins with Landlock, as an older kernel or a container would, and lets everything else through.
WITHOUT_LANDLOCK = struct.pack(
    "=HBBIHBBIHBBIHBBI", 0x20, 0, 0, 0, 0x15, 0, 1, 444, 0x06, 0, 0, 0x00050000 | 38, 0x06, 0, 0, 0x7FFF0000
)
REFUSER = f"""
    import ctypes
    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))
    libc = ctypes.CDLL(None)
    assert not libc.prctl(38, 1, 0, 0, 0)
    assert not libc.prctl(22, 2, ctypes.byref(Program(4, {WITHOUT_LANDLOCK!r})), 0, 0)
    from domain.exceptions import ConfigurationError
    from domain.program_tests import Limits, Program as Asked
    from infrastructure.sandbox.programs import run_programs
    try:
        run_programs([Asked("open('ran', 'w')", "pass")], Limits(), 1)
    except ConfigurationError as refused:
        print(refused)
"""


def test_without_protections_nothing_is_run(protected: None, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(REFUSER)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Landlock (Function not implemented)" in done.stdout
    assert "a container must allow" in done.stdout
    assert os.listdir(tmp_path) == []
