"""Which files of a project are read, and what their bytes say as text."""

import codecs
import io
import re
import tokenize
from dataclasses import dataclass

from domain.code_rows import CodeFile
from domain.exceptions import DatasetError
from domain.source_address import Reach

TESTS = "files of tests"
OTHERS = "files that others wrote or a program made"
LINKS = "symbolic links"
SUBMODULES = "submodules"
LARGE = "files larger than 1 MiB"
POINTERS = "files that stand elsewhere (Git LFS)"
UNDECODED = "files that are no text in the encoding they name"
REPEATED = "files that repeat another"
UNOPENED = "files that cannot be opened"
LARGEST_FILE = 1 << 20
MOST_FILES = 200_000
# Folders of code that is not the project's own: kept by tools, or brought along.
_FOREIGN = frozenset(
    ("node_modules", "site-packages", "dist-packages", "venv", "env", "vendor", "vendored", "_vendor", "third_party")
)
_MADE = re.compile(r".*_pb2(_grpc)?\.py")
_TESTS = frozenset(("test", "tests", "testing"))
_TEST_FILE = re.compile(r"test_.*\.py|.*_tests?\.py|tests?\.py|conftest\.py")
_POINTER = b"version https://git-lfs.github.com/spec/"
_IDENTIFIER = re.compile(r"SPDX-License-Identifier:\s*([A-Za-z0-9.+-]+(?:\s+(?:AND|OR|WITH)\s+[A-Za-z0-9.+-]+)*)")
# No code is written in them, and to decode a megabyte takes minutes.
_SLOW = frozenset(("idna", "punycode"))
_HEAD = 2_000  # characters in which a file says whose it is


@dataclass(frozen=True)
class Unread:
    """Why a file is left out."""

    reason: str


def is_python(path: str) -> bool:
    """Tell whether a name is that of a file of Python; stubs hold no code."""
    return path.endswith(".py")


def left_out(path: str, keeps_tests: bool) -> str:
    """Say why a file of Python is left out by its path, with / between its parts; empty where it is read."""
    *folders, name = path.split("/")
    if (
        _FOREIGN.intersection(folders)
        or _MADE.fullmatch(name)
        or any(part.startswith(".") for part in (*folders, name))
    ):
        return OTHERS
    if not keeps_tests and (_TESTS.intersection(folders) or _TEST_FILE.fullmatch(name)):
        return TESTS
    return ""


def text_of(content: bytes) -> str | None:
    """Decode source code as Python does, with line ends of one kind; None where it is no text in its encoding."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        if codecs.lookup(encoding).name in _SLOW:
            return None
        text = content.decode(encoding)
    except (SyntaxError, UnicodeError, LookupError):
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def source_file(path: str, content: bytes) -> CodeFile | Unread:
    """Read the bytes of a file."""
    if content.startswith(_POINTER):
        return Unread(POINTERS)
    text = text_of(content)
    if text is None or "\0" in text:
        return Unread(UNDECODED)
    found = _IDENTIFIER.search(text[:_HEAD])
    return CodeFile(path, text, found[1] if found else "")


def written_path(path: str) -> str:
    """Give a path as any file can hold it: bytes that are no letters are spelt out."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class ReadSoFar:
    """What was read of a project: a tree of a few bytes may name one file a million times, or files of a terabyte."""

    def __init__(self, shown: str, reach: Reach) -> None:
        self._shown = shown
        self._most = reach.mebibytes
        self._size = 0
        self._met: set[str] = set()

    def again(self, content: str) -> str:
        """Say that a content was met before, by its digest; empty the first time."""
        if content in self._met:
            return REPEATED
        self._met.add(content)
        return ""

    def add(self, size: int) -> None:
        """Count bytes. Raises: DatasetError when they are too many."""
        self._size += size
        if self._size > self._most << 20:
            raise DatasetError(
                f"{self._shown} has more than {self._most:,} MiB of Python.",
                remedy="Give --max-mib more, or leave it out.",
            )
