"""What `.gitignore` files say of paths, as git reads them: the nearest file decides, in each its last pattern."""

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from infrastructure.plain_files import read_plain

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".gitignore"
LARGEST = 1 << 18
MOST_PATTERNS = 2_000
# A pattern becomes a regular expression; each star in one name multiplies the ways to try on a name of 255 letters.
MOST_STARS = 4
_STARS = re.compile(r"\*+")


def is_installed() -> bool:
    """Tell whether this Python has the package that reads them."""
    try:
        import pathspec  # noqa: F401
    except ImportError:
        return False
    return True


@dataclass(frozen=True)
class IgnoreFile:
    """Patterns that hold below a directory; `faults` say what of them was left out."""

    directory: Path
    patterns: tuple[str, ...]
    faults: tuple[str, ...] = ()

    @cached_property
    def _spec(self) -> "GitIgnoreSpec":
        from pathspec import GitIgnoreSpec

        return GitIgnoreSpec.from_lines(self.patterns)

    def verdict(self, path: Path, is_directory: bool) -> bool | None:
        """Tell whether a path below the directory is ignored, None where no pattern speaks of it."""
        name = path.relative_to(self.directory).as_posix() + ("/" if is_directory else "")
        return self._spec.check_file(name).include


def is_ignored(files: Sequence[IgnoreFile], path: Path, is_directory: bool) -> bool:
    """Ask the files that hold for a path, the outermost first in `files`."""
    for file in reversed(files):
        if (verdict := file.verdict(path, is_directory)) is not None:
            return verdict
    return False


def ignore_files_above(directory: Path) -> list[IgnoreFile]:
    """Read what holds for a directory from above it: up to the root of its repository, and none outside of one."""
    above = [directory, *directory.parents]
    root = next((place for place in above if (place / ".git").exists()), None)
    if root is None:
        return []
    places = [root / ".git" / "info" / "exclude"]
    found = [_read(place, root) for place in places]
    outer = above[1 : above.index(root) + 1]
    found += [_read(place / IGNORE_FILE, place) for place in reversed(outer)]
    return [file for file in found if file is not None]


def ignore_file_of(directory: Path) -> IgnoreFile | None:
    """Read what a directory says of what lies below it, None where it says nothing."""
    return _read(directory / IGNORE_FILE, directory)


def _read(path: Path, directory: Path) -> IgnoreFile | None:
    try:
        text = read_plain(path, LARGEST).removeprefix("\ufeff")  # git skips it
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        if isinstance(error, NotADirectoryError):
            return None
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        return IgnoreFile(directory, (), (f"{path} is not honoured: {reason}.",))
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith("#")]
    kept, bad = [], 0
    for line in lines[:MOST_PATTERNS]:
        if _is_harmless(line):
            kept.append(line)
        else:
            bad += 1
    bad += max(0, len(lines) - MOST_PATTERNS)
    faults = (
        (f"{path}: {bad:,} of {len(lines):,} patterns are not honoured: too many, too many stars, or in doubt.",)
        if bad
        else ()
    )
    return IgnoreFile(directory, tuple(kept), faults) if kept or faults else None


def _is_harmless(pattern: str) -> bool:
    """Tell whether a pattern is read here as git reads it, and no name takes long to compare with it."""
    from pathspec import GitIgnoreSpec

    names: Iterator[str] = (name for name in pattern.split("/") if name != "**")
    if any(len(_STARS.findall(name)) > MOST_STARS for name in names) or pattern.count("**") > MOST_STARS:
        return False
    if "[:" in pattern or pattern.endswith(
        "\t"
    ):  # classes of letters and a last tab, which the library reads otherwise
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of `[[`, which means something else one day
            GitIgnoreSpec.from_lines((pattern,))
    except (ValueError, re.error, RecursionError, OverflowError, FutureWarning):
        return False
    return True
