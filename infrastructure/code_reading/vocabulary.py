"""The words that a reader of code knows, and code as ids: what is not known, or bound by the code itself, is a name."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from domain.exceptions import ModelError
from domain.strict_json import strict_json
from infrastructure.code_reading.bindings import bindings_of
from infrastructure.code_reading.languages import language_of
from infrastructure.code_reading.lexing import FINDING, FORMATTED, LINES, QUOTE, Token, lex
from infrastructure.data.some_rows import spread
from infrastructure.model_files.model_directory import RESTORE
from infrastructure.plain_files import read_plain

VOCABULARY = "flow_vocabulary.json"
FORMAT = 1
LARGEST_FILE = 32 << 20
MOST_WORDS = 1_000_000
LONGEST_WORD = 64
# Placeholders: names of one window that can be told apart.
NUM_NAMES = 64
PAD, CLS, UNKNOWN, NUMBER = range(4)
FIRST_LINE = 4
_LAYOUT = ("<pad>", "<cls>", "<unknown>", "<number>", *LINES, QUOTE, FORMATTED)
FIRST_NAME = len(_LAYOUT)
FIRST_SIGN = FIRST_NAME + NUM_NAMES
_SINGLE = tuple(c for c in map(chr, range(33, 127)) if not c.isalnum() and c != "_")
_JOINED = (
    "** **= // //= >> >>= << <<= := :: -> => ++ -- && || ?? ?. === !== == != <= >= += -= *= /= %= &= |= ^= @= ~= ..."
)
_SIGNS = (*_SINGLE, *_JOINED.split(), FINDING)
FIRST_WORD = FIRST_SIGN + len(_SIGNS)
# A word counts as one of an interface when so many rows use it, most of them without binding it.
LEAST_ROWS = 3
LEAST_ROWS_OF_FEW, FEW_ROWS = 2, 500
MOST_TEXTS = 10_000


@dataclass(frozen=True)
class Encoded:
    """A text as ids [L], with the roles of its tokens in bindings [L], their links by calls and characters [L, 2].

    Names are numbered by first appearance from the size of the vocabulary upward, without an end: windows give them
    placeholders.
    """

    ids: np.ndarray
    roles: np.ndarray
    links: np.ndarray
    spans: np.ndarray

    def item(self) -> dict[str, np.ndarray]:
        """Give what a model reads of it."""
        return {"input_ids": self.ids, "roles": self.roles, "links": self.links}


@dataclass(frozen=True)
class Vocabulary:
    """Words of interfaces: keywords, what libraries call things, numbers that are often written."""

    words: tuple[str, ...]

    def __len__(self) -> int:
        return FIRST_WORD + len(self.words)

    @cached_property
    def _ids(self) -> dict[str, int]:
        ids = {text: number for number, text in enumerate(_LAYOUT)}
        ids |= {text: number for number, text in enumerate(_SIGNS, FIRST_SIGN)}
        return ids | {text: number for number, text in enumerate(self.words, FIRST_WORD)}

    def encode(self, code: str) -> Encoded:
        """Turn a text of any content into ids, in time that grows with its length alone."""
        language = language_of(code)
        tokens = lex(code, language)
        bindings = bindings_of(tokens, language)
        known, bound, size = self._ids, bindings.names, len(self)
        names: dict[str, int] = {}
        ids, before = [], ""
        for token in tokens:
            text = token.text
            number = known.get(text)
            here = bindings.attributes if before == "." else bound
            if is_word(text) and (number is None or text in here):
                number = size + names.setdefault(text, len(names))
            elif number is None:
                number = NUMBER if text[0].isdigit() else UNKNOWN
            ids.append(number)
            before = text
        spans = np.array([(token.start, token.end) for token in tokens], dtype=np.int32).reshape(-1, 2)
        return Encoded(np.array(ids, dtype=np.int32), bindings.roles, bindings.links, spans)

    @classmethod
    def learnt(cls, texts: Sequence[str], most: int) -> "Vocabulary":
        """Learn at most `most` words, the most frequent ones of texts, of which at most `MOST_TEXTS` are looked at."""
        free: Counter[str] = Counter()
        bound: Counter[str] = Counter()
        looked_at = spread(len(texts), MOST_TEXTS)
        for place in looked_at:
            text = texts[int(place)]
            language = language_of(text)
            tokens = lex(text, language)
            bindings = bindings_of(tokens, language)
            names = bindings.names | bindings.attributes
            seen = {token.text for token in tokens if _may_be_learnt(token)}
            free.update(seen - names)
            bound.update(seen & names)
        least = LEAST_ROWS if len(looked_at) >= FEW_ROWS else LEAST_ROWS_OF_FEW
        found = [word for word, count in free.items() if count >= least and count > bound[word]]
        found.sort(key=lambda word: (-free[word], word))
        return cls(tuple(found[:most]))

    def text(self) -> str:
        """Give the content of its file."""
        return strict_json({"format": FORMAT, "words": self.words}, indent=0, ensure_ascii=True) + "\n"

    @classmethod
    def read(cls, directory: Path) -> "Vocabulary":
        """Open the file of a model directory, which may come from anybody. Raises: ModelError naming file and fault."""
        path = directory / VOCABULARY
        try:
            return cls.parsed(read_plain(path, LARGEST_FILE))
        except FileNotFoundError as error:
            raise ModelError(f"model directory {directory} has no {VOCABULARY}.", remedy=RESTORE) from error
        except (OSError, ValueError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise ModelError(f"{path} cannot be opened: {reason[:200].rstrip('.')}.", remedy=RESTORE) from error

    @classmethod
    def parsed(cls, text: str) -> "Vocabulary":
        """Take up what `text` gave. Raises: ValueError, RecursionError."""
        content = json.loads(text)
        if fault := _fault_of(content):
            raise ValueError(fault)
        return cls(tuple(content["words"]))


def is_word(text: str) -> bool:
    """Tell words from numbers, signs and layout."""
    return text[0].isalpha() or text[0] == "_"


def _may_be_learnt(token: Token) -> bool:
    text = token.text
    return len(text) <= LONGEST_WORD and (is_word(text) or text[0].isdigit())


def _fault_of(content: object) -> str:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        return f"it must hold a JSON object with format {FORMAT}"
    words = content.get("words")
    if not isinstance(words, list) or len(words) > MOST_WORDS:
        return f"words must be a list of at most {MOST_WORDS:,} words"
    for place, word in enumerate(words):
        if not isinstance(word, str) or not 0 < len(word) <= LONGEST_WORD:
            return f"words[{place}] must be a word of 1 to {LONGEST_WORD} characters"
        if not (is_word(word) or word[0].isdigit()):
            return f"words[{place}] must begin with a letter, a digit or an underscore"
    if len(set(words)) < len(words):
        return "a word stands twice in words"
    return ""
