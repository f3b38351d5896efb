"""Checked rows of a labelled file, kept on disk and mapped into memory."""

import hashlib
import json
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from application.phases import phase
from domain.exceptions import DatasetError
from domain.marks import Mark
from domain.words import counted
from infrastructure.data.files.formats import is_saved_dataset
from infrastructure.data.files.opening import mended, require_unicode, size_of
from infrastructure.data.kept.cache import cached, key_of
from infrastructure.data.kept.cache_entry import CacheEntry
from infrastructure.data.kept.mapped import TextColumn
from infrastructure.data.labels.annotated_texts import SCANNER, AnnotatedTexts, annotated_texts, version_told
from infrastructure.data.labels.annotating import annotated
from infrastructure.data.labels.carried import CARRIES_NOTHING, Carried, carried_in
from infrastructure.data.labels.carried_columns import CarriedFiles
from infrastructure.data.labels.check import LabelledCheck
from infrastructure.data.labels.check import RowSchema as RowSchema
from infrastructure.data.sources.checking import good_rows
from infrastructure.data.sources.fields import Names, listed
from infrastructure.data.sources.text_folders import text_files
from infrastructure.files import sha256_of


@dataclass(frozen=True)
class LabelledRows:
    """All rows of one file, in its order.

    `text_field` names the columns that hold the text. `labels` [N] index `label_names` (or are -1 without labels);
    `keys` [N] are equal for texts that are equal up to white space; `groups` [N] are equal for rows that belong
    together, -1 for rows of no group. `carried` is what else they carry. `warnings` say what was unusual in the file.
    """

    path: Path
    sha256: str
    cache_key: str
    text_field: Names
    label_names: tuple[str, ...]
    texts: TextColumn
    labels: np.ndarray
    keys: np.ndarray
    groups: np.ndarray
    lines: np.ndarray
    entry: CacheEntry | None = None
    label_field: str | None = None
    warnings: tuple[str, ...] = ()
    carried: Carried = CARRIES_NOTHING
    annotated: AnnotatedTexts | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def content(self) -> str:
        """Give what differs when any text does, whatever format it stands in."""
        return self.sha256 if self.entry is None else self.entry.digest_of("texts.bin", "ends.npy")

    def marks(self, row: int) -> list[Mark]:
        """Give the marks of a row, in characters of its text."""
        return self.carried.marks_of(row)

    @property
    def is_marked(self) -> np.ndarray:
        """Tell of each row [N] whether it says what of its text is marked, if anything."""
        return np.zeros(len(self), np.bool_) if self.carried.is_marked is None else self.carried.is_marked

    def findings(self, row: int) -> list[dict[str, Any]] | None:
        """Give what scanners found in a row, None where it does not say."""
        return self.carried.findings_of(row)

    @property
    def cwes(self) -> np.ndarray:
        """Numbers of the kinds of weakness [N], 0 where unknown."""
        return np.zeros(len(self), np.int32) if self.carried.cwes is None else self.carried.cwes

    @property
    def parts(self) -> np.ndarray:
        """Numbers of the parts that rows are scored in [N], which index `part_names`; -1 for no part."""
        return np.full(len(self), -1, np.int32) if self.carried.parts is None else self.carried.parts

    @property
    def part_names(self) -> tuple[str, ...]:
        """Names of the parts that rows are scored in."""
        return self.carried.part_names

    @property
    def mark_names(self) -> tuple[str, ...]:
        """Names of all marks."""
        return self.carried.mark_names

    @property
    def read_texts(self) -> TextColumn:
        """What a model reads of each row: its text, with what was found in it where that is asked for."""
        return self.texts if self.annotated is None else self.annotated.texts

    @property
    def read_key(self) -> str:
        """Give what differs when any text that is read does."""
        return self.cache_key if self.annotated is None else self.annotated.key

    def read_marks(self, row: int) -> list[Mark]:
        """Give the marks of a row, in characters of what a model reads of it."""
        marks = self.marks(row)
        if self.annotated is None or not marks:
            return marks
        moved = annotated(self.texts[row], self.annotated.findings(row))
        return [Mark(*moved.span_of(mark.start, mark.end), mark.name) for mark in marks]

    def with_findings(self, learnt_from: str | None = None) -> "LabelledRows":
        """Let a model read what was found in each row: what the row carries, else what the scanner says of it.

        `learnt_from` is the version of the scanner from which the model has learnt, None for one that is to learn.

        Raises: ConfigurationError where the scanner is needed and not installed.
        """

        def name_of(row: int) -> str:
            return f"{self.path.name}:{int(self.lines[row])}"

        found = annotated_texts(self.texts, self.findings, f"{self.cache_key} {self.carried.content}", name_of)
        told = [other] if (other := version_told(learnt_from, found.version)) else []
        if found.num_unreadable:
            rows = f"{found.num_unreadable:,} of {counted(len(self), 'rows')}"
            told.append(
                f"{self.path.name}: {rows} could not be read as Python by {SCANNER} and stand without findings."
            )
        return replace(self, annotated=found, warnings=(*self.warnings, *told))

    def label_counts(self) -> dict[str, int]:
        """Count the rows of each label."""
        counts = np.bincount(self.labels[self.labels >= 0], minlength=len(self.label_names))
        return {name: int(count) for name, count in zip(self.label_names, counts, strict=True)}


