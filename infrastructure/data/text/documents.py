"""Running text: documents kept byte for byte on disk."""

import hashlib
import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from application.phases import advance, phase
from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.files.encodings import Say, survey
from infrastructure.data.files.formats import COLUMNAR, ending_of, is_saved_dataset
from infrastructure.data.files.opening import open_text, require_unicode, told_of
from infrastructure.data.files.row import MAX_FAULTS_SHOWN
from infrastructure.data.kept.cache import cached, key_of
from infrastructure.data.kept.cache_entry import CacheEntry
from infrastructure.data.kept.mapped import MappedBytes
from infrastructure.data.labels.rows import append_text, as_setting, content_sha256
from infrastructure.data.sources.checking import TextCheck, good_rows
from infrastructure.data.sources.fields import Names, Sought, sought
from infrastructure.data.sources.text_folders import text_files
from infrastructure.files import sha256_of

TEXT = sought("text", ("text", "content", "code"))
ROW_FORMATS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", *COLUMNAR)
CHUNK_CHARACTERS = 1 << 18


@dataclass(frozen=True)
class Documents:
    """All documents of one file or directory, in its order.

    Document i is the bytes from `ends[i - 1]` up to `ends[i]`; `keys` [N] are equal for documents that are equal up
    to white space. `text_field` names the columns of a file of rows, `warnings` say what was unusual about the files.
    """

    path: Path
    sha256: str
    cache_key: str
    content: MappedBytes
    ends: np.ndarray
    keys: np.ndarray
    entry: CacheEntry | None = None
    text_field: Names | None = None
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def content_sha256(self) -> str:
        """Give what differs when any text does, whatever format it stands in."""
        return self.sha256 if self.entry is None else self.entry.digest_of("texts.bin", "ends.npy")

    @property
    def num_documents(self) -> int:
        """Same as `len`."""
        return len(self.ends)

    @property
    def num_bytes(self) -> int:
        """Bytes of all documents in UTF-8."""
        return len(self.content)

    @property
    def num_duplicates(self) -> int:
        """Documents that repeat another one, white space aside."""
        return len(self) - len(np.unique(self.keys))


def load_documents(path: Path, text: Sought = TEXT, reading: Reading = AS_FOUND) -> Documents:
    """Read and check a file or directory once; later calls map what the first one kept.

    A table or JSON file gives a document a row, a directory one a text or code file, any other file is one document
    and keeps every byte but a byte order mark. Raises: DatasetError with every fault found.
    """
    is_saved = path.is_dir() and is_saved_dataset(path)
    if path.is_dir() and not is_saved:
        require_unicode(path)
        words: list[str] = []
        return keep_files(path, text_files(path, words.append), reading, words)
    sha256 = content_sha256(path)
    key = key_of("documents", sha256, path.name, text, reading.decisive)
    if not is_saved and ending_of(path) not in ROW_FORMATS:
        return _kept(path, sha256, key, lambda say: _files([path], reading, say))
    check = TextCheck(path.name, text)
    return _kept(path, sha256, key, lambda say: _rows(path, check, reading, say), check=check)


def keep_files(path: Path, files: Sequence[Path], reading: Reading = AS_FOUND, words: Sequence[str] = ()) -> Documents:
    """Keep the files below `path` as documents, those without a letter left out. Raises: DatasetError.

    `words` tell of what was left out before.
    """
    listing = "".join(f"{file.relative_to(path)} {sha256_of(file)}\n" for file in files)
    sha256 = hashlib.sha256(listing.encode(errors="surrogateescape")).hexdigest()
    key = key_of("documents", sha256, reading.decisive)
    return _kept(path, sha256, key, lambda say: _files(files, reading, say, root=path), words)


# Several chunks make a document; None ends it.
Chunks = Iterable[str | None]


def _rows(path: Path, check: TextCheck, reading: Reading, say: Say) -> Chunks:
    for _, text in good_rows(path, check, reading, say):
        yield text
        yield None


