"""Parts of documents: stretches to learn from and to score on, read in pieces."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from domain.exceptions import DatasetError
from infrastructure.data.kept.mapped import MappedBytes
from infrastructure.data.splitting import drawn
from infrastructure.data.text.documents import Documents

PIECE_BYTES = 1 << 16


@dataclass(frozen=True)
class DocumentPart:
    """Stretches of documents: from byte `starts[i]` up to `ends[i]`, in the order of the file.

    `are_beginnings[i]` tells whether the stretch is the beginning of its document.
    """

    documents: Documents
    starts: np.ndarray
    ends: np.ndarray
    are_beginnings: np.ndarray

    def __len__(self) -> int:
        """Count the documents that stand in this part, whole or in part."""
        return len(self.starts)

    @property
    def num_bytes(self) -> int:
        """Bytes of this part in UTF-8."""
        return int((self.ends - self.starts).sum())

    @property
    def sha256(self) -> str:
        """Give what differs when the text or the choice from it does."""
        digest = hashlib.sha256(self.documents.content_sha256.encode())
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
