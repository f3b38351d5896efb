"""Running text: documents kept byte for byte on disk, in two parts, read in short pieces."""

import codecs
import gzip
import hashlib
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from domain.exceptions import DatasetError
from infrastructure.data.cache import cached, key_of
from infrastructure.data.readers import not_utf8, open_bytes, text_files
from infrastructure.data.rows import MAX_FAULTS_SHOWN, MappedBytes, RowSchema, append_text, check_rows, content_sha256
from infrastructure.files import sha256_of

TEXT_FIELDS = ("text", "content", "code")
ROW_FORMATS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")
PIECE_BYTES = 1 << 16
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Documents:
    """All documents of one file or directory, in its order.

    Document i is the bytes from `ends[i - 1]` up to `ends[i]`; `keys` [N] are equal for documents that are equal up
    to white space.
    """

    path: Path
    sha256: str
    cache_key: str
    content: MappedBytes
    ends: np.ndarray
    keys: np.ndarray

    def __len__(self) -> int:
        return len(self.ends)

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


@dataclass(frozen=True)
class DocumentPart:
    """Stretches of documents: from byte `starts[i]` up to `ends[i]`, in the order of the file.

    `are_beginnings[i]` tells whether the stretch is the beginning of its document.
    """

    documents: Documents
    starts: np.ndarray
    ends: np.ndarray
    are_beginnings: np.ndarray

    @property
    def num_documents(self) -> int:
        """Documents that stand in this part, whole or in part."""
        return len(self.starts)

    @property
    def num_bytes(self) -> int:
        """Bytes of this part in UTF-8."""
        return int((self.ends - self.starts).sum())

    @property
    def sha256(self) -> str:
        """Give what differs when the file or the choice from it does."""
        digest = hashlib.sha256(self.documents.sha256.encode())
        digest.update(np.ascontiguousarray(self.starts).tobytes())
        digest.update(np.ascontiguousarray(self.ends).tobytes())
        return digest.hexdigest()

    @cached_property
    def pieces(self) -> "Pieces":
        """Give the text of this part in pieces of bounded size."""
        return Pieces(self)


class Pieces(Sequence[str]):
    """Text of a part in pieces of at most `PIECE_BYTES`, cut behind a line where there is one, read when asked for."""

    def __init__(self, part: DocumentPart) -> None:
        self._content = part.documents.content
        long = np.flatnonzero(part.ends - part.starts > PIECE_BYTES)
        starts, owners = [part.starts], [np.arange(len(part.starts))]
        for owner in long:
            cuts = list(_cuts(self._content, int(part.starts[owner]), int(part.ends[owner])))
            starts.append(np.array(cuts, dtype=np.int64))
            owners.append(np.full(len(cuts), owner))
        # Pieces of the stretches come in the order of the file, as the stretches do.
        owner_of = np.concatenate(owners)
        order = np.lexsort((np.concatenate(starts), owner_of))
        owner_of = owner_of[order]
        self._starts = np.concatenate(starts)[order]
        is_first = np.diff(owner_of, prepend=-1) > 0
        is_last = np.append(is_first[1:], True)
        self._ends = np.where(is_last, part.ends[owner_of], np.append(self._starts[1:], 0))
        self._begins = is_first & part.are_beginnings[owner_of]

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> str:  # type: ignore[override]  # slices are of no use here
        return self._content.read(int(self._starts[index]), int(self._ends[index])).decode("utf-8")

    def begins_document(self, index: int) -> bool:
        """Tell whether a document begins with this piece."""
        return bool(self._begins[index])


def _cuts(content: MappedBytes, start: int, end: int) -> Iterator[int]:
    while end - start > PIECE_BYTES:
        limit = start + PIECE_BYTES
        start = content.end_of_line(start, limit) or _letter_border(content, limit)
        yield start


