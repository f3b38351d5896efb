"""Checked rows of a labelled file, kept on disk and mapped into memory."""

import hashlib
import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, MAX_LABELS, MAX_NAME_CHARACTERS, Reading
from infrastructure.data.cache import cached, key_of
from infrastructure.data.cache_entry import CacheEntry
from infrastructure.data.mapped import TextColumn
from infrastructure.data.opening import is_unicode, mended, require_unicode, size_of
from infrastructure.data.readers import Row, RowFault, read_rows
from infrastructure.files import sha256_of

MAX_FAULTS_SHOWN = 20
UNLABELLED = -1
FAMILY = "family"  # the field that groups rows where they have it


@dataclass(frozen=True)
class RowSchema:
    """Which fields of a row hold what; the first of `text_fields` that the first row has is the text.

    `labels` is the closed set of labels, empty when any label goes. `group_field` names rows that belong together;
    None takes "family" where rows have it.
    """

    text_fields: tuple[str, ...]
    label_field: str | None = "label"
    labels: tuple[str, ...] = ()
    group_field: str | None = None
    reading: Reading = field(default=AS_FOUND, repr=False)  # no part of the name of cached rows


@dataclass(frozen=True)
class LabelledRows:
    """All rows of one file, in its order.

    `labels` [N] index `label_names` (or are -1 without labels); `keys` [N] are equal for texts that are equal up to
    white space; `groups` [N] are equal for rows that belong together, -1 for rows of no group.
    """

    path: Path
    sha256: str
    cache_key: str
    text_field: str
    label_names: tuple[str, ...]
    texts: TextColumn
    labels: np.ndarray
    keys: np.ndarray
    groups: np.ndarray
    lines: np.ndarray
    entry: CacheEntry | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def label_counts(self) -> dict[str, int]:
        """Count the rows of each label."""
        counts = np.bincount(self.labels[self.labels >= 0], minlength=len(self.label_names))
        return {name: int(count) for name, count in zip(self.label_names, counts, strict=True)}


def load_rows(path: Path, schema: RowSchema) -> LabelledRows:
    """Read and check a file once; later calls map what the first one kept.

    Raises: DatasetError with the first faults of the file and their number, or for the file as a whole.
    """
    sha256 = content_sha256(path)
    key = key_of("rows", sha256, path.name, schema, schema.reading.decisive)
    entry = cached("rows", key, lambda staging: _keep_rows(path, schema, staging))
    facts = json.loads((entry / "rows.json").read_text(encoding="utf-8"))
    return LabelledRows(
        path=path,
        sha256=sha256,
        cache_key=key,
        text_field=facts["text_field"],
        label_names=tuple(facts["label_names"]),
        entry=entry,
        texts=TextColumn(entry),
        **{name: np.load(entry / f"{name}.npy", mmap_mode="r") for name in ("labels", "keys", "groups", "lines")},
    )


def check_rows(path: Path, schema: RowSchema) -> Iterator[tuple[Row, str, str | None]]:
    """Yield each row with its text and label. Raises: DatasetError after the last row when there were faults."""
    text_field = ""

    def fault(row: Row) -> RowFault | None:
        nonlocal text_field
        text_field = text_field or text_field_of(path, row, schema)
        return fault_of(row, text_field, schema)

    for row in good_rows(path, fault, schema.reading):
        yield row, text_field, row.values[schema.label_field] if schema.label_field else None


def good_rows(path: Path, fault_of: Callable[[Row], RowFault | None], reading: Reading = AS_FOUND) -> Iterator[Row]:
    """Yield each row without a fault. Raises: DatasetError after the last row when there were faults, or no rows."""
    faults: list[str] = []
    num_faults = num_rows = 0
    for row in read_rows(path, reading):
        num_rows += 1
        fault = row if isinstance(row, RowFault) else fault_of(row)
        if fault is None:
            assert isinstance(row, Row)
            yield row
            continue
        num_faults += 1
        if len(faults) < MAX_FAULTS_SHOWN:
            faults.append(f"{path.name}:{fault.line}: {fault.problem}: {fault.remedy}")
    if num_faults > len(faults):
        faults.append(f"{path.name}: {num_faults} faults in all, the first {len(faults)} are shown.")
    if faults:
        raise DatasetError("\n".join(faults))
    if not num_rows:
        raise DatasetError(f"{path} has no rows.", remedy="Give a file with rows.")


def content_sha256(path: Path) -> str:
    """Give the SHA-256 of a file, or of the names and contents of a directory. Raises: DatasetError."""
    try:
        if not path.is_dir():
            size_of(path)
            return sha256_of(path)
        require_unicode(path)
        files = sorted(file for file in path.rglob("*") if file.is_file())
        listing = "".join(f"{file.relative_to(path)} {sha256_of(file)}\n" for file in files)
        return hashlib.sha256(listing.encode(errors="surrogateescape")).hexdigest()
    except FileNotFoundError as error:
        raise DatasetError(f"{path} does not exist.", remedy="Check the path.") from error
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}.", remedy="Check its permissions.") from error


def text_field_of(path: Path, row: Row, schema: RowSchema) -> str:
    """Find the field that holds the text. Raises: DatasetError when the row has none of them."""
    for name in schema.text_fields:
        if name in row.values:
            return name
    wanted = " or ".join(repr(name) for name in schema.text_fields)
    fields = fields_of(row)
    nearest = get_close_matches(schema.text_fields[0], fields, n=1)
    name = nearest[0] if nearest else "NAME"
    raise DatasetError(
        f"{path.name}:{row.line}: has the fields {listed(fields)}, but the text is looked for in {wanted}.",
        remedy=f"Name the field that holds it: --set text_field={name}",
    )


