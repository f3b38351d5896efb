"""What two families of languages have in common with each other, and what tells them apart."""

import re
from dataclasses import dataclass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Of a long text its beginning says enough.
CHARACTERS_LOOKED_AT = 20_000
_WORD = r"(?P<word>[^\W\d]\w*)|(?P<number>\d[\w.]*)"
_SIGNS = r"(?P<sign>\*\*=?|//=?|>>=?|<<=?|:=|::|->|=>|\+\+|--|&&|\|\||\?\?|\?\.|===|!==|[=!<>+\-*/%&|^@~]=|\.\.\.|.)"


@dataclass(frozen=True)
class Language:
    """How a family of languages is cut into tokens.

    `token` has the groups newline, comment, space, quote, word, number and sign, of which one matches at any place.
    `field` opens a piece of code within a string that has such pieces. In a family with `has_blocks` lines end with
    signs and depth is that of braces, in one without they end with the line and depth is that of the indentation.
    `never_inside` are words that begin a statement wherever they stand, so that a bracket before them was left open.
    """

    token: re.Pattern[str]
    field: str
    has_blocks: bool
    keywords: frozenset[str]
    never_inside: frozenset[str] = frozenset()


PYTHON = Language(
    token=re.compile(
        r"(?P<newline>\r\n?|\n)|(?P<comment>\#[^\r\n]*)|(?P<space>(?:[^\S\r\n]|\\\r?\n)+)"
        rf"|(?P<quote>(?:[rRbBuUfFtT]{{0,2}})(?:\"\"\"|'''|\"|'))|{_WORD}|{_SIGNS}",
        re.DOTALL,
    ),
    field="{",
    has_blocks=False,
    keywords=_words(
        "False None True and as assert async await break case class continue def del elif else except finally "
        "for from global if import in is lambda match nonlocal not or pass raise return try while with yield "
        "self cls"
    ),
    never_inside=_words("def class return import raise while try except finally with del global pass"),
)

C_LIKE = Language(
    token=re.compile(
        r"(?P<newline>\r\n?|\n)|(?P<comment>//[^\r\n]*|/\*.*?(?:\*/|\Z))|(?P<space>(?:[^\S\r\n]|\\\r?\n)+)"
        rf"|(?P<quote>\"\"\"|\"|'|`)|{_WORD}|{_SIGNS}",
        re.DOTALL,
    ),
    field="${",
    has_blocks=True,
    keywords=_words(
        "abstract async auto await bool boolean break byte case catch chan char class const continue default "
        "defer defined delete do double else enum extends extern false final finally float fn for foreach "
        "func function go goto if impl implements import in include inline int interface let long mut "
        "namespace new nil null nullptr of package private protected pub public range return self short "
        "signed sizeof static std string struct super switch template this throw throws true try type typedef "
        "typename union unsigned use using val var virtual void volatile while yield"
    ),
)

_PYTHON_LINE = re.compile(
    r"(?:(?:async )?def |class |if |elif |else|for |while |with |try|except)[^\n]*:\s*(?:#.*)?"
    r"|import \w|from [\w.]+ import|@\w"
)


def language_of(code: str) -> Language:
    """Tell the family of a text by how its lines begin and end: colons, or braces and semicolons."""
    lines = [line.strip() for line in code[:CHARACTERS_LOOKED_AT].splitlines()]
    like_c = sum(line.endswith((";", "{", "}")) or line.startswith(("//", "/*", "#include")) for line in lines)
    like_python = sum(2 * (_PYTHON_LINE.match(line) is not None) or line.startswith("#") for line in lines)
    return C_LIKE if like_c > like_python else PYTHON
