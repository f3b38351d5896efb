"""How much an Excel workbook holds once it is unpacked and spread out, measured before it is opened."""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np

from domain.exceptions import DatasetError
from domain.reading import Reading
from infrastructure.data.files.opening import grown_too_large

CELL_BYTES = 32  # of one cell of the rectangle that a sheet is spread out over, empty ones too
_AT_ONCE = 1 << 20
_LOCAL = struct.Struct("<26xHH")  # the lengths of the name and of the extra field behind the header of an entry
_CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\br\s*=\s*["']([A-Z]{1,3})(\d{1,7})["']""")
_SHARED = re.compile(rb"""\bt\s*=\s*["']s["'][^>]*>\s*<(?:\w+:)?v>(\d{1,9})<""")
_END_OF_TEXT = re.compile(rb"</(?:\w+:)?si\s*>")
_CALENDAR_1904 = re.compile(rb"""\bdate1904\s*=\s*["'](?:1|true|on)["']""")


def measure_workbook(file: BinaryIO, name: str, most: int, reading: Reading) -> bool:
    """Refuse a workbook that unpacks to more than `most` bytes, or whose sheets span or repeat as much.

    Tells whether its days are counted from 1904. Raises: DatasetError; BadZipFile, zlib.error, struct.error and
    ValueError for what is damaged.
    """
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    taken = 0
    lengths: np.ndarray = np.zeros(0, dtype=np.int64)
    from_1904 = False
    # The texts come first: cells only name them by their numbers.
    for entry in sorted(entries, key=lambda entry: not _is_texts(entry)):
        chunks = _inflated(file, entry)
        spread = 0
        if _is_texts(entry):
            kept: list[int] = []
            for piece in _pieces(chunks, b"si>", name, reading):
                taken += len(piece)
                kept += _text_lengths(piece)
                _limit(name, taken, most)
            lengths = np.array(kept, dtype=np.int64)
        elif "/worksheets/" in entry.filename.lower():
            corner = np.ones(2, dtype=np.int64)
            for piece in _pieces(chunks, b"c>", name, reading):
                taken += len(piece)
                corner = np.maximum(corner, _corner(piece))
                spread += _repeated(piece, lengths)
                _limit(name, max(taken, spread + int(corner.prod()) * CELL_BYTES), most)
        else:
            for piece in chunks:
                taken += len(piece)
                from_1904 |= entry.filename.lower().endswith("xl/workbook.xml") and bool(_CALENDAR_1904.search(piece))
                _limit(name, taken, most)
    return from_1904


def _is_texts(entry: zipfile.ZipInfo) -> bool:
    return entry.filename.lower().endswith("sharedstrings.xml")


def _limit(name: str, size: int, most: int) -> None:
    if size > most:
        raise grown_too_large(name, most)


def _inflated(file: BinaryIO, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Unpack an entry a piece at a time, whatever size it says it has."""
    if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("it is packed in a way that no spreadsheet program writes")
    file.seek(entry.header_offset)
    file.seek(sum(_LOCAL.unpack(file.read(_LOCAL.size))), 1)
    left = entry.compress_size
    unpacker = zlib.decompressobj(-15) if entry.compress_type == zipfile.ZIP_DEFLATED else None
    while left > 0 and (packed := file.read(min(left, _AT_ONCE))):
        left -= len(packed)
        if unpacker is None:
            yield packed
            continue
        while packed and not unpacker.eof:
            yield unpacker.decompress(packed, _AT_ONCE)
            packed = unpacker.unconsumed_tail
    if unpacker is not None:
        yield unpacker.flush()


def _pieces(chunks: Iterable[bytes], mark: bytes, name: str, reading: Reading) -> Iterator[bytes]:
    """Cut a text behind marks, so that nothing that ends with one is cut in two."""
    rest = b""
    for chunk in chunks:
        piece = rest + chunk
        end = piece.rfind(mark) + len(mark) if mark in piece else 0
        rest = piece[end:]
        if len(rest) > reading.row_characters + _AT_ONCE:
            raise DatasetError(
                f"{name} has a cell longer than {reading.max_row_mib} MiB.",
                remedy="Shorten it, or allow it with --set max_row_mib=NUMBER.",
            )
        yield piece[:end]
    yield rest


def _text_lengths(piece: bytes) -> list[int]:
    ends = [end.end() for end in _END_OF_TEXT.finditer(piece)]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def _corner(piece: bytes) -> np.ndarray:
    """Give the lowest row and the rightmost column [2] of the cells in a piece."""
    cells = _CELL.findall(piece)
    rows = np.array([row for _, row in cells], dtype="S7").astype(np.int64)
    column = max({letters for letters, _ in cells}, key=lambda letters: (len(letters), letters), default=b"A")
    return np.array([rows.max(initial=1), _number_of(column)], dtype=np.int64)


def _number_of(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _repeated(piece: bytes, lengths: np.ndarray) -> int:
    """Count the bytes of the texts that cells name."""
    numbers = np.array(_SHARED.findall(piece), dtype="S9").astype(np.int64)
    return int(lengths[numbers[numbers < len(lengths)]].sum())