def _files(files: Sequence[Path], reading: Reading, say: Say, root: Path | None = None) -> Chunks:
    """Read files in chunks. Raises: DatasetError behind the last one, naming each that cannot be decoded."""
    faults: list[str] = []
    for file in files:
        name = file.name if root is None else file.relative_to(root).as_posix()
        try:
            # An empty file among many says nothing and is no fault.
            if root is None or file.stat().st_size:
                yield from _decoded(file, name, reading, say)
        except DatasetError as error:
            if root is None:
                raise
            faults.append(str(error) if str(error).startswith(name) else f"{name}: {error}")
        advance(1)
        yield None
    if len(faults) > MAX_FAULTS_SHOWN:
        num_faults = len(faults)
        faults[MAX_FAULTS_SHOWN:] = [f"{num_faults} faults in all, the first {MAX_FAULTS_SHOWN} are shown."]
    if faults:
        raise DatasetError.of(faults)


def _decoded(file: Path, name: str, reading: Reading, say: Say) -> Iterator[str]:
    unbroken = 0
    encoding = survey(file, name, reading, say).encoding
    with told_of(file, name), open_text(file, reading, encoding) as source:
        while text := source.read(CHUNK_CHARACTERS):
            unbroken = _unbroken(text, unbroken)
            if unbroken > reading.row_characters:
                raise DatasetError(
                    f"{name} holds more than {reading.max_row_mib} MiB without a blank or a line end.",
                    remedy="That is no text; if it is, allow it with --set max_row_mib=NUMBER.",
                )
            yield text


def _unbroken(text: str, before: int) -> int:
    """Count the characters behind the last blank of a text that follows `before` others without one."""
    last = max(map(text.rfind, " \n\t"))
    return before + len(text) if last < 0 else len(text) - last - 1


def _kept(
    path: Path,
    sha256: str,
    key: str,
    texts: Callable[[Say], Chunks],
    words: Sequence[str] = (),
    check: TextCheck | None = None,
) -> Documents:
    def make(staging: Path) -> None:
        told: list[str] = []
        _keep(path, texts(told.append), staging)
        facts = {"text_field": list(check.columns) if check else None, "warnings": told}
        (staging / "documents.json").write_text(json.dumps(facts, allow_nan=False), encoding="utf-8")

    with phase(f"reading {path.name}", unit="documents"):
        entry = cached("documents", key, make)
    ends, keys = (np.load(entry / f"{name}.npy", mmap_mode="r") for name in ("ends", "keys"))
    facts = json.loads((entry / "documents.json").read_text(encoding="utf-8"))
    field = as_setting(facts["text_field"]) if facts["text_field"] else None
    warnings = (*words, *facts["warnings"])
    return Documents(path, sha256, key, MappedBytes(entry / "texts.bin"), ends, keys, entry, field, warnings)


def _keep(path: Path, texts: Chunks, directory: Path) -> None:
    ends, keys = array("q"), array("Q")
    start = end = 0
    letters = _Letters()
    with (directory / "texts.bin").open("wb") as file:
        for chunk in texts:
            if chunk is not None:
                end += append_text(file, chunk)
                letters.add(chunk)
                continue
            if letters.are_there:
                start = end
                ends.append(end)
                keys.append(letters.key())
            else:
                file.seek(start)
                file.truncate()
                end = start
            letters = _Letters()
    if not ends:
        raise DatasetError(f"{path} holds white space only.", remedy="Give a file or directory with text.")
    np.save(directory / "ends.npy", np.frombuffer(ends, dtype=np.int64))
    np.save(directory / "keys.npy", np.frombuffer(keys, dtype=np.uint64))


class _Letters:
    """Sums up a document that comes in chunks: 64 bits that white space does not change."""

    def __init__(self) -> None:
        self._digest = hashlib.blake2b(digest_size=8)
        self.are_there = False

    def add(self, chunk: str) -> None:
        packed = "".join(chunk.split()).encode("utf-8", errors="replace")
        self._digest.update(packed)
        self.are_there = self.are_there or bool(packed)

    def key(self) -> int:
        return int.from_bytes(self._digest.digest(), "little")
