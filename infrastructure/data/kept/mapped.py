"""Bytes and texts of files that are mapped into memory and read as they are asked for."""

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from infrastructure.data.kept.cache_entry import CacheEntry

MAPPED_AT_ONCE = 1 << 16  # bytes that Linux maps around a page that is asked for
KEPT_RESIDENT = 1 << 24


class MappedBytes:
    """Bytes of a file that is never empty, mapped into memory.

    Pages once read would count as resident as long as the mapping lives, until all of a large file did; so they are
    given back after every few megabytes. The system keeps them cached, and reading them again costs little.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._resident = 0

    def __len__(self) -> int:
        return len(self._map)

    def read(self, start: int, end: int) -> bytes:
        """Copy the bytes from `start` up to `end`."""
        copied = self._map[start:end]
        self._touched(end - start)
        return copied

    def end_of_line(self, start: int, end: int) -> int:
        """Give the place behind the last line end between `start` and `end`, 0 when there is none."""
        place = self._map.rfind(b"\n", start, end) + 1
        self._touched(end - place if place else end - start)
        return place

    def _touched(self, count: int) -> None:
        self._resident += count + MAPPED_AT_ONCE
        if self._resident > KEPT_RESIDENT and hasattr(self._map, "madvise"):  # Windows has none
            self._map.madvise(mmap.MADV_DONTNEED)
            self._resident = 0


class TextColumn(Sequence[str]):
    """Texts of all rows, read from disk as they are asked for."""

    def __init__(self, entry: CacheEntry, name: str = "texts", ends: str = "ends") -> None:
        self._bytes = MappedBytes(entry / f"{name}.bin")
        self._ends: np.ndarray = np.load(entry / f"{ends}.npy", mmap_mode="r")

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: Any) -> Any:
        row = range(len(self._ends))[index]  # the last rows are also counted from -1 down
        start = int(self._ends[row - 1]) if row else 0
        return self._bytes.read(start, int(self._ends[row])).decode("utf-8")

    @property
    def num_bytes(self) -> np.ndarray:
        """Lengths of the texts in UTF-8 [N]."""
        return np.diff(self._ends, prepend=0)
