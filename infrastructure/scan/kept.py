"""What was found before in the same content, kept in one file below the cache of all work.

It saves time and decides nothing: where it cannot be read or written a scan goes on without it, and says so once.
"""

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from domain.exceptions import DatasetError
from infrastructure.data.kept.cache import cache_root

NAME = "scan-1.sqlite3"
FORMAT = 2
MOST_ENTRIES = 2_000_000
FEW_LEFT = 1_500_000  # of those, when the oldest go
AT_ONCE = 500
SECONDS_TO_WAIT = 10.0
_TABLE = "CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, used INTEGER, digest BLOB, value TEXT) WITHOUT ROWID"


def key_of(*parts: object) -> bytes:
    """Name a piece of work by everything that decides its result."""
    return hashlib.sha256(repr((FORMAT, *parts)).encode("utf-8", "surrogatepass")).digest()


class KeptFindings:
    """Values of JSON by their keys; several scans may read and write at once."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._broken = False

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Any]:
        """Give what is kept, each value as it was written or not at all."""
        found: dict[bytes, Any] = {}
        with self._opened() as connection:
            if connection is None:
                return found
            for start in range(0, len(keys), AT_ONCE):
                part = keys[start : start + AT_ONCE]
                marks = ",".join("?" * len(part))
                rows = connection.execute(f"SELECT key, digest, value FROM kept WHERE key IN ({marks})", part)
                for key, digest, value in rows:
                    with suppress(ValueError, TypeError, AttributeError, RecursionError):
                        if hashlib.sha256(value.encode()).digest()[:8] == digest:
                            found[key] = json.loads(value)
        return found

    def put(self, values: Mapping[bytes, Any]) -> None:
        """Keep values; when there are too many, the oldest go."""
        if not values:
            return
        now = int(time.time())
        rows = []
        for key, value in values.items():
            text = json.dumps(value, allow_nan=False)
            rows.append((key, now, hashlib.sha256(text.encode()).digest()[:8], text))
        with self._opened() as connection:
            if connection is None:
                return
            with connection:
                connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", rows)
            (number,) = connection.execute("SELECT count(*) FROM kept").fetchone()
            if number > MOST_ENTRIES:
                with connection:
                    oldest = "SELECT key FROM kept ORDER BY used LIMIT ?"
                    connection.execute(f"DELETE FROM kept WHERE key IN ({oldest})", (number - FEW_LEFT,))

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection | None]:
        """Open the file; a damaged one is begun anew. Gives None where there can be none."""
        connection = None if self._broken else self._connected()
        try:
            yield connection
        except (sqlite3.Error, OSError, UnicodeError) as error:
            self._broken = True
            self.notes.append(f"what is found is not kept for the next scan: {_reason(error)}.")
            if _is_damage(error):
                self._remove()
        finally:
            if connection is not None:
                with suppress(sqlite3.Error):
                    connection.close()

    def _connected(self) -> sqlite3.Connection | None:
        for is_last in (False, True):
            try:
                path = cache_root() / NAME
                path.parent.mkdir(parents=True, exist_ok=True)
                connection = sqlite3.connect(path, timeout=SECONDS_TO_WAIT)
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = OFF")  # a kill loses time and nothing else
                connection.execute(_TABLE)
                connection.execute("SELECT key, used, digest, value FROM kept LIMIT 1")
                return connection
            except (sqlite3.Error, OSError, DatasetError) as error:
                if _is_damage(error) and not is_last:
                    self._remove()
                    continue
                self._broken = True
                self.notes.append(f"what is found is not kept for the next scan: {_reason(error)}.")
                return None
        return None

    def _remove(self) -> None:
        with suppress(OSError, DatasetError):
            path = cache_root() / NAME
            for place in (path, *(Path(f"{path}-{end}") for end in ("wal", "shm", "journal"))):
                place.unlink(missing_ok=True)


def _is_damage(error: Exception) -> bool:
    """Tell a file that is none of ours from a disk that is full, a file that is locked or may not be written."""
    if isinstance(error, sqlite3.OperationalError):
        return "no such column" in str(error) or "no column named" in str(error)
    return isinstance(error, sqlite3.DatabaseError)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")
