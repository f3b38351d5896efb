"""What a confined process may ask of the kernel: a filter that lets a list through and nothing beside it (seccomp).

Numbers are those of Linux: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h. What is not
listed is answered as if this kernel lacked it, so that a C library takes its older way; what a program may well try,
such as a socket or another process, is answered with "not permitted".
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Mapping, Sequence

# Name: number on x86-64, number on ARM64; None where there is none.
ALLOWED: Mapping[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "stat": (4, None), "lstat": (6, None),
    "newfstatat": (262, 79), "statx": (332, 291), "lseek": (8, 62), "pread64": (17, 67), "readv": (19, 65),
    "writev": (20, 66), "open": (2, None), "openat": (257, 56), "access": (21, None), "faccessat": (269, 48),
    "faccessat2": (439, 439), "readlink": (89, None), "readlinkat": (267, 78), "getdents64": (217, 61),
    "getcwd": (79, 17), "fadvise64": (221, 223), "close_range": (436, 436),
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216), "madvise": (28, 233),
    "brk": (12, 214),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "rt_sigpending": (127, 136), "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "pause": (34, None),
    "alarm": (37, None), "getitimer": (36, 102), "setitimer": (38, 103),
    "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "pipe": (22, None), "pipe2": (293, 59),
    "socketpair": (53, 199), "sendto": (44, 206), "recvfrom": (45, 207), "shutdown": (48, 210),
    "getsockname": (51, 204), "getsockopt": (55, 209),
    "select": (23, None), "pselect6": (270, 72), "poll": (7, None), "ppoll": (271, 73), "eventfd2": (290, 19),
    "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "epoll_wait": (232, None), "epoll_pwait": (281, 22),
    "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "gettimeofday": (96, 169), "time": (201, None), "times": (100, 153), "getrusage": (98, 165), "sysinfo": (99, 179),
    "uname": (63, 160), "getcpu": (309, 168), "sched_yield": (24, 124), "sched_getaffinity": (204, 123),
    "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178), "getpgrp": (111, None), "getpgid": (121, 155),
    "getsid": (124, 156), "getuid": (102, 174), "getgid": (104, 176), "geteuid": (107, 175), "getegid": (108, 177),
    "getgroups": (115, 158), "getrlimit": (97, 163), "getrandom": (318, 278), "wait4": (61, 260),
    "futex": (202, 98), "set_robust_list": (273, 99), "get_robust_list": (274, 100), "rseq": (334, 293),
    "set_tid_address": (218, 96), "membarrier": (324, 283), "restart_syscall": (219, 128), "arch_prctl": (158, None),
    "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
# With one argument that decides: its place, and the values of its lower half that are let through.
CHOSEN: Mapping[str, tuple[tuple[int | None, int | None], int, Sequence[int]]] = {
    "fcntl": ((72, 25), 1, (0, 1, 2, 3, 4, 5, 6, 7, 1030)),  # not F_SETOWN, with which a signal reaches anybody
    "ioctl": ((16, 29), 1, (0x5401, 0x5421, 0x541B, 0x5450, 0x5451)),  # TCGETS, FIONBIO, FIONREAD, FIO(N)CLEX
}
CLONE, CLONE_THREAD = (56, 220), 0x10000
TGKILL = (234, 131)
PRLIMIT = (302, 261)
REFUSED: Mapping[str, tuple[int | None, int | None]] = {
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "fork": (57, None), "vfork": (58, None),
    "execve": (59, 221), "kill": (62, 129), "setrlimit": (160, 164), "ptrace": (101, 117), "prctl": (157, 167),
    "mkdir": (83, None), "mkdirat": (258, 34), "unlink": (87, None), "unlinkat": (263, 35), "rename": (82, None),
    "renameat2": (316, 276), "chmod": (90, None), "fchmodat": (268, 53), "truncate": (76, 45), "ftruncate": (77, 46),
    "setsid": (112, 157), "chdir": (80, 49),
}  # fmt: skip
MACHINES: Mapping[str, tuple[int, int]] = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_LOAD, _EQUALS, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06  # BPF_LD+W+ABS, BPF_JMP+JEQ+K, BPF_JMP+JSET+K, BPF_RET+K
_LET, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # places in struct seccomp_data; both machines are little-endian
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def refuse_all_but_listed() -> None:
    """Put the filter in force for this process, for good. Raises: OSError where the kernel or the machine has none."""
    if platform.machine() not in MACHINES:
        raise OSError(errno.ENOSYS, f"no list of system calls for {platform.machine()}")
    code = filter_for(platform.machine(), os.getpid())
    libc = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(code) // 8, code)
    for words in ((_PR_SET_NO_NEW_PRIVS, 1, 0), (_PR_SET_SECCOMP, _FILTER, ctypes.byref(program))):
        if libc.prctl(*words, 0, 0):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def filter_for(machine: str, process: int) -> bytes:
    """Write the filter of a machine in the language of the kernel, 8 bytes an instruction, for the process named."""
    at, architecture = MACHINES[machine]
    code = [_step(_LOAD, _ARCHITECTURE), _step(_EQUALS, architecture, 1, 0), _step(_RETURN, _KILL)]
    code += [_step(_LOAD, _NUMBER)]
    for numbers, answer in (
        *((numbers, _LET) for numbers in ALLOWED.values()),
        *((numbers, _ERROR | errno.EPERM) for numbers in REFUSED.values()),
    ):
        if (number := numbers[at]) is not None:
            code += _of(number, [_step(_RETURN, answer)])
    not_permitted = _step(_RETURN, _ERROR | errno.EPERM)
    for numbers, place, values in CHOSEN.values():
        number = numbers[at]
        assert number is not None
        ways = [step for value in values for step in (_step(_EQUALS, value, 0, 1), _step(_RETURN, _LET))]
        code += _of(number, [_argument(place), *ways, not_permitted])
    # A thread is let through, a process is not.
    code += _of(CLONE[at], [_argument(0), _step(_ANY_BIT, CLONE_THREAD, 1, 0), not_permitted, _step(_RETURN, _LET)])
    code += _of(TGKILL[at], [_argument(0), _step(_EQUALS, process, 1, 0), not_permitted, _step(_RETURN, _LET)])
    nothing_new = [
        step for half in (0, 4) for step in (_argument(2, half), _step(_EQUALS, 0, 1, 0), not_permitted)
    ]  # limits may be read, and set by nobody
    code += _of(PRLIMIT[at], [*nothing_new, _step(_RETURN, _LET)])
    return b"".join([*code, _step(_RETURN, _ERROR | errno.ENOSYS)])


def _of(number: int, answer: Sequence[bytes]) -> list[bytes]:
    """Answer one call so; every way through `answer` must end in a return, and others pass it by."""
    return [_step(_EQUALS, number, 0, len(answer)), *answer]


def _argument(place: int, half: int = 0) -> bytes:
    return _step(_LOAD, _ARGUMENTS + 8 * place + half)


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)
