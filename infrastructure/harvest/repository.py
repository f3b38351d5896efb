"""A git repository at one commit: its objects are fetched into a bare one of ours, and read from there."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from application.phases import advance, phase
from domain.code_rows import CodeFile, Fix, FixedFile
from domain.exceptions import DatasetError
from domain.security_fixes import SecurityFix, security_fix
from domain.source_address import Address, Reach, ReadingOfCode
from infrastructure.harvest.blobs import Blobs, opened_blobs
from infrastructure.harvest.git import Git, GitError
from infrastructure.harvest.licences import LARGEST, is_asked, licence_of
from infrastructure.harvest.python_files import (
    LARGE,
    LARGEST_FILE,
    LINKS,
    MOST_FILES,
    SUBMODULES,
    ReadSoFar,
    Unread,
    is_python,
    left_out,
    source_file,
    text_of,
    written_path,
)

READ = "refs/athanor/read"
EVERYTHING = ("+refs/heads/*:refs/athanor/heads/*", "+refs/tags/*:refs/athanor/tags/*")
LONGEST_RECORD = 1 << 16  # of a listing, or of a commit with its message
SHA256_DIGITS = 64
MOST_COMMITS = 1_000_000
MOST_FIXES = 20_000  # of one repository, the newest
MOST_PATHS = 2_000  # that one commit may change, before it is large whatever they are
TOO_LARGE = "commits that change more than a fix does"
OLD = "fixes that are older than 20,000 others"
WITHOUT_CODE = "commits that change no file of Python beside tests"
_WHOLE = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
_PART = re.compile(r"[0-9a-f]{7,63}", re.IGNORECASE)
_ABSENT = re.compile(
    r"couldn't find remote ref|not our ref|no such ref|unadvertised object|did not send all|allow request"
)
_PLAIN = ("100644", "100755", "100664")
_LINK, _SUBMODULE = "120000", "160000"


class Repository:
    """A project in a repository; what was left out of it is counted while it is read."""

    def __init__(self, address: Address, git: Git, commit: str, reading: ReadingOfCode) -> None:
        self.project = address.project
        self.commit = commit
        self.left_out: Counter[str] = Counter()
        self._shown = address.shown
        self._git = git
        self._reading = reading
        self._listed = _listing(git, commit, address.shown)

    @property
    def licence(self) -> str:
        """Name the licence that its root tells of."""
        asked = [entry for entry in self._listed if is_asked(entry.path) and 0 < entry.size <= LARGEST]
        with opened_blobs(self._git) as blobs:
            texts = {entry.path: text_of(blobs.content(entry.number, LARGEST) or b"") for entry in asked}
        return licence_of({path: text for path, text in texts.items() if text})

    def files(self) -> Iterator[CodeFile]:
        """Give the files of Python, each content once. Raises: DatasetError beyond the MiB that may be read."""
        read = ReadSoFar(self._shown, self._reading.reach)
        wanted = [entry for entry in self._listed if is_python(entry.path)]
        with phase(f"reading {self.project}", len(wanted), "files"), opened_blobs(self._git) as blobs:
            for entry in wanted:
                advance(1)
                reason = _odd(entry) or left_out(entry.path, self._reading.keeps_tests) or read.again(entry.number)
                found = Unread(reason) if reason else _read(entry.path, blobs.content(entry.number, LARGEST_FILE))
                if isinstance(found, Unread):
                    self.left_out[found.reason] += 1
                else:
                    read.add(entry.size)
                    yield found

    def fixes(self, largest: int) -> Iterator[Fix]:
        """Give commits that mend a weakness and change at most so many files of Python, the newest first."""
        with phase(f"searching the history of {self.project}", 0, "commits"):
            said = list(self._said())
        self.left_out[OLD] += len(said[MOST_FIXES:])
        del said[MOST_FIXES:]
        with phase(f"reading fixes of {self.project}", len(said), "commits"), opened_blobs(self._git) as blobs:
            for commit, parent, fix in said:
                advance(1)
                changed = self._changed(commit, parent)
                if changed is None or not 0 < len(changed) <= largest:
                    self.left_out[WITHOUT_CODE if changed == [] else TOO_LARGE] += 1
                    continue
                files = tuple(_both(path, before, after, blobs) for path, before, after in changed)
                yield Fix(commit, parent, fix.advisory, fix.cwe, tuple(file for file in files if file is not None))

    def _said(self) -> Iterator[tuple[str, str, SecurityFix]]:
        """Give commits with one parent whose message speaks of a weakness."""
        words = ("--no-merges", "--no-show-signature", "--no-notes", "--no-decorate", "--encoding=UTF-8")
        with self._git.reading(
            "log", "-z", *words, f"--max-count={MOST_COMMITS}", "--format=%H %P%n%B", self.commit
        ) as log:
            for record in log.records(LONGEST_RECORD):
                advance(1)
                numbers, _, message = record.decode("utf-8", "replace").partition("\n")
                fix = security_fix(message)
                if fix is not None and len(numbers.split()) == 2:
                    commit, parent = numbers.split()
                    yield commit, parent, fix

    def _changed(self, commit: str, parent: str) -> list[tuple[str, str, str]] | None:
        """Give path, blob before and blob after of each plain file of Python that a commit changes.

        None where it changes more than `MOST_PATHS` of any kind.
        """
        changed = []
        words = ("-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv")
        with self._git.reading("diff-tree", *words, parent, commit) as listing:
            records = listing.records(LONGEST_RECORD)
            for number, (about, name) in enumerate(zip(records, records, strict=False)):
                if number == MOST_PATHS:
                    return None
                before, after, old, new, status = about.decode("ascii", "replace").lstrip(":").split(" ")
                path = name.decode("utf-8", "surrogateescape")
                is_plain = before in _PLAIN and after in _PLAIN and status == "M"
                if is_plain and is_python(path) and not left_out(path, self._reading.keeps_tests):
                    changed.append((path, old, new))
        return changed


@contextmanager
def opened(address: Address, staging: Path, reading: ReadingOfCode) -> Iterator[Repository]:
    """Fetch a repository below a private directory and open it at the commit that was asked for.

    Raises: ConfigurationError without git, DatasetError with what git says of it.
    """
    try:
        with phase(f"fetching {address.project}", 0, ""):
            digests = ("sha256", "sha1") if len(address.pin) == SHA256_DIGITS else ("sha1", "sha256")
            try:
                git, commit = _fetched(staging, digests[0], address, reading)
            except GitError as error:
                if "mismatched algorithms" not in str(error):
                    raise
                git, commit = _fetched(staging, digests[1], address, reading)
        yield Repository(address, git, commit, reading)
    except GitError as error:
        raise _refused(address, str(error)) from error


def _fetched(staging: Path, digest: str, address: Address, reading: ReadingOfCode) -> tuple[Git, str]:
    """Fetch a repository that numbers its objects by a digest; gives also the number of the commit."""
    home = staging / f"{digest}.git"
    git = Git(home, address)
    home.mkdir()
    git.said("init", "--bare", "--quiet", "--template=", f"--object-format={digest}", str(home))
    git.said("config", "remote.origin.url", address.url)
    return git, _commit(git, address, reading.reach, () if reading.with_history else ("--depth=1",))


def _commit(git: Git, address: Address, reach: Reach, depth: tuple[str, ...]) -> str:
    """Fetch what is asked for and no more, and all branches and tags where only these can tell what it is."""
    for wanted in _names(address.pin):
        try:
            _fetch(git, reach, *depth, "origin", f"+{wanted}:{READ}")
        except GitError as error:
            if not _ABSENT.search(str(error)):
                raise
        else:
            return _number(git, address, READ)
    if not _PART.fullmatch(address.pin):
        what = f"no commit, tag or branch {address.pin}" if address.pin else "no commit"
        raise DatasetError(f"{address.shown} has {what}.", remedy="Check what stands behind the @, or the address.")
    _fetch(git, reach, "origin", *EVERYTHING)
    return _number(git, address, address.pin)


def _number(git: Git, address: Address, name: str) -> str:
    """Give the number of a commit. Raises: DatasetError for what names none."""
    try:
        return git.said("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except GitError as error:
        raise DatasetError(
            f"{address.shown} has no commit {address.pin or 'HEAD'}: it names something else, or several begin so.",
            remedy="Give all of the number of a commit, or a tag or branch of one.",
        ) from error


def _fetch(git: Git, reach: Reach, *words: str) -> None:
    # A repository may be shallow itself: its history then ends where it ends there.
    how = (
        "--quiet",
        "--update-shallow",
        "--no-tags",
        "--no-recurse-submodules",
        "--no-write-fetch-head",
        "--no-auto-maintenance",
    )
    git.receive("fetch", *how, *words, seconds=reach.seconds, mebibytes=reach.mebibytes)


def _names(pin: str) -> tuple[str, ...]:
    if not pin:
        return ("HEAD",)
    named = (pin,) if pin.startswith("refs/") else (f"refs/tags/{pin}", f"refs/heads/{pin}")
    return (pin,) if _WHOLE.fullmatch(pin) else named


def _refused(address: Address, said: str) -> DatasetError:
    if "dubious ownership" in said:
        remedy = "It belongs to another user: make a copy of your own and give that."
    elif "No space left" in said:
        remedy = "Make room beside the file that is to be written, or choose another place for it."
    elif address.scheme == "file":
        remedy = "Check the repository with git fsck."
    elif re.search(r"[Aa]uthentication|[Uu]sername|[Pp]ermission|denied|403|401|verification failed", said):
        remedy = (
            "Give an ssh address that your key opens, or an https address with a user and a token, or clone it as you"
            " are used to and give its directory."
        )
    else:
        remedy = "Check the address and the network, or clone it where there is one and give its directory."
    return DatasetError(f"{address.shown} cannot be read: {said.rstrip('.')}.", remedy=remedy)


@dataclass(frozen=True)
class _Entry:
    path: str
    mode: str
    number: str
    size: int  # of a plain file, in bytes


def _listing(git: Git, commit: str, shown: str) -> list[_Entry]:
    """List the files of Python and those of the root. Raises: DatasetError beyond `MOST_FILES`, whatever they are."""
    entries = []
    with git.reading("ls-tree", "-r", "-z", "-l", "--full-tree", commit) as listing:
        for number, record in enumerate(listing.records(LONGEST_RECORD)):
            if number == MOST_FILES:
                raise DatasetError(f"{shown} has more than {MOST_FILES:,} files.", remedy="Leave it out.")
            about, _, name = record.partition(b"\t")
            path = name.decode("utf-8", "surrogateescape")
            if is_python(path) or is_asked(path):
                mode, _, number_of_blob, size = about.decode("ascii", "replace").split()
                entries.append(_Entry(path, mode, number_of_blob, int(size) if size.isdigit() else 0))
    return entries


def _odd(entry: _Entry) -> str:
    if entry.mode == _LINK:
        return LINKS
    if entry.mode == _SUBMODULE:
        return SUBMODULES
    return LARGE if entry.size > LARGEST_FILE else ""


def _read(path: str, content: bytes | None) -> CodeFile | Unread:
    return Unread(LARGE) if content is None else source_file(written_path(path), content)


def _both(path: str, before: str, after: str, blobs: Blobs) -> FixedFile | None:
    old, new = (_read(path, blobs.content(number, LARGEST_FILE)) for number in (before, after))
    if isinstance(old, Unread) or isinstance(new, Unread):
        return None
    return FixedFile(new.path, old.text, new.text)
