"""Git as a program of its own, so started that a repository can make it do nothing but hand out its objects."""

import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from domain.exceptions import ConfigurationError, DatasetError
from domain.source_address import Address

SECONDS_OF_SILENCE = 120.0
SECONDS_BETWEEN_LOOKS = 0.1
MIB = 1 << 20
AT_ONCE = 1 << 16
LINES_TOLD = 2  # ssh says why in one, and git that it failed in the next
_NO_REASON = ("warning: ", "hint:", "remote: hint:", "Warning: ", "Please make sure", "and the repository exists")
# What of our own surroundings git gets: ways to other machines, and the keys of a person. No setting of git is in it.
_KEPT = (
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
)
_SURROUNDINGS = {
    "LC_ALL": "C",  # its messages are read
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",  # a repository may name another place for what it lacks
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oStrictHostKeyChecking=yes -oConnectTimeout=30 -oClearAllForwardings=yes",
}
# No way but the one that was asked for, and nothing that another program would be started for.
_SETTINGS = (
    "protocol.allow=never",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.fsmonitor=false",
    "core.symlinks=false",
    "core.pager=cat",
    "core.bigFileThreshold=8m",  # beyond it an object is unpacked in parts, and not held in memory
    "credential.helper=",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "transfer.bundleURI=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
)
# Hands a user and a password to git without an argument or a file in which another person could read them.
_HELPER = '!f() { echo "username=$ATHANOR_GIT_USER"; echo "password=$ATHANOR_GIT_PASSWORD"; }; f'


class GitError(Exception):
    """Git ended with an error: what it said of it, in one line."""


class Git:
    """Calls git on one bare repository; each process ends with the call, and all of its children with it."""

    def __init__(self, home: Path, address: Address) -> None:
        found = shutil.which("git")
        if found is None:
            raise ConfigurationError(
                f"{address.shown} is a git repository, and git is not installed.",
                remedy="Install git, or give a directory without a repository.",
            )
        allowed = f"protocol.{address.scheme}.allow=always"
        helper = [f"credential.helper={_HELPER}"] if address.user or address.password else []
        settings = [word for setting in (*_SETTINGS, allowed, *helper) for word in ("-c", setting)]
        self._command = (found, "--no-pager", f"--git-dir={home}", *settings)
        self._environment = _environment(address)
        self._home = home
        self._shown = address.shown

    def said(self, *words: str) -> str:
        """Give the little that a command says. Raises: GitError, DatasetError when it never ends."""
        with self.reading(*words) as output:
            return output.all(MIB).decode("utf-8", "replace").strip()

    def receive(self, *words: str, seconds: float, mebibytes: int) -> None:
        """Run a command that fills the repository, as far as time and room go. Raises: GitError, DatasetError."""
        begun = time.monotonic()
        with self._started(words, subprocess.DEVNULL, subprocess.DEVNULL) as (process, said):
            while process.poll() is None:
                if time.monotonic() - begun > seconds:
                    raise DatasetError(
                        f"{self._shown} is not there after {seconds:.0f} s.",
                        remedy="Give --timeout more seconds, or clone it elsewhere and give its directory.",
                    )
                if _size_of(self._home) + os.fstat(said.fileno()).st_size > mebibytes * MIB:
                    raise DatasetError(
                        f"{self._shown} has more than {mebibytes:,} MiB.",
                        remedy="Give --max-mib more, or leave it out.",
                    )
                time.sleep(SECONDS_BETWEEN_LOOKS)
            _require_success(process, said)

    @contextmanager
    def reading(self, *words: str) -> Iterator["Output"]:
        """Run a command and read what it gives. Raises: GitError when all was read and it failed, DatasetError."""
        with self._started(words, subprocess.DEVNULL, subprocess.PIPE) as (process, said):
            assert process.stdout is not None
            yield Output(process.stdout, self._shown)
            process.stdout.close()  # who has read enough leaves git without a reader, and that is no failure
            try:
                status = process.wait(SECONDS_OF_SILENCE)
            except subprocess.TimeoutExpired as error:
                raise _lost(self._shown) from error
            if status != -signal.SIGPIPE:
                _require_success(process, said)

    @contextmanager
    def asking(self, *words: str) -> Iterator[tuple[IO[bytes], "Output"]]:
        """Run a command that answers what is written to it, for as long as the block lasts."""
        with self._started(words, subprocess.PIPE, subprocess.PIPE) as (process, _):
            assert process.stdin is not None
            assert process.stdout is not None
            yield process.stdin, Output(process.stdout, self._shown)

    @contextmanager
    def _started(
        self, words: tuple[str, ...], stdin: int, stdout: int
    ) -> Iterator[tuple["subprocess.Popen[bytes]", IO[bytes]]]:
        # What git says of errors goes into a file: of a pipe that nobody reads it would wait for ever.
        with TemporaryFile(dir=self._home) as said:
            process = subprocess.Popen(
                (*self._command, *words),
                stdin=stdin,
                stdout=stdout,
                stderr=said,
                cwd=self._home,
                env=self._environment,
                start_new_session=True,  # an interrupt is ours to hear, and the children of git end with it
            )
            try:
                yield process, said
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                for stream in (process.stdin, process.stdout):
                    if stream is not None:
                        with suppress(OSError):
                            stream.close()


