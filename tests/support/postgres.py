"""A PostgreSQL server of the test's own: in a directory that goes with it, behind a socket, as a user of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USERS = ("postgres", "nobody")  # the server refuses to run as root


def binaries() -> Path | None:
    """Find the programs of the newest server on this machine."""
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda path: float(path.parent.name))


@contextmanager
def served() -> Iterator[str]:
    """Serve an empty database; gives its address."""
    programs = binaries()
    assert programs is not None
    user = None if os.getuid() else next(pwd.getpwnam(name) for name in USERS if _is_there(name))
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as scratch:
        if user is not None:
            os.chown(scratch, user.pw_uid, user.pw_gid)

        def called(*words: str) -> None:
            done = subprocess.run(
                words,
                cwd=scratch,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
                user=None if user is None else user.pw_uid,
                group=None if user is None else user.pw_gid,
            )
            assert done.returncode == 0, (words, done.stdout, done.stderr)

        data = f"{scratch}/data"
        called(f"{programs}/initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8")
        options = f"-c listen_addresses='' -c fsync=off -k {scratch}"
        # Its log goes into a file: a server that kept our pipe would be waited for.
        called(f"{programs}/pg_ctl", "-D", data, "-w", "-l", f"{scratch}/log", "-o", options, "start")
        try:
            yield f"postgresql://tester@/postgres?host={scratch}"
        finally:
            called(f"{programs}/pg_ctl", "-D", data, "-m", "immediate", "stop")


def _is_there(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
