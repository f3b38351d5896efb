"""The source files of trees: found by name, opened only where they are plain files, and nothing is followed."""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from domain.exceptions import DatasetError
from domain.scan import Gathered, SourceFile
from domain.showing import shown
from infrastructure.data.files.encodings import is_binary
from infrastructure.plain_files import open_to_read
from infrastructure.scan.ignoring import (
    IgnoreFile,
    ignore_file_of,
    ignore_files_above,
    is_ignored,
    is_installed,
)
from infrastructure.scan.revisions import Revision

MIB = 1 << 20
LARGEST_FILE = MIB
LONGEST_LINE = 10_000
MOST_DEEP = 200
ENDINGS = (".py", ".pyw")
NEVER = ("__pycache__", "node_modules", "__pypackages__")
LARGE = f"larger than {LARGEST_FILE // MIB} MiB"
GENERATED = f"lines of more than {LONGEST_LINE:,} bytes, generated or minified"
UNCHANGED = "unchanged since the revision"
NO_GITIGNORE = (
    ".gitignore is not honoured, for which this Python has no pathspec. Run: pip install 'athanor[security]'."
)


class SourceTree:
    """Finds the Python files below directories; a file that is named is taken whatever it is called."""

    def gather(self, paths: Sequence[str], since: str | None) -> Gathered:
        """Find the files below some paths, and of those only what differs from `since`.

        Hidden directories, virtual environments, links, and what `.gitignore` says are left out and counted.
        Raises: DatasetError for a path that is not there or no file, and what `Revision` raises.
        """
        roots = [_root(path) for path in paths]
        base = _base(roots)
        walk = _Walk(base)
        for root in dict.fromkeys(roots):
            revision = None if since is None else Revision.of(root, since)
            if root.is_dir():
                walk.directory(root, revision)
            else:
                walk.take(root, revision)
        notes = list(dict.fromkeys(walk.notes))
        if not is_installed() and any(root.is_dir() for root in roots):
            notes.append(NO_GITIGNORE)
        files = sorted(walk.files.values(), key=lambda file: file.path)
        skipped = {reason: tuple(sorted(places)) for reason, places in sorted(walk.skipped.items())}
        return Gathered(str(base), tuple(files), skipped, tuple(notes))

    def holds(self, base: str, path: str) -> bool:
        """Tell whether there is a file at a path as reports tell it."""
        return os.path.isfile(os.path.join(base, path))


def _root(path: str) -> Path:
    try:
        place = Path(path).resolve()
        found = place.stat()
    except FileNotFoundError as error:
        raise DatasetError(f"{shown(path)[1:-1]} does not exist.", remedy="Check the path.") from error
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{shown(path)} cannot be looked at: {reason}.", remedy="Check the path.") from error
    if not (stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)):
        raise DatasetError(f"{path} is no file and no directory.", remedy="Name what holds source code.")
    if not os.access(place, os.R_OK):
        raise DatasetError(f"{path} cannot be read.", remedy="Check its permissions.")
    return place


def _base(roots: Sequence[Path]) -> Path:
    """Give the directory that paths are told from: this one, or else the one that holds all roots."""
    here = Path.cwd().resolve()
    if all(root.is_relative_to(here) for root in roots):
        return here
    return Path(os.path.commonpath([root if root.is_dir() else root.parent for root in roots]))


@dataclass
class _Walk:
    """What was found so far."""

    base: Path
    files: dict[Path, SourceFile] = field(default_factory=dict)
    skipped: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def directory(self, root: Path, revision: Revision | None) -> None:
        """Take the files below a directory, the outer ones first."""
        outer = ignore_files_above(root) if is_installed() else []
        waiting: list[tuple[Path, list[IgnoreFile], int, Revision | None]] = [(root, outer, 0, revision)]
        while waiting:
            place, ignoring, depth, revision = waiting.pop()
            if revision is not None and place != revision.root and (place / ".git").exists():
                revision = revision.within(place)
            own = ignore_file_of(place) if is_installed() else None
            if own is not None:
                ignoring = [*ignoring, own]
                self.notes += own.faults
            for path, mode in self._entries(place):
                below = self._below(path, mode, ignoring, depth)
                if below:
                    waiting.append((path, ignoring, depth + 1, revision))
                elif below is None:
                    self.take(path, revision)

    def _entries(self, place: Path) -> Iterator[tuple[Path, int]]:
        """List a directory with the kinds of what is in it, links as links."""
        try:
            names = sorted(os.listdir(place), reverse=True)
        except OSError:
            self._skip("cannot be read", place)
            return
        for name in names:
            path = place / name
            try:
                yield path, path.lstat().st_mode
            except OSError:  # gone by now
                self._skip("cannot be read", path)

    def _below(self, path: Path, mode: int, ignoring: Sequence[IgnoreFile], depth: int) -> bool | None:
        """Tell whether to look below a path; None for a file that is to be taken."""
        is_directory = stat.S_ISDIR(mode)
        if not is_directory and path.suffix.lower() not in ENDINGS:
            return False
        reason = self._reason(path, mode, depth)
        if not reason and is_ignored(ignoring, path, is_directory):
            reason = "ignored by .gitignore"
        if reason:
            self._skip(reason, path)
            return False
        return True if is_directory else None

    def _reason(self, path: Path, mode: int, depth: int) -> str:
        if stat.S_ISLNK(mode):
            return "link"
        if stat.S_ISDIR(mode):
            if path.name.startswith("."):
                return "hidden directory"
            if path.name in NEVER:
                return "made by a tool"
            if os.path.lexists(path / "pyvenv.cfg"):
                return "virtual environment"
            return "directory too deep" if depth >= MOST_DEEP else ""
        return "" if stat.S_ISREG(mode) else "pipe, socket or device"

    def take(self, path: Path, revision: Revision | None) -> None:
        """Take a file if it is text of a reasonable size, and differs from a revision."""
        if path in self.files:
            return
        try:
            with open_to_read(path) as file:
                data = file.read(LARGEST_FILE + 1)
        except OSError:
            self._skip("cannot be read", path)
            return
        if reason := _unfit(data) or (UNCHANGED if revision is not None and revision.holds(path, data) else ""):
            self._skip(reason, path)
            return
        digest = hashlib.sha256(data).hexdigest()
        self.files[path] = SourceFile(self._told(path), str(path), digest)

    def _skip(self, reason: str, path: Path) -> None:
        self.skipped.setdefault(reason, []).append(self._told(path))

    def _told(self, path: Path) -> str:
        return path.relative_to(self.base).as_posix()


def _unfit(data: bytes) -> str:
    if len(data) > LARGEST_FILE:
        return LARGE
    if is_binary(data[:4096]):
        return "binary"
    return GENERATED if len(data) > LONGEST_LINE and max(map(len, data.split(b"\n"))) > LONGEST_LINE else ""
