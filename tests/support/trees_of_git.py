"""Repositories of git with a commit or two."""

import subprocess
from pathlib import Path

_WHO = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def git(place: Path, *words: str) -> str:
    """Ask git in a place; gives what it prints."""
    done = subprocess.run(("git", "-C", str(place), *_WHO, *words), capture_output=True, text=True, check=True)
    return done.stdout


def commit(place: Path, message: str = "One") -> Path:
    """Commit all that lies in a place, a repository or one that becomes one."""
    if not (place / ".git").exists():
        git(place, "init", "-q", "-b", "main")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", message)
    return place
