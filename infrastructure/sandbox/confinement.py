"""Confines this process for good: what it may read, write, start, reach and use up."""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterator, Sequence

from infrastructure.sandbox.system_calls import refuse_all_but_listed

MIB = 2**20
MOST_OPEN_FILES = 64
# The standard library, and where its compiled parts look for shared libraries and for time zones.
_SYSTEM_PLACES = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/usr/share/zoneinfo"),
    *("/dev/null", "/dev/zero", "/dev/urandom"),
)
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # on every machine
_ASK_VERSION, _RULE_PATH_BENEATH = 1, 1
_READ_FILE, _READ_DIRECTORY = 1 << 2, 1 << 3
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many rights each version of Landlock knows; later ones no more
_SCOPES = 0b11  # since version 6: abstract sockets and signals
_SET_DEATH_SIGNAL = 1


class _Ruleset(ctypes.Structure):
    _fields_ = (("rights", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Rule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("directory", ctypes.c_int32))


def die_with_parent() -> None:
    """Have the kernel end this process when the one that started it ends. Raises: OSError when it has already."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent or parent == 1:
        raise OSError("the process that started this one has ended")


def confine(seconds: int, mebibytes: int) -> None:
    """Confine this process; it must have one thread. Raises: OSError naming what the system cannot do."""
    _limit(seconds, mebibytes)
    try:
        _only_read(list(_readable()))
    except OSError as error:
        raise OSError(f"Landlock ({error.strerror or error})") from error
    try:
        refuse_all_but_listed()
    except OSError as error:
        raise OSError(f"seccomp ({error.strerror or error})") from error


def _limit(seconds: int, mebibytes: int) -> None:
    limits = {
        # SIGXCPU ends a program, by whose name its end is known; one that catches it is killed a second later.
        resource.RLIMIT_CPU: (seconds, seconds + 1),
        resource.RLIMIT_AS: (mebibytes * MIB,) * 2,
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NOFILE: (MOST_OPEN_FILES,) * 2,
    }
    for kind, wanted in limits.items():
        _, hard = resource.getrlimit(kind)
        soft, most = wanted if hard == resource.RLIM_INFINITY else (min(limit, hard) for limit in wanted)
        resource.setrlimit(kind, (soft, most))


def _readable() -> Iterator[str]:
    """Name what may be read: where Python itself looks, and shared libraries."""
    yield from (place for place in sys.path if place)
    yield os.path.join(sys.base_prefix, "lib")
    yield from _SYSTEM_PLACES


def _only_read(places: Sequence[str]) -> None:
    """Refuse to write anywhere, and to read but below the places. Raises: OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    if version < 1:
        raise _last_error()
    all_rights = (1 << _RIGHTS.get(version, 16)) - 1
    wanted = _Ruleset(all_rights, 0, _SCOPES if version >= 6 else 0)
    size = ctypes.sizeof(wanted) if version >= 6 else 8
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(wanted), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        raise _last_error()
    for place in places:
        _allow_reading(libc, ruleset, place)
    # Without it a right could be won back by starting a program that has it.
    if libc.prctl(38, 1, 0, 0, 0) or libc.syscall(_RESTRICT_SELF, ruleset, 0):
        raise _last_error()
    os.close(ruleset)


def _allow_reading(libc: ctypes.CDLL, ruleset: int, place: str) -> None:
    try:
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # not every system has each of them
    rights = _READ_FILE | (_READ_DIRECTORY if os.path.isdir(place) else 0)
    rule = _Rule(rights, opened)
    failed = libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    os.close(opened)
    if failed:
        raise _last_error()


def _last_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
