"""Checked pairs of a source and a target text, kept on disk and mapped into memory."""

import json
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from application.phases import phase
from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.files.row import Row, RowFault
from infrastructure.data.kept.cache import cached, key_of
from infrastructure.data.kept.cache_entry import CacheEntry
from infrastructure.data.kept.mapped import TextColumn
from infrastructure.data.labels.rows import append_text, as_setting, content_sha256, white_space_key
from infrastructure.data.sources.checking import Faults, TextCells, good_rows
from infrastructure.data.sources.fields import Names, Say, Sought, columns_of
from infrastructure.data.splitting import split_by_key


@dataclass(frozen=True)
class Pair:
    """A source, its target, and where they stand."""

    source: str
    target: str
    file: str
    line: int


@dataclass(frozen=True)
class PairRows:
    """All pairs of one file, in its order.

    `keys` [N] are equal for sources that are equal up to white space; row i stands in line `lines[i]` of the file
    `file_names[file_numbers[i]]`. `fields` name the columns of source and target, `warnings` say what was unusual.
    """

    path: Path
    sha256: str
    cache_key: str
    sources: TextColumn
    targets: TextColumn
    keys: np.ndarray
    lines: np.ndarray
    file_numbers: np.ndarray
    file_names: tuple[str, ...]
    entry: CacheEntry | None = None
    fields: tuple[Names, ...] = ()
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def content(self) -> str:
        """Give what differs when any text does, whatever format it stands in."""
        files = ("sources.bin", "source_ends.npy", "targets.bin", "target_ends.npy")
        return self.sha256 if self.entry is None else self.entry.digest_of(*files)

    def name_of(self, row: int) -> str:
        """Name a row the way an editor finds it."""
        return f"{self.file_names[int(self.file_numbers[row])]}:{int(self.lines[row])}"


def load_pairs(path: Path, source: Sought, target: Sought, reading: Reading = AS_FOUND) -> PairRows:
    """Read and check a file once; later calls map what the first one kept.

    Raises: DatasetError with the first faults of the file and their number, or for the file as a whole.
    """
    sha256 = content_sha256(path)
    key = key_of("pairs", sha256, path.name, source, target, reading.decisive)
    check = _PairCheck(path.name, source, target)
    return keep_pairs(path, sha256, key, lambda say: good_rows(path, check, reading, say), check)


def keep_pairs(
    path: Path, sha256: str, key: str, pairs: Callable[[Say], Iterable[Pair]], check: "_PairCheck | None" = None
) -> PairRows:
    """Map the pairs kept under `key`, or make and keep them. Raises: whatever `pairs` raises."""

    def make(staging: Path) -> None:
        warnings: list[str] = []
        files = _keep(pairs(warnings.append), staging)
        facts = {"files": files, "fields": check.columns if check else [], "warnings": warnings}
        (staging / "pairs.json").write_text(json.dumps(facts, allow_nan=False), encoding="utf-8")

    with phase(f"reading {path.name}"):
        entry = cached("pairs", key, make)
    facts = json.loads((entry / "pairs.json").read_text(encoding="utf-8"))
    return PairRows(
        path=path,
        sha256=sha256,
        cache_key=key,
        entry=entry,
        sources=TextColumn(entry, "sources", "source_ends"),
        targets=TextColumn(entry, "targets", "target_ends"),
        file_names=tuple(facts["files"]),
        fields=tuple(map(as_setting, facts["fields"])),
        warnings=tuple(facts["warnings"]),
        **{name: np.load(entry / f"{name}.npy", mmap_mode="r") for name in ("keys", "lines", "file_numbers")},
    )


def split_pairs(rows: PairRows, share: float, seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Divide pairs by the seed: row numbers to learn from, those to score on, and how many repeat a source.

    Rows whose sources are equal up to white space stay on one side.
    Raises: DatasetError when there is one source only.
    """
    parts = split_by_key(rows.keys, share, seed)
    if parts is None:
        raise DatasetError(
            f"{rows.path.name} has one source in {len(rows)} rows, but a split needs two different ones.",
            remedy="Add rows, or give the evaluation part with --set eval_dataset=PATH.",
        )
    return parts


def pairs_not_in(rows: PairRows, other: PairRows) -> np.ndarray:
    """Give the numbers of rows whose source, white space aside, does not occur in `other`."""
    return np.flatnonzero(~np.isin(rows.keys, other.keys))


class _PairCheck:
    """Takes a pair from a row."""

    def __init__(self, name: str, source: Sought, target: Sought) -> None:
        self._name, self._wanted = name, [source, target]
        self.columns: list[tuple[str, ...]] = []

    def look(self, fields: Sequence[str], say: Say) -> None:
        """Find the columns. Raises: DatasetError."""
        self.columns = columns_of(self._name, fields, self._wanted, say)
        self._cells = [TextCells(columns) for columns in self.columns]

    def __call__(self, row: Row) -> Pair | Faults:
        """Give the pair of a good row."""
        source, target = (cells.of(row) for cells in self._cells)
        if isinstance(source, str) and isinstance(target, str):
            return Pair(source, target, self._name, row.line)
        return [fault for fault in (source, target) if isinstance(fault, RowFault)]

    def last_faults(self) -> Faults:
        """Say nothing: each row stands for itself."""
        return []

    def words(self) -> Sequence[str]:
        """Say how many texts were numbers."""
        return [word for cells in self._cells for word in cells.words(self._name)]


def _keep(pairs: Iterable[Pair], directory: Path) -> list[str]:
    source_ends, target_ends, keys = array("q"), array("q"), array("Q")
    lines, file_numbers = array("q"), array("i")
    files: dict[str, int] = {}
    source_end = target_end = 0
    with (directory / "sources.bin").open("wb") as sources, (directory / "targets.bin").open("wb") as targets:
        for pair in pairs:
            source_end += append_text(sources, pair.source)
            target_end += append_text(targets, pair.target)
            source_ends.append(source_end)
            target_ends.append(target_end)
            keys.append(white_space_key(pair.source))
            lines.append(pair.line)
            file_numbers.append(files.setdefault(pair.file, len(files)))
    columns: dict[str, np.ndarray] = {
        "source_ends": np.frombuffer(source_ends, dtype=np.int64),
        "target_ends": np.frombuffer(target_ends, dtype=np.int64),
        "keys": np.frombuffer(keys, dtype=np.uint64),
        "lines": np.frombuffer(lines, dtype=np.int64),
        "file_numbers": np.frombuffer(file_numbers, dtype=np.int32),
    }
    for name, column in columns.items():
        np.save(directory / f"{name}.npy", column)
    return list(files)
