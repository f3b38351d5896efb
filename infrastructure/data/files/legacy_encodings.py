"""The encodings of texts that are not UTF-8: what is certain, and what to ask where nothing is."""

import codecs
import re
from collections.abc import Iterator

from domain.exceptions import DatasetError

SAMPLE_BYTES = 1 << 16
WINDOWS = "windows-1252"
_ASCII = bytes(range(128))
_AROUND = 200  # bytes beside what is not ASCII: words and their neighbours
_BORDER = re.compile(rb"[ \t\r\n,]")  # bytes that are a part of no other character in any encoding
_HIGH = re.compile(rb"[\x80-\xff]+")
_FOREIGN_WORD = re.compile(rb"[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*")
_NO_WINDOWS = frozenset(b"\x81\x8d\x8f\x90\x9d")
_OTHERS = ("shift_jis", "gb18030", "big5", "euc_kr", "cp1251")  # by the strictness of their rules
_LEAST_COHERENCE = 0.25  # of charset-normalizer, which finds a language for almost anything below
_LEAST_LEAD = 0.1
_USUAL = ("cp1250", "cp1251", "cp1253", "cp1255", "cp1256", "cp1257", "koi8_r", "big5", "gb18030", "cp949", "cp932")
# What Western European text in Windows-1252 does not do: four accented letters on end, a sign within a word, a
# capital with an accent behind a small letter, Turkish or Czech letters.
_RUNS = re.compile("[À-ÿ]{4,}")
_MARKS_AND_SIGNS = bytes([*range(0x82, 0x85), *range(0x86, 0x8A), 0x8B, 0x93, 0x94, 0x95, 0x98, 0x99, 0x9B])
_MARKS_AND_SIGNS += bytes(
    [*range(0xA1, 0xAA), 0xAC, 0xAE, 0xAF, *range(0xB1, 0xB4), 0xB6, 0xB8, 0xB9, *range(0xBB, 0xC0)]
)
_LETTER = r"[^\W\d_]"
_SIGNS = re.compile(
    f"(?<={_LETTER})[{_MARKS_AND_SIGNS.decode('cp1252')}](?={_LETTER})|(?<={_LETTER})[¡¿]|[£¥¤º](?=[a-zà-ÿ])"
)
_CAPITALS = re.compile("(?<=[a-z])[ŠŽŸÀ-ÖØ-Þ]")
_TURKISH = re.compile("[ðÐþÞýÝ]")
_ICELANDIC = re.compile("[áíúÁÍÚæö]")
_CZECH = re.compile("ø")
_NORDIC = re.compile("[åæÅÆäöüÄÖÜß]")  # and German ones: ø may be a Norwegian customer of a German shop


class LegacyText:
    """The parts of a text that are not ASCII, which is not UTF-8."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.offset = -1
        self.byte = 0
        self.letters: set[int] = set()
        self.good = self.bad = 0
        self.sample = b""
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        offset = 0
        for chunk in chunks:
            kept = len(decoder.getstate()[0])
            if chunk.isascii() and not kept:
                offset += len(chunk)
                continue
            text = decoder.decode(chunk)
            bad = re.search("[\udc80-\udcff]", text)
            if bad and self.offset < 0:
                self.byte = ord(bad.group()) - 0xDC00
                self.offset = offset - kept + len(text[: bad.start()].encode("utf-8", errors="surrogateescape"))
            num_bad = len(re.findall("[\udc80-\udcff]", text))
            self.bad += num_bad
            self.good += len(re.findall("[^\x00-\x7f]", text)) - num_bad
            self.letters.update(chunk.translate(None, _ASCII))
            self._take_sample(chunk)
            offset += len(chunk)

    def _take_sample(self, chunk: bytes) -> None:
        at = 0
        while len(self.sample) < SAMPLE_BYTES and (found := _HIGH.search(chunk, at)):
            start, border = max(at, found.start() - _AROUND), _BORDER.search(chunk, found.end() + _AROUND)
            at = border.end() if border else len(chunk)
            self.sample += chunk[start : min(at, start + SAMPLE_BYTES)] + b"\n"

    @property
    def place(self) -> str:
        """Name the first byte that is not UTF-8."""
        return f"byte 0x{self.byte:02x} at offset {self.offset:,}"


def legacy_encoding(text: LegacyText, name: str, is_marked: bool = False) -> str:
    """Give the encoding of a text that is not UTF-8. Raises: DatasetError where it is not certain enough."""
    if is_marked or text.good >= text.bad:
        raise DatasetError(
            f"{name} is not UTF-8: {text.place} cannot be decoded, but the rest seems to be UTF-8.",
            remedy=f"Write it anew; to leave such bytes out: iconv -f UTF-8 -t UTF-8 -c {name} > new",
        )
    if is_western(text.sample, text.letters):
        return WINDOWS
    certain, perhaps = _guessed(text.sample)
    if certain:
        return certain
    likely = perhaps or [encoding for encoding in _OTHERS if _decodes(text.sample, encoding)] or [WINDOWS]
    raise DatasetError(
        f"{name} is not UTF-8: {text.place} cannot be decoded. It is in another encoding, perhaps"
        f" {' or '.join(likely)}.",
        remedy=f"Name it, for example --set encoding={likely[0]}, and look at a few rows.",
    )


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample)  # its last character may be cut
    except UnicodeDecodeError:
        return False
    return True


def is_western(sample: bytes, letters: set[int]) -> bool:
    """Tell whether bytes are Western European text in Windows-1252, of which Latin-1 is a part."""
    if letters & _NO_WINDOWS:
        return False
    text = sample.decode("cp1252", errors="replace")
    high = sum(not letter.isascii() for letter in text)
    odd = sum(len(found) for found in _RUNS.findall(text))
    odd += len(_SIGNS.findall(text)) + len(_CAPITALS.findall(text))
    for foreign, homely in ((_TURKISH, _ICELANDIC), (_CZECH, _NORDIC)):
        strange = len(foreign.findall(text))
        odd += strange if strange > len(homely.findall(text)) else 0
    return odd <= high * 0.05


def _guessed(sample: bytes) -> tuple[str | None, list[str]]:
    """Ask charset-normalizer: one encoding where nothing comes near it, and those that may be."""
    from charset_normalizer import from_bytes

    words = b"\n".join(_FOREIGN_WORD.findall(sample))  # English between them would say nothing
    for text in (words, sample):  # a letter of two bytes may end in one that ends a word elsewhere
        matches = [
            m for m in from_bytes(text) if m.chaos < 0.2 and not m.encoding.startswith("mac_")
        ]  # none since 2001
        if matches:
            break
    if not matches:
        return None, []
    best = matches[0]
    near = [match for match in matches if match.chaos < best.chaos + _LEAST_LEAD]
    rivals = [m for m in near if m.coherence > best.coherence - _LEAST_LEAD and str(m) != str(best)]
    if not rivals and best.coherence >= _LEAST_COHERENCE and best.encoding in _USUAL:
        return best.encoding, []
    known = sorted((best, *rivals), key=lambda match: match.encoding not in _USUAL)
    return None, [match.encoding for match in known[:3]]