def fields_of(row: Row) -> list[str]:
    """Give the first fields of a row by their names, as many as somebody may have meant."""
    return [str(name) for name in islice(row.values, 1_000)]


def listed(names: Sequence[str]) -> str:
    """Write down some names, not all of very many."""
    shown = ", ".join(map(repr, names[:MAX_FAULTS_SHOWN])) or "nothing"
    return f"{shown}, ..." if len(names) > MAX_FAULTS_SHOWN else shown


def text_fault(row: Row, field: str) -> RowFault | None:
    """Say what is wrong with a field that must hold a text, None for a good one."""
    text = row.values.get(field)
    if field not in row.values:
        return RowFault(row.line, f"field {field!r} is missing", "Add it or remove the row.")
    if not isinstance(text, str):
        return RowFault(row.line, f"{field} is {_shown(text)}, not a string", "Write a string or remove the row.")
    if not text.strip():
        return RowFault(row.line, f"{field} is empty", "Fill it in or remove the row.")
    return None


def fault_of(row: Row, text_field: str, schema: RowSchema) -> RowFault | None:
    """Say what is wrong with a row, None for a good one."""
    fault = text_fault(row, text_field)
    if fault is not None or schema.label_field is None:
        return fault
    if schema.label_field not in row.values:
        return RowFault(row.line, f"field {schema.label_field!r} is missing", "Add it, or set label_field.")
    label = row.values[schema.label_field]
    if not isinstance(label, str) or not label.strip():
        remedy = f"Write {_shown(str(label))} in quotes." if type(label) in (int, float) else "Give the row a label."
        return RowFault(row.line, f"{schema.label_field} is {_shown(label)}, not a name", remedy)
    if schema.labels and label not in schema.labels:
        remedy = "Correct the row, or use --task text_classification for labels of your own."
        return RowFault(row.line, f"label {label[:40]!r} is not one of {', '.join(schema.labels)}", remedy)
    field = schema.group_field or FAMILY
    if label.isascii() and len(label) <= MAX_NAME_CHARACTERS and field not in row.values:  # nearly every row
        return None
    return name_fault(row.line, schema.label_field, label) or _group_fault(row, field)


def name_fault(line: int, field: str, name: str) -> RowFault | None:
    """Say why a label or a group cannot be a name, which cards, tables and pictures will hold as it is."""
    if not is_unicode(name):
        return RowFault(line, f"{field} is {_shown(name)}, which is no valid Unicode", "Write it anew.")
    if len(name) > MAX_NAME_CHARACTERS:
        said = f"{field} has {len(name):,} characters, but a name has at most {MAX_NAME_CHARACTERS:,}"
        return RowFault(line, said, "Shorten it, or name the field that holds the labels with label_field.")
    return None


def _group_fault(row: Row, field: str) -> RowFault | None:
    group = row.values.get(field)
    if group is None or isinstance(group, int | float):
        return None
    if not isinstance(group, str):
        return RowFault(row.line, f"{field} is {_shown(group)}, not a name", "Name the group in a string.")
    return name_fault(row.line, field, group)


def _shown(value: Any) -> str:
    """Show a value that may be of any size or depth, or no valid Unicode, in a few characters."""
    if isinstance(value, list | tuple | dict):
        inner = value.values() if isinstance(value, dict) else value
        if len(value) > 3 or any(isinstance(part, list | tuple | dict) for part in inner):
            return "an object" if isinstance(value, dict) else "an array"
    value = value[:40] if isinstance(value, str) else value
    text = json.dumps(value, default=str)  # escapes all but ASCII
    return text if len(text) <= 40 else text[:37] + "..."


def _keep_rows(path: Path, schema: RowSchema, directory: Path) -> None:
    names: dict[str, int] = {label: index for index, label in enumerate(schema.labels)}
    ends, labels, keys, groups, lines = array("q"), array("i"), array("Q"), array("q"), array("q")
    group_ids: dict[str, int] = {}
    text_field = ""
    with (directory / "texts.bin").open("wb") as file:
        for row, text_field, label in check_rows(path, schema):
            text = row.values[text_field]
            ends.append(append_text(file, text))
            labels.append(UNLABELLED if label is None else names.setdefault(label, len(names)))
            if len(names) > MAX_LABELS:
                raise DatasetError(
                    f"{path.name}:{row.line}: there are more than {MAX_LABELS:,} different labels in the rows up to "
                    "here, but a classifier knows at most that many.",
                    remedy="Check that label_field names the field of the labels.",
                )
            keys.append(white_space_key(text))
            group = row.values.get(schema.group_field or FAMILY)
            groups.append(-1 if group is None else group_ids.setdefault(str(group), len(group_ids)))
            lines.append(row.line)
    order = sorted(names) if not schema.labels else list(schema.labels)
    number_of = {name: number for number, name in enumerate(order)}
    renumbered = np.array([number_of[name] for name in names], dtype=np.int32)
    label_ids = np.frombuffer(labels, dtype=np.int32)
    columns: dict[str, np.ndarray] = {
        "ends": np.frombuffer(ends, dtype=np.int64),
        "labels": renumbered[label_ids] if schema.label_field else label_ids,
        "keys": np.frombuffer(keys, dtype=np.uint64),
        "groups": np.frombuffer(groups, dtype=np.int64),
        "lines": np.frombuffer(lines, dtype=np.int64),
    }
    for name, column in columns.items():
        np.save(directory / f"{name}.npy", column)
    facts = {"text_field": text_field, "label_names": order, "path": path.name}
    (directory / "rows.json").write_text(json.dumps(facts, allow_nan=False), encoding="utf-8")


def append_text(file: BinaryIO, text: str) -> int:
    """Write a text as UTF-8, halves of surrogate pairs replaced, and give the place behind it."""
    file.write(mended(text).encode("utf-8"))
    return file.tell()


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
