"""A disk that counts every change below a folder, and at one of them kills the process, tears a write or refuses."""

import builtins
import errno
import io
import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KILL, TORN = "kill", "torn"
REFUSALS = ("ENOSPC", "EIO", "EACCES", "EROFS")
WRITES = ("write", "serialize", "tokenizer")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# What a full disk still does.
_FREES = ("os.remove", "os.rmdir", "os.utime", "os.chmod", "os.truncate")
_AT_SECOND = ("os.rename", "os.link", "os.symlink")
_AT_FIRST = ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.utime")
# Staging names hold host, process, thread and a random number; entries of a cache are named by their content.
_UNIQUE = re.compile(r"(/?\.staging-[^/]+)-[^/-]+_\d+_\d+_[0-9a-f]{8}(?=-|/|$)")
_KEY = re.compile(r"-[0-9a-f]{16,}")


@dataclass(frozen=True)
class Change:
    """One change of the file system, named so that another run has the same one whatever its threads do meanwhile."""

    operation: str
    path: str
    occurrence: int

    def __str__(self) -> str:
        return f"{self.operation} {self.path} #{self.occurrence}"

    @classmethod
    def read(cls, text: str) -> "Change":
        """Read what `str` gave."""
        operation, rest = text.split(" ", 1)
        path, _, occurrence = rest.rpartition(" #")
        return cls(operation, path, int(occurrence))


@dataclass(frozen=True)
class Fault:
    """What happens at a change: `kill`, `torn` (half of the bytes, then a kill), the name of an errno, or `act`.

    A lasting refusal meets every later change too.
    """

    change: Change
    what: str = ""
    lasting: bool = False
    act: Callable[[], None] | None = None


