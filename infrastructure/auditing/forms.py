"""Texts as words, and in the form that copies share which differ in names, case or numbers alone."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from statistics import median

import numpy as np

CODE, PROSE = "code", "prose"
# A renamed clone of fewer tokens is chance: `x = 1` and `y = 2` have one form.
FEWEST_TOKENS = 6
FEWEST_WORDS = 3  # beside numbers, without which these are all that a text says
TEXTS_LOOKED_AT = 200
# Of the characters that are no white space. In AG News 0.4 in 100 are such marks, in the functions of SVEN 14.
SHARE_OF_MARKS = 0.05
_MARKS = re.compile(r"[(){}\[\];=<>_*&|]")
_C_LIKE = re.compile(r"(?:;|\)\s*\{)[ \t]*(?://.*)?$", re.MULTILINE)
# A string or a comment that is never closed ends with its line or the text, so that no letter is looked at twice.
_STRING = (
    r"(?:\b[rbfuRBFU]{1,2})?(?:\"\"\"(?:.*?\"\"\"|.*)|'''(?:.*?'''|.*)"
    r"|\"(?:\\.|[^\"\\\n])*(?:\"|\\?)|'(?:\\.|[^'\\\n])*(?:'|\\?))|`[^`\n]*`?"
)
_REST = r"(?P<number>\d[\w.]*)|(?P<name>[^\W\d]\w*)|(?P<mark>->|::|[^\w\s])"
_BY_COMMENTS = {
    is_c_like: re.compile(rf"(?P<comment>{comment})|(?P<string>{_STRING})|{_REST}", re.DOTALL)
    for is_c_like, comment in ((True, r"//[^\n]*|/\*(?:.*?\*/|.*)"), (False, r"\#[^\n]*"))
}
# In scripts without spaces a letter stands for a word.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)
_DEFINING = frozenset(("def", "class", "fn", "func", "function", "struct", "enum", "interface", "trait", "lambda"))
_REACHING = frozenset((".", "->", "::"))
_KEYWORDS = """
    False None True and as assert async await break class continue def del elif else except finally for from global
    if import in is lambda nonlocal not or pass raise return try while with yield self this super auto bool case catch
    char const default delete do double enum extern false float fn foreach func function goto impl int interface let
    long match mut namespace new nil null nullptr package private protected public register short signed sizeof static
    struct switch template throw trait true type typedef union unsigned use using var virtual void volatile
"""
KEYWORDS = frozenset(_KEYWORDS.split())


def reads_as(texts: Sequence[str]) -> str:
    """Tell whether most of some texts are code or prose, by their marks."""
    places = np.unique(np.linspace(0, len(texts) - 1, min(len(texts), TEXTS_LOOKED_AT)).astype(np.int64))
    heads = (texts[int(place)][:4_000] for place in places)
    shares = [len(_MARKS.findall(head)) / max(1, len("".join(head.split()))) for head in heads]
    return CODE if median(shares) > SHARE_OF_MARKS else PROSE


def words_of(text: str, form: str) -> list[str]:
    """Give what near clones are compared by: tokens of code without comments, words of prose without case."""
    if form == PROSE:
        return _prose_words(text)
    return [found.group() for found in _BY_COMMENTS[_is_c_like(text)].finditer(text) if found.lastgroup != "comment"]


def renamed_form(text: str, form: str) -> list[str]:
    """Give what is equal for a text and its copy under other names; nothing for one that is too short to tell.

    Of code, comments go, strings and numbers become one sign each, and a name becomes the number of its first
    appearance. What a function calls and reaches into keeps its name: `md5(x)` is no copy of `sha256(x)`. Of prose,
    case and punctuation go and every number is the same.
    Source: type-2 clones, Roy and Cordy, A Survey on Software Clone Detection Research (2007).
    """
    if form == PROSE:
        words = _prose_words(text)
        telling = sum(not word.isdecimal() for word in words)
        return ["0" if word.isdecimal() else word for word in words] if telling >= FEWEST_WORDS else words
    found = _renamed_tokens(text)
    return found if len(found) >= FEWEST_TOKENS else []


def key_of_tokens(tokens: Sequence[str]) -> int:
    """Give 64 bits that are equal for equal tokens."""
    packed = "\x1f".join(tokens).encode("utf-8", errors="replace")
    return int.from_bytes(hashlib.blake2b(packed, digest_size=8).digest(), "little")


def _prose_words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _is_c_like(text: str) -> bool:
    return _C_LIKE.search(text) is not None


def _renamed_tokens(text: str) -> list[str]:
    is_c_like = _is_c_like(text)
    kinds, tokens = [], []
    for match in _BY_COMMENTS[is_c_like].finditer(text):
        if match.lastgroup != "comment":
            kinds.append(match.lastgroup)
            tokens.append(match.group())
    own = _own_names(kinds, tokens, is_c_like)
    numbers: dict[str, str] = {}
    found = []
    for at, (kind, token) in enumerate(zip(kinds, tokens, strict=True)):
        if kind in ("string", "number"):
            found.append(f"<{kind}>")
        elif kind == "name" and token not in KEYWORDS and (token in own or not _is_foreign(tokens, at)):
            found.append(numbers.setdefault(token, f"<{len(numbers)}>"))
        else:
            found.append(token)
    return found


def _own_names(kinds: Sequence[str | None], tokens: Sequence[str], is_c_like: bool) -> set[str]:
    """Give the names of functions that the text defines: who copies it may rename them, and their calls."""
    own = {tokens[at] for at in range(1, len(tokens)) if kinds[at] == "name" and tokens[at - 1] in _DEFINING}
    if is_c_like and "(" in tokens:
        called = tokens.index("(") - 1
        # `int f(` and `char *f(` define, where `f(` and `x.f(` call.
        if called > 0 and kinds[called] == "name" and (kinds[called - 1] == "name" or tokens[called - 1] == "*"):
            own.add(tokens[called])
    return own


def _is_foreign(tokens: Sequence[str], at: int) -> bool:
    """Tell whether a name is called, or reached into through another."""
    is_called = at + 1 < len(tokens) and tokens[at + 1] == "("
    return is_called or (at > 0 and tokens[at - 1] in _REACHING)
