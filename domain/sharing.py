"""A model that is given to others: what it is called there, what goes, and what came of it."""

import re
from dataclasses import dataclass

from domain.exceptions import ConfigurationError
from domain.hub_names import PART, REVISION
from domain.showing import shown

LONGEST_NAME = 96
LONGEST_MESSAGE = 500
MAIN = "main"
_NAME = re.compile(rf"{PART}/{PART}", re.ASCII)
_BRANCH = re.compile(REVISION)


@dataclass(frozen=True)
class Destination:
    """A model of the hub by `owner/name`, the branch that is written to, and who may see it.

    `private` wants one that nobody else sees; else a new one is as the owner's settings say. Raises: ConfigurationError
    naming every part that the hub cannot have.
    """

    name: str
    branch: str = MAIN
    private: bool = False
    message: str = ""

    def __post_init__(self) -> None:
        faults = []
        if not _NAME.fullmatch(self.name) or len(self.name) > LONGEST_NAME or self.name.endswith(".git"):
            faults.append(f"{shown(self.name)} is no name of the hub. Write owner/name, of letters, digits, - _ and .")
        if not _BRANCH.fullmatch(self.branch) or ".." in self.branch or self.branch.endswith((".", "/", ".lock")):
            faults.append(f"revision {shown(self.branch)} is no branch. Write a name such as {MAIN}.")
        if len(self.message) > LONGEST_MESSAGE:
            faults.append(f"message has {len(self.message):,} characters, but {LONGEST_MESSAGE} at most are taken.")
        if faults:
            raise ConfigurationError.of(faults)


@dataclass(frozen=True)
class SharedFile:
    """A file as it goes: the bytes at `path`, or `content` in their place where they tell of this machine."""

    name: str
    num_bytes: int
    path: str
    content: bytes | None = None


@dataclass(frozen=True)
class SharedModel:
    """A finished model of a task, looked through, and its files."""

    task: str
    files: tuple[SharedFile, ...]


@dataclass(frozen=True)
class PushedModel:
    """What went where: names and bytes of files, and the address of the commit, empty where nothing was sent."""

    name: str
    branch: str
    files: dict[str, int]
    address: str = ""

    @property
    def num_bytes(self) -> int:
        """Bytes of all files."""
        return sum(self.files.values())
