"""How text and values of others are shown: nothing moves a cursor or turns a line, and nothing fills the screen."""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from domain.strict_json import strict_json

TAB = "    "
LONGEST_VALUE = 80
MAX_ITEMS = 6
MAX_DEPTH = 3
# Controls, marks of direction and format, lone surrogates, separators of lines and paragraphs: a terminal obeys them.
COMMANDING = ("Cc", "Cf", "Cs", "Zl", "Zp")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


def harmless(line: str) -> str:
    """Spell out what would move a cursor, ring a bell, begin a line or turn the direction of a terminal's text."""
    if line.isprintable():
        return line
    return "".join(_spelt(letter) if unicodedata.category(letter) in COMMANDING else letter for letter in line)


def _spelt(letter: str) -> str:
    return TAB if letter == "\t" else letter.encode("unicode_escape").decode("ascii")


def json_text(value: Any, indent: int | None = None) -> str:
    r"""Write JSON in which letters stay readable and all that a terminal obeys is a `\u` escape.

    NaN and infinities become null, so that every parser reads it.
    """
    text = strict_json(value, indent=indent, ensure_ascii=False)
    # A line end is no part of a text here, which the writer has escaped; only `indent` writes one.
    return "\n".join(line if line.isprintable() else _UNPRINTABLE.sub(_json_escape, line) for line in text.split("\n"))


def _json_escape(found: re.Match[str]) -> str:
    letter = found.group()
    return u_escape(letter) if unicodedata.category(letter) in COMMANDING else letter


def u_escape(letters: str) -> str:
    r"""Write letters as JSON escapes: `\u00e9`, or two of them for one beyond the first 65,536."""
    units = letters.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def counted(number: int, noun: str) -> str:
    """Give a number and what it counts: 1 row, 2,000 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shown(value: Any) -> str:
    """Give a value as it stands in a sentence: like `repr`, but cut, and never more work than what is shown.

    A few hundred bytes of YAML with aliases stand for billions of items: nothing may walk them all.
    """
    text = _shown(value, MAX_DEPTH)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 4]} ..."


def _shown(value: Any, depth: int) -> str:
    if isinstance(value, str | bytes):
        return repr(value) if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]!r}..."
    if isinstance(value, int) and not isinstance(value, bool):
        return _shown_number(value)
    if isinstance(value, Mapping):
        pairs = (f"{_shown(name, 0)}: {_shown(item, depth - 1)}" for name, item in value.items())
        return _listed("{", pairs, len(value), "}", depth)
    if isinstance(value, list | tuple | set | frozenset):
        opening, closing = ("[", "]") if isinstance(value, list) else ("(", ")")
        return _listed(opening, (_shown(item, depth - 1) for item in value), len(value), closing, depth)
    return repr(value)


def _shown_number(value: int) -> str:
    """Write a whole number; Python refuses to write one of some thousand digits."""
    bits = value.bit_length()
    return repr(value) if bits <= 256 else f"a number of about {int(bits * math.log10(2)) + 1:,} digits"


def _listed(opening: str, items: Iterable[str], number: int, closing: str, depth: int) -> str:
    if depth <= 0 and number:
        return f"{opening}...{closing}"
    rest = ", ..." if number > MAX_ITEMS else ""
    return f"{opening}{', '.join(islice(items, MAX_ITEMS))}{rest}{closing}"


def duration(seconds: float) -> str:
    """Write how long something takes as a person says it: 40 s, 12 min, 3 h 20 min, 2 d 5 h."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
