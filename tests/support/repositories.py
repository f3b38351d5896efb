"""Repositories made by plain git, the same commits each time."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
# Who commits, and when: numbers of commits follow from them.
SURROUNDINGS = {
    "PATH": os.environ.get("PATH", ""),
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_NAME": "Nobody" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "nobody@example.org" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_DATE": "2026-01-01T00:00:00+0000" for role in ("AUTHOR", "COMMITTER")},
}


def git(place: Path, *words: str, stdin: bytes = b"") -> str:
    """Call git in a directory; gives what it says."""
    done = subprocess.run(["git", *words], cwd=place, env=SURROUNDINGS, input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


def repository(place: Path, files: Mapping[str, str] | None = None, message: str = "Begin") -> Path:
    """Make a repository with one commit, or an empty one without files."""
    place.mkdir(parents=True)
    git(place, "init", "--quiet", "--initial-branch=main")
    if files:
        commit(place, files, message)
    return place


def commit(place: Path, files: Mapping[str, str], message: str) -> str:
    """Write files and commit them with all that lies there; gives the number of the commit."""
    write(place, files)
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--allow-empty", f"--message={message}")
    return git(place, "rev-parse", "HEAD")


def write(place: Path, files: Mapping[str, str]) -> Path:
    """Write texts below a directory."""
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")
    return place


def tree(place: Path, entries: Mapping[bytes, tuple[str, str]]) -> str:
    """Make a tree of names that no disk would hold, each a mode and an object; gives its number."""
    kinds = {"160000": "commit", "040000": "tree"}
    lines = [f"{mode} {kinds.get(mode, 'blob')} {number}\t".encode() + name for name, (mode, number) in entries.items()]
    return git(place, "mktree", "-z", "--missing", stdin=b"\0".join([*lines, b""]))


def blob(place: Path, content: bytes) -> str:
    """Make an object; gives its number."""
    return git(place, "hash-object", "-w", "--stdin", stdin=content)


def commit_tree(place: Path, number: str, message: str = "Begin") -> str:
    """Make a commit of a tree and put the branch there; gives its number."""
    made = git(place, "commit-tree", number, "-m", message)
    git(place, "update-ref", "refs/heads/main", made)
    return made