class Disk:
    """Watches the changes below `root` by this process: those of Python through audit events, and of three libraries
    that write by themselves. `record` is a file that gets a line for each.
    """

    def __init__(self, root: Path, fault: Fault | None = None, record: Path | None = None) -> None:
        self._root = str(root.resolve())
        self._fault = fault
        self._record_file = record
        self._record = -1
        self._seen: Counter[tuple[str, str]] = Counter()
        self._lock = threading.RLock()
        self._busy = threading.local()
        self._begun = False

    def __call__(self) -> None:
        """Begin to watch; a process cannot stop it again."""
        if self._record_file is not None:
            self._record_file.parent.mkdir(parents=True, exist_ok=True)
            self._record = os.open(self._record_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._watch_open()
        self._watch_fsync()
        self._watch_safetensors()
        if "transformers.tokenization_utils_tokenizers" in sys.modules:  # as after `import_all`; else it takes seconds
            self._watch_tokenizers()
        sys.addaudithook(self._audit)

    def meet(self, operation: str, path: Any) -> str:
        """Count a change and do what was asked for: gives "torn" to a writer who shall write half and die.

        Raises: OSError as told.
        """
        if getattr(self._busy, "now", False):
            return ""
        self._busy.now = True
        try:
            place = self._place_of(path)
            if place is None:
                return ""
            with self._lock:
                what = self._due(operation, place)
            if what == KILL or (what == TORN and operation not in WRITES):
                die()
            if what and what != TORN:
                number: int = getattr(errno, what)
                raise OSError(number, os.strerror(number), str(path))
            return what
        finally:
            self._busy.now = False

    def _due(self, operation: str, place: str) -> str:
        name = normal(place)
        occurrence = self._seen[operation, name]
        self._seen[operation, name] += 1
        change = Change(operation, name, occurrence)
        if self._record >= 0:
            os.write(self._record, f"{change}\n".encode())
        fault = self._fault
        if fault is None:
            return ""
        hit = change == fault.change or (fault.lasting and self._begun)
        self._begun = self._begun or hit
        if hit and fault.act is not None:
            fault.act()
        return fault.what if hit and not (fault.what == "ENOSPC" and operation in _FREES) else ""

    def _place_of(self, path: Any) -> str | None:
        """Give the path below the root, `.` for the root itself, None for one elsewhere."""
        try:
            if isinstance(path, int):
                path = os.readlink(f"/proc/self/fd/{path}")
            place = os.path.abspath(os.fsdecode(path))
        except (OSError, TypeError):
            return None
        if place != self._root and not place.startswith(self._root + "/"):
            return None
        return os.path.relpath(place, self._root)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if not isinstance(path, int) and isinstance(flags, int) and flags & _WRITING:
                self.meet("open", path)
        elif event in _AT_SECOND:
            self.meet(event, arguments[1])
        elif event in _AT_FIRST:
            path = _with_directory(arguments)
            if event != "os.mkdir" or not os.path.isdir(path):  # one that is there already changes nothing
                self.meet(event, path)

    def _watch_open(self) -> None:
        disk, real = self, io.open

        class Raw(io.FileIO):
            def write(self, data: Any) -> int:
                if disk.meet("write", self.fileno()) == TORN:
                    content = memoryview(data).cast("B")
                    super().write(content[: len(content) // 2])
                    die()
                return super().write(data)

        def opened(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **named: Any) -> Any:
            if isinstance(file, int) or not set(mode) & set("wax+") or disk._place_of(file) is None:
                return real(file, mode, buffering, *rest, **named)
            raw = Raw(file, mode.replace("b", "").replace("t", ""), opener=named.get("opener"))
            if buffering == 0:
                return raw
            binary = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            if "b" in mode:
                return binary
            words = dict(zip(("encoding", "errors", "newline"), rest, strict=False))
            words |= {name: named[name] for name in ("encoding", "errors", "newline") if name in named}
            return io.TextIOWrapper(binary, **words, line_buffering=buffering == 1)

        named: Any = (io, builtins)
        for module in named:
            module.open = opened

    def _watch_fsync(self) -> None:
        real = os.fsync

        def fsync(file: Any) -> None:
            self.meet("fsync", file if isinstance(file, int) else file.fileno())
            real(file)

        os.fsync = fsync  # type: ignore[assignment]

    def _watch_safetensors(self) -> None:
        import safetensors.torch as library
        from safetensors import SafetensorError

        real: Callable[..., None] = library.serialize_file  # type: ignore[attr-defined]

        def serialize_file(tensors: Any, path: Any, *rest: Any, **named: Any) -> None:
            try:
                torn = self.meet("serialize", path)
            except OSError as error:  # the library tells of the disk in words alone
                words = f"Error while serializing: I/O error: {error.strerror} (os error {error.errno})"
                raise SafetensorError(words) from None
            real(tensors, path, *rest, **named)
            if torn:
                tear(path)

        library.serialize_file = serialize_file  # type: ignore[attr-defined, assignment]

    def _watch_tokenizers(self) -> None:
        """`Tokenizer.save` is of a type that cannot be changed, so its one caller in transformers gets a stand-in."""
        from transformers import PreTrainedTokenizerFast

        disk, real = self, PreTrainedTokenizerFast.backend_tokenizer.fget  # type: ignore[attr-defined]

        class Saving:
            def __init__(self, tokenizer: Any) -> None:
                self._tokenizer = tokenizer

            def __getattr__(self, name: str) -> Any:
                return getattr(self._tokenizer, name)

            def save(self, path: str, *rest: Any, **named: Any) -> None:
                try:
                    torn = disk.meet("tokenizer", path)
                except OSError as error:
                    raise Exception(f"{error.strerror} (os error {error.errno})") from None
                self._tokenizer.save(path, *rest, **named)
                if torn:
                    tear(path)

        kind: Any = next(c for c in PreTrainedTokenizerFast.__mro__ if "backend_tokenizer" in vars(c))
        kind.backend_tokenizer = property(lambda tokenizer: Saving(real(tokenizer)))


def normal(place: str) -> str:
    """Drop from a path what differs from run to run."""
    return _KEY.sub("-KEY", _UNIQUE.sub(r"\1", place))


def die() -> None:
    """Be killed, from whatever thread."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def recorded(record: Path) -> list[Change]:
    """Read what `Disk(record=...)` wrote."""
    return [Change.read(line) for line in record.read_text().splitlines()]


def tear(path: Any) -> None:
    """Take half of a file away and be killed."""
    os.truncate(path, os.path.getsize(path) // 2)
    die()


def _with_directory(arguments: tuple[Any, ...]) -> Any:
    path, directory = arguments[0], arguments[-1]
    if isinstance(path, int) or os.path.isabs(os.fsdecode(path)) or not isinstance(directory, int) or directory < 0:
        return path
    try:
        return os.path.join(os.readlink(f"/proc/self/fd/{directory}"), os.fsdecode(path))
    except OSError:
        return path
