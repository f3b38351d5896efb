"""What differs from a revision, found without letting git look at the working tree.

git compares files of the working tree through filters, monitors and other programs that the configuration of a
repository names, and a repository may come from anyone. So it is asked for two things alone, the name of a commit and
the list of its files, and the content of each file is hashed here.
"""

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from domain.exceptions import DatasetError
from domain.showing import shown

SECONDS = 60
LONGEST_NAME = 1_000
REMEDY = "Name a branch, a tag or a commit, such as main or HEAD~1."
SHALLOW = "This clone is shallow: fetch the revision first, or all with git fetch --unshallow."
_SAFELY = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-pager", "--no-optional-locks")
# No transport at all: a repository that lacks objects would fetch them by a program of its choice.
_ENVIRONMENT = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


@dataclass(frozen=True)
class Revision:
    """The files of a commit by their path below the root of the repository, with the names of their contents."""

    root: Path
    blobs: dict[bytes, str]

    @classmethod
    def of(cls, place: Path, name: str) -> "Revision":
        """Read the files of a revision of the repository that holds a place.

        Raises: DatasetError outside of a repository, for an unknown revision, and where git cannot be asked.
        """
        root = next((up for up in (place, *place.parents) if (up / ".git").exists()), None)
        if root is None:
            raise DatasetError(f"{place} lies in no git repository.", remedy="Leave since out, or name another path.")
        if not name or name.startswith("-") or "\0" in name or len(name) > LONGEST_NAME:
            raise DatasetError(f"since is {shown(name)}, which names no revision.", remedy=REMEDY)
        commit = _asked(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if commit is None:
            is_shallow = _asked(root, "rev-parse", "--is-shallow-repository") == b"true\n"
            remedy = f"{SHALLOW} {REMEDY}" if is_shallow else REMEDY
            raise DatasetError(f"{root} has no revision {shown(name)}.", remedy=remedy)
        listed = _asked(root, "ls-tree", "-r", "-z", "--full-tree", commit.decode("ascii").strip())
        if listed is None:
            raise DatasetError(
                f"the files of revision {shown(name)} are not in {root}.", remedy="Fetch the whole of it."
            )
        blobs = {}
        for entry in filter(None, listed.split(b"\0")):
            facts, _, path = entry.partition(b"\t")
            blobs[path] = facts.split(b" ")[2].decode("ascii")
        return cls(root, blobs)

    def within(self, place: Path) -> "Revision":
        """Give the files of a repository within this one, such as a submodule, as of the commit that is named for it.

        There are none where no commit is named, or it was not fetched: all that lies there is then new.
        """
        commit = self.blobs.get(os.fsencode(place.relative_to(self.root)))
        try:
            return Revision(place, {}) if commit is None else Revision.of(place, commit)
        except DatasetError:
            return Revision(place, {})

    def holds(self, path: Path, data: bytes) -> bool:
        """Tell whether a file is the same as in the revision, the ends of its lines apart."""
        blob = self.blobs.get(os.fsencode(path.relative_to(self.root)))
        if blob is None:
            return False
        return blob in (_blob(data, len(blob)), _blob(data.replace(b"\r\n", b"\n"), len(blob)))


def _blob(data: bytes, digits: int) -> str:
    """Name a content as git does. Source: git hash-object."""
    made = hashlib.sha256() if digits == 64 else hashlib.sha1(usedforsecurity=False)
    made.update(b"blob %d\0" % len(data))
    made.update(data)
    return made.hexdigest()


def _asked(root: Path, *words: str) -> bytes | None:
    """Ask git; gives None where it refuses. Raises: DatasetError where it is not there, or a repository is foreign."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ("git", "-C", str(root), *_SAFELY, *words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**environment, **_ENVIRONMENT},
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise DatasetError(
            "git is not installed, which since asks.", remedy="Install it, or leave since out."
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DatasetError(f"git gave no answer about {root}.", remedy="Leave since out.") from error
    if b"dubious ownership" in done.stderr:
        raise DatasetError(
            f"{root} belongs to somebody else, and git does not read it.",
            remedy=f"If you trust it: git config --global --add safe.directory {root}",
        )
    return done.stdout if done.returncode == 0 else None
