"""A directory as a project: its files as they stand, without one link followed."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from application.phases import advance, phase
from domain.code_rows import CodeFile, Fix
from domain.exceptions import ConfigurationError, DatasetError
from domain.source_address import Address, ReadingOfCode
from infrastructure.harvest.licences import LARGEST, is_asked, licence_of
from infrastructure.harvest.python_files import (
    LARGE,
    LARGEST_FILE,
    LINKS,
    MOST_FILES,
    OTHERS,
    UNOPENED,
    ReadSoFar,
    Unread,
    is_python,
    left_out,
    source_file,
    text_of,
    written_path,
)
from infrastructure.plain_files import open_own


class Folder:
    """A project that is a directory and no repository; what was left out of it is counted while it is read."""

    commit = ""

    def __init__(self, address: Address, reading: ReadingOfCode) -> None:
        assert address.directory is not None
        self.project = address.project
        self.left_out: Counter[str] = Counter()
        self._shown = address.shown
        self._root = address.directory
        self._reading = reading

    @property
    def licence(self) -> str:
        """Name the licence that the files beside its root tell of."""
        texts = {}
        for entry in _entries(self._root, self._shown):
            if is_asked(entry.name) and entry.is_file(follow_symlinks=False):
                content = _content(Path(entry.path), LARGEST)
                text = text_of(content) if isinstance(content, bytes) else None
                texts[entry.name] = text or ""
        return licence_of(texts)

    def files(self) -> Iterator[CodeFile]:
        """Give the files of Python, each content once. Raises: DatasetError beyond the MiB that may be read."""
        read = ReadSoFar(self._shown, self._reading.reach)
        with phase(f"listing {self.project}", 0, "files"):
            paths = sorted(self._paths())
        with phase(f"reading {self.project}", len(paths), "files"):
            for path in paths:
                advance(1)
                reason = left_out(path, self._reading.keeps_tests)
                found = Unread(reason) if reason else self._read(path, read)
                if isinstance(found, Unread):
                    self.left_out[found.reason] += 1
                else:
                    yield found

    def fixes(self, largest: int) -> Iterator[Fix]:
        """Refuse: a directory has no history. Raises: ConfigurationError."""
        raise ConfigurationError(
            f"--fixes reads the history of a repository, and {self._shown} is none.",
            remedy="Give the root of a git repository or its address, or leave --fixes out.",
        )

    def _paths(self) -> Iterator[str]:
        """List files of Python below the root, with / between the parts of their paths."""
        number = 0
        folders = [(self._root, "")]
        while folders:
            folder, place = folders.pop()
            for entry in _entries(folder, self._shown):
                number += 1
                advance(1)
                if number > MOST_FILES:
                    raise DatasetError(f"{self._shown} has more than {MOST_FILES:,} files.", remedy="Leave it out.")
                path = f"{place}{entry.name}"
                if entry.is_symlink():
                    self.left_out[LINKS] += is_python(path)
                elif entry.is_dir(follow_symlinks=False):
                    # Of what a whole folder of others holds nothing is counted: it may be a million files.
                    if left_out(f"{path}/_.py", True) == OTHERS:
                        continue
                    folders.append((folder / entry.name, f"{path}/"))
                elif is_python(path):
                    yield path

    def _read(self, path: str, read: ReadSoFar) -> CodeFile | Unread:
        content = _content(self._root / path, LARGEST_FILE)
        if isinstance(content, Unread):
            return content
        if reason := read.again(hashlib.sha256(content).hexdigest()):
            return Unread(reason)
        read.add(len(content))
        return source_file(written_path(path), content)


def _entries(folder: Path, shown: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            some = islice(entries, MOST_FILES + 1)  # no more than it takes to be too many
            return sorted(some, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        if folder.is_dir():
            return []  # a folder that is closed to us holds nothing for us
        raise DatasetError(f"{shown} cannot be read: {error.strerror or error}.", remedy="Check the path.") from error


def _content(path: Path, largest: int) -> bytes | Unread:
    try:
        with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
            content: bytes = file.read(largest + 1)
    except OSError:  # also what is a pipe or a device
        return Unread(UNOPENED)
    return Unread(LARGE) if len(content) > largest else content
