"""Python as it is found in rows and trees, parsed: whole files, methods, and pieces cut out of either."""

import ast
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Two lines in front of everything: nothing that the code itself says of its encoding stands in its first two lines
# then (PEP 263), and it is text already.
_AHEAD = ("", "")
_OPENS_ELSEWHERE = re.compile(r"(elif|else|except|finally)\b")
_HEADER_LINE = re.compile(r"^expected an indented block after .* on line (\d+)$")
_UNCLOSED = re.compile(r"was never closed$|^unterminated ")
_MOST_MENDS = 10


class UnreadableCode(Exception):
    """Code that this Python does not parse; the message is a sentence for people."""


@dataclass(frozen=True)
class ParsedCode:
    """A tree of code, and the text it is the tree of: `ahead` lines in front of the `count` that were given."""

    tree: ast.Module
    text: str
    ahead: int
    count: int


def parsed(code: str) -> ParsedCode:
    """Parse code, which may be a method with its indentation or lack its beginning or its end.

    Nothing is run. A beginning that is missing (what a lone `elif` belongs to, what an indented line stands in) is put
    in front; a block, a bracket or a string that the end of the code leaves open loses its last statement, or is given
    an empty block. Lines keep their order and number. Raises: UnreadableCode.
    """
    lines = _lines_of(code)
    failures: list[SyntaxError] = []
    try:
        for front, given in _beginnings(lines):
            try:
                return _parsed_to_the_end(front, given)
            except SyntaxError as error:
                failures.append(_counted_from(error, len(front)))
    except RecursionError:
        raise UnreadableCode("Its expressions or blocks are nested too deeply to be read.") from None
    except MemoryError:  # how the parser says that its own stack is full
        raise UnreadableCode("Its expressions or blocks are nested too deeply to be read.") from None
    raise UnreadableCode(_reason(failures[0])) from None


def _lines_of(code: str) -> list[str]:
    """Split code where Python ends its lines. Raises: UnreadableCode for null characters."""
    if "\0" in code:
        raise UnreadableCode("It has null characters, which no Python code has.")
    whole = code.removeprefix("\ufeff").encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is a "?"
    return re.split("\r\n|\r|\n", whole)


def _beginnings(lines: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Give what may stand in front of the lines, each time with the lines, the likeliest first."""
    yield list(_AHEAD), lines
    coded = [number for number, line in enumerate(lines) if _is_code(line)]
    if not coded:
        return
    first = lines[coded[0]]
    if _indentation(first) or _OPENS_ELSEWHERE.match(first):
        yield [*_AHEAD, *_openers([lines[number] for number in coded])], lines
    if _indentation(first):
        yield [*_AHEAD, "if 1:"], lines
    elif len(coded) > 1 and (indentation := _indentation(lines[coded[1]])):  # it lost its own: a decorated method
        indented = [*lines[: coded[0]], indentation + first, *lines[coded[0] + 1 :]]
        yield [*_AHEAD, "if 1:"], indented


def _openers(coded: list[str]) -> list[str]:
    """Open a block for each indentation below that of the first line to which later lines return.

    What returns as `else` or `except` says what kind of block it was.
    """
    width = _width(coded[0]) + 1
    openers: list[str] = []
    for line in coded:
        if _width(line) < width:
            width = _width(line)
            word = _OPENS_ELSEWHERE.match(line.lstrip())
            # An indented first line stands in a block; a first line that goes on with one is preceded by it.
            if word is not None:
                openers[:0] = _opened_before(_indentation(line), word[1], is_first=line is coded[0])
            elif line is not coded[0]:
                openers.insert(0, f"{_indentation(line)}if 1:")
    return openers if width == 0 else ["if 1:", *openers]


def _opened_before(indentation: str, word: str, is_first: bool) -> list[str]:
    opener = f"{indentation}{'try' if word in ('except', 'finally') else 'if 1'}:"
    return [f"{opener} pass"] if is_first else [opener]


def _parsed_to_the_end(front: list[str], given: Sequence[str]) -> ParsedCode:
    """Parse lines; where they end too early, mend their end. Raises: SyntaxError of the first attempt."""
    first: SyntaxError | None = None
    lines = list(given)
    for _ in range(_MOST_MENDS):
        text = "\n".join([*front, *lines, ""])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the code, such as of an invalid escape
                return ParsedCode(ast.parse(text), text, len(front), len(given))
        except SyntaxError as error:
            first = first or error
            mended = _mended(lines, _counted_from(error, len(front)), len(front))
            if mended is None or not any(map(_is_code, mended)):
                break
            lines = mended
    assert first is not None
    raise first


def _mended(lines: list[str], error: SyntaxError, ahead: int) -> list[str] | None:
    """Mend the end of the lines if it is there that they fail, None if it is not."""
    if error.lineno is None or not 1 <= error.lineno <= len(lines) + 1:
        return None
    last = max((number for number, line in enumerate(lines, start=1) if _is_code(line)), default=0)
    at_end = error.lineno >= last
    header = _HEADER_LINE.match(error.msg)
    if header is not None:
        number = int(header[1]) - ahead
        return [*lines, f"{_indentation(lines[number - 1])} pass"] if at_end and number >= 1 else None
    if error.msg == "expected 'except' or 'finally' block":
        return [*lines, f"{_open_try(lines)}finally: pass"] if at_end else None
    cut = min(error.lineno, last)
    is_early = error.lineno > last or (at_end and (error.offset or 0) > len(lines[cut - 1].rstrip()))
    if not is_early and not _UNCLOSED.search(error.msg.partition(" (")[0]):
        return None
    kept, lost = lines[: cut - 1], lines[cut - 1 :]
    # More than the last statement is missing where most would go: that is other code, and none cut off.
    return kept if sum(map(_is_code, kept)) >= sum(map(_is_code, lost)) else None


def _open_try(lines: list[str]) -> str:
    """Give the indentation of the innermost `try` that stands open behind the last line."""
    width = sys.maxsize
    for line in reversed([line for line in lines if _is_code(line)]):
        if _width(line) < width:
            width = _width(line)
            if re.match(r"try\s*:", line.lstrip()):
                return _indentation(line)
    return ""


def _reason(error: SyntaxError) -> str:
    where = f" (line {error.lineno})" if error.lineno else ""
    version = ".".join(map(str, sys.version_info[:2]))
    return f"Python {version} does not read it: {error.msg.rstrip('.')}{where}."


def _counted_from(error: SyntaxError, ahead: int) -> SyntaxError:
    """Give an error whose line is counted without what stands in front."""
    return SyntaxError(error.msg, (None, (error.lineno or 0) - ahead, error.offset, None))


def _is_code(line: str) -> bool:
    return bool(stripped := line.strip()) and not stripped.startswith("#")


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t\f"))]


def _width(line: str) -> int:
    """Measure an indentation as Python does: a tab goes to the next multiple of eight, a form feed begins anew."""
    return len(_indentation(line).rpartition("\f")[2].expandtabs(8))