class Output:
    """What git writes, read in parts. Raises: DatasetError when nothing comes for minutes."""

    def __init__(self, stream: IO[bytes], shown: str) -> None:
        self._descriptor = stream.fileno()
        self._shown = shown
        self._waiting = select.poll()
        self._waiting.register(self._descriptor, select.POLLIN)
        self._buffer = bytearray()

    def records(self, longest: int) -> Iterator[bytes]:
        """Give what stands before each NUL; of what is longer, its first `longest` bytes."""
        is_cut = False
        while True:
            end = self._buffer.find(b"\0")
            if end >= 0:
                if not is_cut:
                    yield bytes(self._buffer[:end][:longest])
                del self._buffer[: end + 1]
                is_cut = False
            elif len(self._buffer) > longest:
                if not is_cut:
                    yield bytes(self._buffer[:longest])
                self._buffer.clear()
                is_cut = True
            elif not self._filled():
                return

    def line(self) -> bytes:
        """Give the next line without its end, empty at the end of all. Lines of git's own are short."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > AT_ONCE or not self._filled():
                return b""
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def exactly(self, size: int) -> bytes:
        """Give so many bytes, fewer at the end of all."""
        while len(self._buffer) < size and self._filled():
            pass
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def all(self, most: int) -> bytes:
        """Give what there is, at most so many bytes."""
        return self.exactly(most)

    def _filled(self) -> bool:
        if not self._waiting.poll(SECONDS_OF_SILENCE * 1000):
            raise _lost(self._shown)
        part = os.read(self._descriptor, AT_ONCE)
        self._buffer += part
        return bool(part)


def _lost(shown: str) -> DatasetError:
    return DatasetError(
        f"{shown} gives nothing for {SECONDS_OF_SILENCE:.0f} s: git is lost in it.", remedy="Leave it out."
    )


def _environment(address: Address) -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    known = {**kept, **_SURROUNDINGS, "GIT_ALLOW_PROTOCOL": address.scheme}
    if address.user or address.password:
        known |= {"ATHANOR_GIT_USER": address.user, "ATHANOR_GIT_PASSWORD": address.password}
    return known


def _require_success(process: "subprocess.Popen[bytes]", said: IO[bytes]) -> None:
    if process.returncode == 0:
        return
    said.seek(0)
    lines = [line.strip() for line in said.read(AT_ONCE).decode("utf-8", "replace").splitlines()]
    told = [re.sub(r"^(?:fatal|error): ", "", line) for line in lines if line and not line.startswith(_NO_REASON)]
    raise GitError("; ".join(told[:LINES_TOLD]) or f"git ended with {process.returncode}")


def _size_of(home: Path) -> int:
    """Sum the sizes of the files of a repository; one that has just gone counts nothing."""
    total = 0
    for folder, _, names in os.walk(home):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total
