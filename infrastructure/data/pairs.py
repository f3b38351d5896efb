"""Checked pairs of a source and a target text, kept on disk and mapped into memory."""

import json
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.cache import cached, key_of
from infrastructure.data.cache_entry import CacheEntry
from infrastructure.data.mapped import TextColumn
from infrastructure.data.readers import Row, RowFault
from infrastructure.data.rows import (
    append_text,
    content_sha256,
    fields_of,
    good_rows,
    listed,
    text_fault,
    white_space_key,
)
from infrastructure.data.splitting import drawn


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
    `file_names[file_numbers[i]]`.
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

    def __len__(self) -> int:
        return len(self.sources)

    def name_of(self, row: int) -> str:
        """Name a row the way an editor finds it."""
        return f"{self.file_names[int(self.file_numbers[row])]}:{int(self.lines[row])}"


def load_pairs(
    path: Path,
    source_fields: tuple[str, ...],
    target_fields: tuple[str, ...],
    reading: Reading = AS_FOUND,
) -> PairRows:
    """Read and check a file once; later calls map what the first one kept.

    The first of the named fields that the first row has holds the text.
    Raises: DatasetError with the first faults of the file and their number, or for the file as a whole.
    """
    sha256 = content_sha256(path)
    key = key_of("pairs", sha256, path.name, source_fields, target_fields)
    return keep_pairs(path, sha256, key, lambda: _checked(path, source_fields, target_fields, reading))


def keep_pairs(path: Path, sha256: str, key: str, pairs: Callable[[], Iterable[Pair]]) -> PairRows:
    """Map the pairs kept under `key`, or make and keep them. Raises: whatever `pairs` raises."""
    entry = cached("pairs", key, lambda staging: _keep(pairs(), staging))
    return PairRows(
        path=path,
        sha256=sha256,
        cache_key=key,
        entry=entry,
        sources=TextColumn(entry, "sources", "source_ends"),
        targets=TextColumn(entry, "targets", "target_ends"),
        file_names=tuple(json.loads((entry / "files.json").read_text(encoding="utf-8"))),
        **{name: np.load(entry / f"{name}.npy", mmap_mode="r") for name in ("keys", "lines", "file_numbers")},
    )


def split_pairs(rows: PairRows, share: float, seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Divide pairs by the seed: row numbers to learn from, those to score on, and how many repeat a source.

    Rows whose sources are equal up to white space stay on one side.
    Raises: DatasetError when there is one source only.
    """
    _, units = np.unique(rows.keys, return_inverse=True)
    sizes = np.bincount(units)
    if len(sizes) < 2:
        raise DatasetError(
            f"{rows.path.name} has one source in {len(rows)} rows, but a split needs two different ones.",
            remedy="Add rows, or give the evaluation part with --set eval_dataset=PATH.",
        )
    is_evaluation = drawn(sizes, share, seed)[units]
    return np.flatnonzero(~is_evaluation), np.flatnonzero(is_evaluation), len(rows) - len(sizes)


def pairs_not_in(rows: PairRows, other: PairRows) -> np.ndarray:
    """Give the numbers of rows whose source, white space aside, does not occur in `other`."""
    return np.flatnonzero(~np.isin(rows.keys, other.keys))


def _checked(
    path: Path, source_fields: tuple[str, ...], target_fields: tuple[str, ...], reading: Reading
) -> Iterator[Pair]:
    fields: list[str] = []

    def fault(row: Row) -> RowFault | None:
        if not fields:
            fields.append(_field_of(path, row, source_fields, "source"))
            fields.append(_field_of(path, row, target_fields, "target"))
        return text_fault(row, fields[0]) or text_fault(row, fields[1])

    for row in good_rows(path, fault, reading):
        yield Pair(row.values[fields[0]], row.values[fields[1]], path.name, row.line)


def _field_of(path: Path, row: Row, candidates: tuple[str, ...], role: str) -> str:
    for name in candidates:
        if name in row.values:
            return name
    present = fields_of(row)
    nearest = next((near[0] for name in candidates if (near := get_close_matches(name, present, n=1))), "NAME")
    raise DatasetError(
        f"{path.name}:{row.line}: has the fields {listed(present)}, but the {role} is looked"
        f" for in {' or '.join(map(repr, candidates))}.",
        remedy=f"Name the field that holds it: --set {role}_field={nearest}",
    )


def _keep(pairs: Iterable[Pair], directory: Path) -> None:
    source_ends, target_ends, keys = array("q"), array("q"), array("Q")
    lines, file_numbers = array("q"), array("i")
    files: dict[str, int] = {}
    with (directory / "sources.bin").open("wb") as sources, (directory / "targets.bin").open("wb") as targets:
        for pair in pairs:
            source_ends.append(append_text(sources, pair.source))
            target_ends.append(append_text(targets, pair.target))
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
    (directory / "files.json").write_text(json.dumps(list(files), allow_nan=False), encoding="utf-8")
