"""Near-duplicates among functions: MinHash finds candidates, and what they share decides."""

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from infrastructure.harvest.packages import version_of

GRAM = 5
PERMUTATIONS = 128
# Candidates cost a comparison, and what is no candidate is never found: of texts that lie just at a threshold of 0.8
# these weights find 95 of a hundred, equal ones 40.
WEIGHTS = (0.05, 0.95)
MOST_OF_INDEX = 0.9  # above it the bands of an index are too few to find anything but copies
_LEFT_OUT = frozenset(
    (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)
)


class MinHashClones:
    """Remembers functions and finds those that are nearly one of them, by `datasketch`, a part of `security`."""

    @property
    def version(self) -> str:
        """Give the version of datasketch. Raises: ConfigurationError where it is missing."""
        return version_of("datasketch")

    def near(self, units: Iterable[Sequence[str]], threshold: float) -> Iterator[bool]:
        """Say of each unit whether its first text is nearly one of a unit before that was not.

        Texts are near where the Jaccard index of their sets of `GRAM` tokens is at least `threshold`. Names that a
        function binds are equal to each other, and so are numbers, strings, comments and layout.
        Source: Broder, On the resemblance and containment of documents, 1997.
        """
        from datasketch import MinHash, MinHashLSH

        empty = MinHash(num_perm=PERMUTATIONS)
        index = MinHashLSH(min(threshold, MOST_OF_INDEX), PERMUTATIONS, WEIGHTS)
        kept: list[str] = []
        for unit in units:
            signs = []
            for text in unit:
                signs.append(empty.copy())
                signs[-1].update_batch(list(_grams(text)))
            is_near = any(_jaccard(unit[0], kept[found]) >= threshold for found in sorted(index.query(signs[0])))
            yield is_near
            if not is_near:
                for text, sign in zip(unit, signs, strict=True):
                    index.insert(len(kept), sign)
                    kept.append(text)


def _jaccard(one: str, other: str) -> float:
    grams, others = _grams(one), _grams(other)
    return len(grams & others) / len(grams | others)


@lru_cache(maxsize=4096)
def _grams(code: str) -> frozenset[bytes]:
    """Give the runs of `GRAM` tokens; of a shorter text the whole."""
    words = list(_words(code))
    count = max(1, len(words) - GRAM + 1)
    return frozenset(" ".join(words[start : start + GRAM]).encode("utf-8", "replace") for start in range(count))


def _words(code: str) -> Iterator[str]:
    """Give the tokens of a function as far as a copy of it keeps them."""
    bound = _bound(code)
    before = ""
    for kind, text in _tokens(code):
        if kind == tokenize.NUMBER:
            yield "0"
        elif kind == tokenize.STRING:
            yield "''"
        else:
            yield "_" if text in bound and before != "." else text
        before = text


def _tokens(code: str) -> Iterator[tuple[int, str]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type not in _LEFT_OUT:
                yield token.type, token.string
    except (tokenize.TokenError, SyntaxError):
        return


def _bound(code: str) -> frozenset[str]:
    """Give the names that a function binds, its own among them: whoever copies it may choose others."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.alias(asname=str(name)):
                names.add(name)
    return frozenset(names)
