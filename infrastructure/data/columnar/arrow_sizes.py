"""How much an Arrow file holds once unpacked, told from its headers before anything is unpacked.

Source: the formats of messages, files and streams, https://arrow.apache.org/docs/format/Columnar.html, and of the
FlatBuffers that describe them.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

MAGIC = b"ARROW1"
_CONTINUES = b"\xff\xff\xff\xff"
_BLOCK = struct.Struct("<qi4xq")  # where a message begins, the length of its header and of its body
_BUFFER = struct.Struct("<qq")  # where it begins in the body, and its length there
_DICTIONARY, _RECORDS = 2, 3
_MOST_HEADER = 1 << 28


def unpacked_sizes(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Give the rows of each message of a file or stream, and the bytes that it takes in memory.

    Raises: ValueError, struct.error when it is none or is damaged.
    """
    file.seek(0)
    is_file = file.read(len(MAGIC)) == MAGIC
    for header, body in _messages_of_file(file) if is_file else _messages_of_stream(file):
        yield _rows_and_bytes(file, header, body)


def _messages_of_file(file: BinaryIO) -> Iterator[tuple["_Table", int]]:
    end = file.seek(-len(MAGIC) - 4, 2)
    length = struct.unpack("<i", _exactly(file, 4))[0]
    if _exactly(file, len(MAGIC)) != MAGIC or not 0 < length <= min(end, _MOST_HEADER):
        raise ValueError("its end is missing")
    file.seek(end - length)
    footer = _Table.root(_exactly(file, length))
    for field in (2, 3):  # dictionaries, record batches
        for place in footer.structs(field, _BLOCK.size):
            offset, _, _ = _BLOCK.unpack_from(footer.content, place)
            file.seek(offset)
            header = _header(file)
            if header is None:
                raise ValueError("a part that its end names is missing")
            yield header, file.tell()


def _messages_of_stream(file: BinaryIO) -> Iterator[tuple["_Table", int]]:
    file.seek(0)
    while (header := _header(file)) is not None:
        body = file.tell()
        yield header, body
        file.seek(body + header.number(3, "<q"))


def _header(file: BinaryIO) -> "_Table | None":
    start = file.read(4)
    if start == _CONTINUES:  # not in files of before 2019
        start = file.read(4)
    if not start:
        return None
    length = struct.unpack("<i", start)[0]
    if not 0 <= length <= _MOST_HEADER:
        raise ValueError("a header has no sensible length")
    return _Table.root(_exactly(file, length)) if length else None


def _rows_and_bytes(file: BinaryIO, message: "_Table", body: int) -> tuple[int, int]:
    kind = message.number(1, "<B")
    records = message.table(2) if kind in (_DICTIONARY, _RECORDS) else None
    if kind == _DICTIONARY and records is not None:
        records = records.table(1)
    if records is None:
        return 0, 0
    rows = records.number(0, "<q") if kind == _RECORDS else 0
    if rows < 0:
        raise ValueError("a part has no sensible length")
    buffers = [_BUFFER.unpack_from(records.content, place) for place in records.structs(2, _BUFFER.size)]
    if records.table(3) is None:  # not compressed
        return rows, sum(length for _, length in buffers)
    total = 0
    for offset, length in buffers:
        if length:
            file.seek(body + offset)
            size = struct.unpack("<q", _exactly(file, 8))[0]  # -1 where packing did not pay
            total += length if size == -1 else size
            if size < -1:
                raise ValueError("a part has no sensible length")
    return rows, total


def _exactly(file: BinaryIO, count: int) -> bytes:
    content = file.read(count)
    if len(content) < count:
        raise ValueError("it is cut off")
    return content


class _Table:
    """A table of a FlatBuffer; its fields are known by their numbers."""

    def __init__(self, content: bytes, place: int) -> None:
        self.content, self._place = content, place
        self._fields = place - self._read("<i", place)

    @classmethod
    def root(cls, content: bytes) -> "_Table":
        return cls(content, struct.unpack_from("<I", content)[0])

    def number(self, field: int, form: str) -> int:
        place = self._at(field)
        return self._read(form, place) if place else 0

    def table(self, field: int) -> "_Table | None":
        place = self._at(field)
        return _Table(self.content, place + self._read("<I", place)) if place else None

    def structs(self, field: int, size: int) -> range:
        """Give the places of the structs that a field lists."""
        place = self._at(field)
        if not place:
            return range(0)
        place += self._read("<I", place)
        count = self._read("<I", place)
        if place + 4 + count * size > len(self.content):
            raise ValueError("a list is longer than its header")
        return range(place + 4, place + 4 + count * size, size)

    def _at(self, field: int) -> int:
        entry = 4 + 2 * field
        if entry + 2 > self._read("<H", self._fields):
            return 0
        offset = self._read("<H", self._fields + entry)
        return self._place + offset if offset else 0

    def _read(self, form: str, place: int) -> int:
        if place < 0:
            raise ValueError("a header points outside itself")
        return int(struct.unpack_from(form, self.content, place)[0])