def _letter_border(content: MappedBytes, place: int) -> int:
    """Move a place back to the beginning of a character; in UTF-8 its later bytes are 10xxxxxx."""
    before = content.read(max(0, place - 3), place + 1)
    back = 0
    while back < len(before) and before[-1 - back] & 0xC0 == 0x80:
        back += 1
    return place - back


def load_documents(path: Path, text_field: str | None = None) -> Documents:
    """Read and check a file or directory once; later calls map what the first one kept.

    A table or JSON file gives a document a row, a directory one a text or code file, any other file is one document
    and keeps every byte but a byte order mark. Raises: DatasetError with every fault found.
    """
    if path.is_dir():
        return keep_files(path, _visible(path))
    sha256 = content_sha256(path)
    key = key_of("documents", sha256, path.name, text_field)
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    texts = _rows(path, text_field) if suffix in ROW_FORMATS else _files([path])
    return _kept(path, sha256, key, texts)


def keep_files(path: Path, files: Sequence[Path]) -> Documents:
    """Keep the files below `path` as documents, those without a letter left out. Raises: DatasetError."""
    listing = "".join(f"{file.relative_to(path)} {sha256_of(file)}\n" for file in files)
    sha256 = hashlib.sha256(listing.encode(errors="surrogateescape")).hexdigest()
    return _kept(path, sha256, key_of("documents", sha256), _files(files, root=path))


def _visible(directory: Path) -> list[Path]:
    """List text files outside hidden directories, which hold what tools keep and nobody wrote."""
    listed = text_files(directory)
    visible = [file for file in listed if not any(part.startswith(".") for part in file.relative_to(directory).parts)]
    if not visible:
        raise DatasetError(f"{directory} has hidden text files only.", remedy="Give the directory they are in.")
    return visible


# Several chunks make a document; None ends it.
Chunks = Iterable[str | None]


def _rows(path: Path, text_field: str | None) -> Chunks:
    schema = RowSchema((text_field,) if text_field else TEXT_FIELDS, label_field=None)
    for row, field, _ in check_rows(path, schema):
        yield row.values[field]
        yield None


def _files(files: Sequence[Path], root: Path | None = None) -> Chunks:
    """Read files in chunks. Raises: DatasetError behind the last one, naming each that cannot be decoded."""
    faults: list[str] = []
    for file in files:
        try:
            # An empty file among many says nothing and is no fault.
            if root is None or file.stat().st_size:
                yield from _decoded(file)
        except DatasetError as error:
            if root is None:
                raise
            within = file.relative_to(root).parent.as_posix()
            faults.append(str(error) if within == "." else f"{within}/{error}")
        yield None
    if len(faults) > MAX_FAULTS_SHOWN:
        num_faults = len(faults)
        faults[MAX_FAULTS_SHOWN:] = [f"{num_faults} faults in all, the first {MAX_FAULTS_SHOWN} are shown."]
    if faults:
        raise DatasetError("\n".join(faults))


def _decoded(file: Path) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = 0
    with open_bytes(file) as source:
        try:
            chunk = source.read(CHUNK_BYTES)
            if chunk.startswith(codecs.BOM_UTF8):
                offset = len(codecs.BOM_UTF8)
                chunk = chunk[offset:]
            while chunk:
                yield decoder.decode(chunk)
                offset += len(chunk)
                chunk = source.read(CHUNK_BYTES)
            yield decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            # What the decoder had kept from the chunk before stands in front of this one.
            kept = len(error.object) - len(chunk)
            raise not_utf8(file, error, offset - kept + error.start) from error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DatasetError(
                f"{file.name} is damaged or cut off: {error}.", remedy="Copy or download the file again."
            ) from error


def _kept(path: Path, sha256: str, key: str, texts: Chunks) -> Documents:
    directory = cached("documents", key, lambda staging: _keep(path, texts, staging))
    ends, keys = (np.load(directory / f"{name}.npy", mmap_mode="r") for name in ("ends", "keys"))
    return Documents(path, sha256, key, MappedBytes(directory / "texts.bin"), ends, keys)


