"""What a process that reads hostile input must not do: an audit hook that writes down each offence.

The hook sees what Python does. Native code that opens files by itself is seen by the comparison of `outside` before and
after, and by what the cases put there.
"""

import os
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
NEVER = (
    "builtins.input",  # the library asks whether to run code, and rows would answer
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "pickle.find_class",
    "pty.spawn",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "subprocess.Popen",
    "urllib.Request",
)
MOVES = ("os.rename", "os.link", "os.symlink")
CHANGES = ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.chown", "os.utime")
# A chat template is the only source that anybody compiles under this name.
TEMPLATE = "<template>"


def watch(report: int, readable: Sequence[str], writable: Sequence[str], hostile: str) -> None:
    """Write a line to the descriptor `report` for each offence from now on; it cannot be taken off again."""
    may_read, may_write = _roots([*readable, *writable, *_own_places()]), _roots([*writable, "/dev/null"])

    def tell(offence: str) -> None:
        os.write(report, (ascii(offence)[1:-1] + "\n").encode())

    def seen(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            _opened(args, may_read, may_write, tell)
        elif event in NEVER:
            tell(f"{event} {str(args)[:200]}")
        elif event == "exec":
            name = str(getattr(args[0], "co_filename", ""))
            if name == TEMPLATE or _is_below(name, (hostile,)) or "transformers_modules" in name:
                tell(f"runs code of {name}")
        elif event in ("import", "ctypes.dlopen"):
            name = str(args[1] if event == "import" else args[0])
            if _is_below(name, (hostile,)):
                tell(f"{event} {name}")
        elif event in MOVES:
            _changed(event, args[1], args[-1], may_write, tell)
        elif event in CHANGES:
            _changed(event, args[0], args[-1], may_write, tell)

    sys.addaudithook(seen)


def limit(more_bytes: int, cpu_seconds: int) -> None:
    """Let the address space grow by this much beyond what it is now, and the work take this long."""
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + more_bytes, now + more_bytes))
    used = int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))
    resource.setrlimit(resource.RLIMIT_CPU, (used + cpu_seconds, used + cpu_seconds))


def child_environment(home: str) -> Mapping[str, str]:
    """Give the surroundings of the server: no network, one thread, and every place of its own below `home`."""
    places = dict.fromkeys(("HOME", "TMPDIR", "HF_HOME", "MPLCONFIGDIR", "XDG_CACHE_HOME"), home)
    quiet = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    return {**os.environ, **places, **quiet, "ATHANOR_CACHE": f"{home}/athanor", "PYTHONDONTWRITEBYTECODE": "1"}


def _opened(
    args: tuple[Any, ...], may_read: tuple[str, ...], may_write: tuple[str, ...], tell: Callable[[str], None]
) -> None:
    path, _, flags = args
    if isinstance(path, int):
        return
    real = os.path.realpath(os.fsdecode(path))
    if flags & WRITING:
        if not _is_below(real, may_write):
            tell(f"writes {real}")
    elif not _is_below(real, may_read):
        tell(f"reads {real}")


def _changed(event: str, path: Any, at: Any, may_write: tuple[str, ...], tell: Callable[[str], None]) -> None:
    if isinstance(path, int):
        return
    name = os.fsdecode(path)
    if isinstance(at, int) and at >= 0 and not os.path.isabs(name):
        name = os.path.join(f"/proc/self/fd/{at}", name)
    # The entry itself is changed, not what it leads to.
    parent, last = os.path.split(os.path.abspath(name) if not name.startswith("/proc/self/fd/") else name)
    real = os.path.join(os.path.realpath(parent), last)
    if not _is_below(real, may_write):
        tell(f"{event} {real}")


def _own_places() -> list[str]:
    """Where the interpreter, the libraries and the system keep what any program reads."""
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    own = ["domain", "application", "infrastructure", "presentation", "tests", "data", "athanor.egg-info"]
    system = ["/proc", "/sys", "/dev/null", "/dev/urandom", "/etc", "/usr", "/lib", "/lib64"]
    return [
        *(os.path.join(here, name) for name in own),
        *system,
        sys.prefix,
        sys.base_prefix,
        *(path for path in sys.path if "packages" in path),
    ]


def _roots(places: Sequence[str]) -> tuple[str, ...]:
    return tuple({os.path.realpath(place) for place in places})


def _is_below(path: str, roots: tuple[str, ...]) -> bool:
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)
