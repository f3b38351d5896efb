"""Directories that `save_to_disk` of the library `datasets` wrote, and the names of its labels."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow

from domain.exceptions import DatasetError
from domain.reading import MIB, Reading
from infrastructure.data.columnar.arrow_file import ArrowFile
from infrastructure.data.columnar.columnar_file import Columnar
from infrastructure.data.files.formats import FEATURES, SPLITS, STATE
from infrastructure.data.files.opening import size_of, told_of

TRAIN = "train"
_MOST_FACTS = 64 * MIB


def open_saved_dataset(path: Path, name: str, reading: Reading) -> Columnar:
    """Open a data set, of several its part "train". Raises: DatasetError when it cannot be read or has no such part."""
    if not (path / SPLITS).is_file():
        return _SavedDataset(path, name, reading, ())
    splits = _facts(path / SPLITS).get("splits")
    names = [_plain(path / SPLITS, split) for split in splits] if isinstance(splits, list) else []
    if TRAIN not in names and len(names) != 1:
        raise DatasetError(
            f"{name} holds the parts {', '.join(map(repr, names)) or 'nothing'}, but none is named {TRAIN!r}.",
            remedy=f"Name one of them: {path / (names or ['PART'])[0]}.",
        )
    chosen = TRAIN if TRAIN in names else names[0]
    others = [f"{name}/{other}" for other in names if other != chosen]
    notes = (f"its part {chosen} is read; there is also {', '.join(others)}.",) if others else ()
    return _SavedDataset(path / chosen, name, reading, notes)


class _SavedDataset:
    """The Arrow files of one directory, one behind the other."""

    def __init__(self, path: Path, name: str, reading: Reading, notes: Sequence[str]) -> None:
        self.name, self.notes = name, notes
        state, info = _facts(path / STATE), _facts(path / FEATURES)
        if state.get("_indices_data_files") or state.get("_indices_files"):
            raise DatasetError(
                f"{name} keeps the order of its rows in a file of its own.",
                remedy="Save it again with flatten_indices(): dataset.flatten_indices().save_to_disk(DIRECTORY).",
            )
        listed = state.get("_data_files")
        entries = listed if isinstance(listed, list) else []
        names = [_plain(path / STATE, entry.get("filename")) for entry in entries if isinstance(entry, dict)]
        if not names:
            raise DatasetError(f"{name} names no data files in {STATE}.", remedy="Save it again with save_to_disk.")
        self._files = [ArrowFile(path / file, f"{name}/{file}", reading) for file in names]
        first = self._files[0]
        for file in self._files[1:]:
            if file.schema != first.schema:
                raise DatasetError(
                    f"{file.name} has other columns than {first.name}.", remedy="Save it again with save_to_disk."
                )
        metadata = json.dumps({"info": {"features": info.get("features")}}, allow_nan=False)
        self.schema = first.schema.with_metadata({_HUGGING_FACE: metadata.encode()})

    def __len__(self) -> int:
        return sum(map(len, self._files))

    def lines(self, start: int, count: int) -> Sequence[int]:
        """Count rows from 1."""
        return range(start + 1, start + 1 + count)

    def batches(self, columns: Sequence[str], most_rows: int) -> Iterator[pyarrow.RecordBatch]:
        """Read some columns, at least one. Raises: DatasetError for a cell too large; what pyarrow raises."""
        return chain.from_iterable(file.batches(columns, most_rows) for file in self._files)


_HUGGING_FACE = b"huggingface"  # the key of a schema under which `datasets` keeps what it knows of the columns


class WithLabelNames:
    """A file whose numbers of labels are given their names, where it was told them; -1 is no label."""

    def __init__(self, file: Columnar) -> None:
        self._file = file
        self.name, self.notes = file.name, file.notes
        self._names = _label_names(file.schema)
        kinds = [field.with_type(pyarrow.string()) if field.name in self._names else field for field in file.schema]
        self.schema = pyarrow.schema(kinds)

    def __len__(self) -> int:
        return len(self._file)

    def lines(self, start: int, count: int) -> Sequence[int]:
        """Count rows as the file does."""
        return self._file.lines(start, count)

    def batches(self, columns: Sequence[str], most_rows: int) -> Iterator[pyarrow.RecordBatch]:
        """Read some columns. Raises: DatasetError for a number that has no name; as the file does."""
        for batch in self._file.batches(columns, most_rows):
            read = [
                self._named(name, column) if name in self._names else column
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            ]
            yield pyarrow.RecordBatch.from_arrays(read, names=batch.schema.names)

    def _named(self, name: str, numbers: pyarrow.Array) -> pyarrow.Array:
        names = self._names[name]
        known = numbers.cast(pyarrow.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
        if np.any(known >= len(names)):
            raise DatasetError(
                f"{self.name}: {name} holds {known.max()}, but its features name {len(names)} labels.",
                remedy="Save it again with all names of its labels.",
            )
        return pyarrow.array(names).take(pyarrow.array(known, mask=known < 0))


def _label_names(schema: pyarrow.Schema) -> Mapping[str, list[str]]:
    try:
        features = json.loads((schema.metadata or {}).get(_HUGGING_FACE, b"{}"))["info"]["features"]
        named = {name: feature["names"] for name, feature in features.items() if feature.get("_type") == "ClassLabel"}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):  # written by something else
        return {}
    numbers = {field.name for field in schema if pyarrow.types.is_integer(field.type)}
    return {
        name: names
        for name, names in named.items()
        if name in numbers and isinstance(names, list) and names and all(isinstance(label, str) for label in names)
    }


def _facts(path: Path) -> dict[str, Any]:
    try:
        if size_of(path) > _MOST_FACTS:
            raise DatasetError(f"{path} is larger than {_MOST_FACTS // MIB} MiB.", remedy="Save the data set again.")
        with told_of(path):
            facts = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path} is not JSON ({error}).", remedy="Save the data set again.") from error
    if not isinstance(facts, dict):
        raise DatasetError(f"{path} holds no JSON object.", remedy="Save the data set again.")
    return facts


def _refused(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")


def _plain(path: Path, name: object) -> str:
    """Give a name that stays within its directory. Raises: DatasetError for another one."""
    if not isinstance(name, str) or name in ("", ".", "..") or Path(name).name != name or "\0" in name:
        shown = ascii(name) if len(ascii(name)) <= 40 else ascii(name)[:37] + "..."
        raise DatasetError(f"{path} names {shown}, which is no plain name.", remedy="Save the data set again.")
    return name