def _keep(path: Path, texts: Chunks, directory: Path) -> None:
    ends, keys = array("q"), array("Q")
    start = end = 0
    letters = _Letters()
    with (directory / "texts.bin").open("wb") as file:
        for chunk in texts:
            if chunk is not None:
                end = append_text(file, chunk)
                letters.add(chunk)
                continue
            if letters.are_there:
                start = end
                ends.append(end)
                keys.append(letters.key())
            else:
                file.seek(start)
                file.truncate()
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


def whole_documents(documents: Documents) -> DocumentPart:
    """Give all documents as one part."""
    return _chosen(documents, np.ones(len(documents), dtype=np.bool_))


def documents_not_in(documents: Documents, other: Documents) -> DocumentPart:
    """Give the documents that do not stand in `other`, white space aside. Raises: DatasetError when none is left."""
    is_new = ~np.isin(documents.keys, other.keys)
    if not is_new.any():
        raise DatasetError(
            f"every document of {documents.path.name} also stands in {other.path.name}.",
            remedy="Give other text to learn from, or drop eval_dataset to split this one.",
        )
    return _chosen(documents, is_new)


def split_documents(documents: Documents, share: float, seed: int) -> tuple[DocumentPart, DocumentPart]:
    """Divide text into a training and an evaluation part with about `share` of the bytes.

    One document is cut in two, its end for evaluation; of several, the seed draws whole ones, and those that are
    equal up to white space stay on one side. Raises: DatasetError when a side would be empty.
    """
    if len(documents) == 1:
        return _cut_in_two(documents, share)
    _, units = np.unique(documents.keys, return_inverse=True)
    sizes = np.bincount(units, weights=np.diff(documents.ends, prepend=0))
    if len(sizes) < 2:
        raise DatasetError(
            f"{documents.path.name} holds one document {len(documents)} times, white space aside, but a split needs"
            " two.",
            remedy="Add other documents, or give the evaluation part with --set eval_dataset=PATH.",
        )
    is_evaluation = drawn(sizes, share, seed)[units]
    return _chosen(documents, ~is_evaluation), _chosen(documents, is_evaluation)


def drawn(sizes: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Draw units [N] by the seed until `share` of their sizes is reached; at least one is drawn and one is not."""
    order = np.random.Generator(np.random.Philox(key=[seed, 0])).permutation(len(sizes))
    wanted = share * sizes.sum()
    # A unit that would overfill the part alone comes last, or it would be most of the part whenever it is drawn early.
    order = order[np.argsort(np.where(sizes[order] / 2 > wanted, sizes[order], 0), kind="stable")]
    before = np.concatenate([[0], np.cumsum(sizes[order])[:-1]])
    taken = before + sizes[order] / 2 <= wanted
    taken[0], taken[-1] = True, False
    chosen = np.zeros(len(sizes), dtype=np.bool_)
    chosen[order[taken]] = True
    return chosen


def _cut_in_two(documents: Documents, share: float) -> tuple[DocumentPart, DocumentPart]:
    size = documents.num_bytes
    cut = _letter_border(documents.content, int(size * (1 - share)))
    if not 0 < cut < size:
        raise DatasetError(
            f"{documents.path.name} has {size} bytes, too few to keep {share:.0%} of them for evaluation.",
            remedy="Give more text, or the evaluation part with --set eval_dataset=PATH.",
        )
    return _stretch(documents, 0, cut), _stretch(documents, cut, size)


def _stretch(documents: Documents, start: int, end: int) -> DocumentPart:
    return DocumentPart(documents, np.array([start]), np.array([end]), np.array([start == 0]))


def _chosen(documents: Documents, is_chosen: np.ndarray) -> DocumentPart:
    starts = np.concatenate([[0], documents.ends[:-1]])[is_chosen]
    return DocumentPart(documents, starts, documents.ends[is_chosen], np.ones(len(starts), dtype=np.bool_))