def load_rows(path: Path, schema: RowSchema) -> LabelledRows:
    """Read and check a file once; later calls map what the first one kept.

    Raises: DatasetError with the first faults of the file and their number, or for the file as a whole.
    """
    with phase(f"reading {path.name}"):
        sha256 = content_sha256(path)
        key = key_of("rows", sha256, path.name, schema, schema.reading.decisive, _left_out(path))
        entry = cached("rows", key, lambda staging: _keep_rows(path, schema, staging))
    facts = json.loads((entry / "rows.json").read_text(encoding="utf-8"))
    return LabelledRows(
        path=path,
        sha256=sha256,
        cache_key=key,
        text_field=as_setting(facts["text_field"]),
        label_field=facts["label_field"],
        label_names=tuple(facts["label_names"]),
        warnings=tuple(facts["warnings"]),
        entry=entry,
        texts=TextColumn(entry),
        carried=carried_in(entry),
        **{name: np.load(entry / f"{name}.npy", mmap_mode="r") for name in ("labels", "keys", "groups", "lines")},
    )


def _left_out(path: Path) -> tuple[str, ...]:
    """Say which files of a directory are left out: that is told of, and changes no row."""
    words: list[str] = []
    if path.is_dir() and not is_saved_dataset(path):
        text_files(path, words.append)
    return tuple(words)


def as_setting(columns: Iterable[str]) -> Names:
    """Give columns as a setting names them: one by its name, several in a list."""
    columns = tuple(columns)
    return columns[0] if len(columns) == 1 else columns


def content_sha256(path: Path) -> str:
    """Give the SHA-256 of a file, or of the names and contents of what is read of a directory. Raises: DatasetError."""
    try:
        if not path.is_dir():
            size_of(path)
            return sha256_of(path)
        require_unicode(path)
        files = (
            sorted(file for file in path.rglob("*") if file.is_file()) if is_saved_dataset(path) else text_files(path)
        )
        listing = "".join(f"{file.relative_to(path)} {sha256_of(file)}\n" for file in files)
        return hashlib.sha256(listing.encode(errors="surrogateescape")).hexdigest()
    except FileNotFoundError as error:
        raise DatasetError(f"{path} does not exist.", remedy="Check the path.") from error
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}.", remedy="Check its permissions.") from error


def _keep_rows(path: Path, schema: RowSchema, directory: Path) -> None:
    ends, labels, keys, groups, lines = array("q"), array("i"), array("Q"), array("q"), array("q")
    warnings: list[str] = []
    check = LabelledCheck(path.name, schema)
    end = 0
    nested = bool(schema.carried)  # marks of Parquet are lists
    with (directory / "texts.bin").open("wb") as file, CarriedFiles(directory, check.carried) as carried_files:
        for line, text, label, group, carried in good_rows(path, check, schema.reading, warnings.append, nested):
            end += append_text(file, text)
            ends.append(end)
            labels.append(label)
            keys.append(white_space_key(text))
            groups.append(group)
            lines.append(line)
            carried_files.add(carried)
        carried_files.save()
    label_ids = np.frombuffer(labels, dtype=np.int32)
    columns: dict[str, np.ndarray] = {
        "ends": np.frombuffer(ends, dtype=np.int64),
        "labels": label_ids,
        "keys": np.frombuffer(keys, dtype=np.uint64),
        "groups": np.frombuffer(groups, dtype=np.int64),
        "lines": np.frombuffer(lines, dtype=np.int64),
    }
    names: tuple[str, ...] = ()
    if schema.label is not None:
        named = check.labels.named(label_ids)
        names = named.names
        columns["labels"] = named.numbers[label_ids]
        warnings += named.words
    for name, column in columns.items():
        np.save(directory / f"{name}.npy", column)
    facts = {
        "text_field": check.columns[0],
        "label_field": check.columns[1][0] if schema.label else None,
        "label_names": names,
        "warnings": warnings,
        "path": path.name,
    }
    (directory / "rows.json").write_text(json.dumps(facts, allow_nan=False), encoding="utf-8")


def append_text(file: BinaryIO, text: str) -> int:
    """Write a text as UTF-8, halves of surrogate pairs replaced, and give the number of its bytes."""
    try:
        return file.write(text.encode("utf-8"))
    except UnicodeEncodeError:
        return file.write(mended(text).encode("utf-8"))


def white_space_key(text: str) -> int:
    """Give 64 bits that are equal for texts which differ in white space alone."""
    packed = "".join(text.split()).encode("utf-8", errors="replace")
    return int.from_bytes(hashlib.blake2b(packed, digest_size=8).digest(), "little")


def require_labels(rows: LabelledRows) -> None:
    """Refuse data a classifier cannot learn from. Raises: DatasetError naming the label."""
    counts = {label: count for label, count in rows.label_counts().items() if count}
    if len(counts) < 2:
        raise DatasetError(
            f"{rows.path.name} has only the label {next(iter(counts))!r}, but a classifier needs at least two.",
            remedy="Add rows of another label.",
        )
    single = sorted(label for label, count in counts.items() if count == 1)
    if single:
        raise DatasetError(
            f"{rows.path.name} has one row of label {listed(single)}, but a split needs two of each.",
            remedy="Add rows of that label, remove it, or give the evaluation part with --set eval_dataset=PATH.",
        )


def conflicting_labels(rows: LabelledRows) -> int:
    """Count texts that occur with more than one label."""
    order = np.lexsort((rows.labels, rows.keys))
    keys, labels = rows.keys[order], rows.labels[order]
    contradicts = (keys[1:] == keys[:-1]) & (labels[1:] != labels[:-1])
    return len(np.unique(keys[1:][contradicts]))
