"""The bytes of a source file as text, by what Python and the file itself say of its encoding."""

import codecs
import re

from infrastructure.data.files.encodings import encoding_by_mark
from infrastructure.data.files.legacy_encodings import LegacyText, legacy_encoding

# PEP 263: a comment in one of the first two lines.
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
# Some codecs take a time that grows with the square of the text, and some unpack it.
_NEVER = ("idna", "punycode", "undefined", "raw-unicode-escape", "unicode-escape", "rot13", "mbcs", "oem")
_ENDS = re.compile("\r\n|\r")


def source_text(data: bytes, name: str) -> str:
    """Decode a source file; its lines end in a line feed, as Python reads them.

    A mark of byte order decides, then a comment as of PEP 263, then UTF-8, then what other text files are told by.
    Raises: DatasetError where its encoding is not certain.
    """
    return _ENDS.sub("\n", _decoded(data, name)).removeprefix("\ufeff")


def _decoded(data: bytes, name: str) -> str:
    for encoding in filter(None, (encoding_by_mark(data[:4]), _named(data), "utf-8")):
        try:
            return data.decode(encoding)
        except (UnicodeError, LookupError, ValueError):
            continue
    return data.decode(legacy_encoding(LegacyText(iter([data])), name), "replace")


def _named(data: bytes) -> str | None:
    """Give the encoding that a file names, if it is one for texts."""
    for line in data[:1024].split(b"\n")[:2]:
        if found := _COOKIE.match(line):
            try:
                name = codecs.lookup(found[1].decode("ascii")).name
            except (LookupError, ValueError, ImportError):
                return None
            return None if name in _NEVER else name
    return None
