"""Which names a text binds, and from which values: read off its tokens line by line, without a parser."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from infrastructure.code_reading.calls import Function, Line, links_of
from infrastructure.code_reading.languages import Language
from infrastructure.code_reading.lexing import FINDING, FORMATTED, LINES, QUOTE, Token

# Tokens that a value within brackets, parameters of a lambda or targets of a loop have at most: what nests in itself a
# thousand times must not be walked a thousand times.
FARTHEST = 64
# What a token is in its line: a name that a value goes into, or a part of that value.
NEITHER, TARGET, VALUE = 0, 1, 2
NUM_ROLES = 3
RULE = re.compile(r"[A-Z]+\d+")
ASSIGNING = frozenset(("=", ":=", "+=", "-=", "*=", "/=", "//=", "%=", "&=", "|=", "^=", ">>=", "<<=", "**=", "??="))
_ACCESS = frozenset((".", "->", "::", "?."))
_OWN = frozenset(("self", "this", "cls"))
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_LAYOUT = frozenset((*LINES, QUOTE, FORMATTED))
_FUNCTIONS = frozenset(("def", "lambda", "function", "func", "fn", "fun"))
_BRANCHES = frozenset(("if", "for", "foreach", "while", "switch", "catch", "return", "else", "do", "with", "elif"))


@dataclass(frozen=True)
class Bindings:
    """What the tokens [L] of a text are: `roles` [L] int8, `links` [L, 2] int32 by calls within the text.

    `names` are those that the text itself binds, `attributes` what it assigns to objects of its own.
    """

    roles: np.ndarray
    links: np.ndarray
    names: frozenset[str]
    attributes: frozenset[str]


def bindings_of(tokens: Sequence[Token], language: Language) -> Bindings:
    """Find targets and values. A guess: code that binds in other ways is read as if it did not."""
    finder = _Finder(tokens, language)
    lines = [line for line in map(finder.trimmed, lines_of(tokens)) if line.end > line.start]
    for line in lines:
        finder.look_at(line.start, line.end)
    links = links_of(finder.texts, lines, finder.functions)
    roles = np.array(finder.roles, dtype=np.int8)
    return Bindings(roles, links, frozenset(finder.names), frozenset(finder.attributes))


def lines_of(tokens: Sequence[Token]) -> Iterator[Line]:
    """Give the logical lines of a text, the signs of new lines left out."""
    breaks = [-1, *(place for place, token in enumerate(tokens) if token.text in LINES), len(tokens)]
    for before, place in pairwise(breaks):
        yield Line(before + 1, place, 0 if before < 0 else int(tokens[before].text[5:-1]))


class _Finder:
    """Looks at one line after the other. In a line `depths` are the open brackets in front of each token."""

    def __init__(self, tokens: Sequence[Token], language: Language) -> None:
        self.roles = [NEITHER] * len(tokens)
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.functions: dict[int, Function] = {}
        self.texts = self._texts = ["" if token.in_string else token.text for token in tokens]
        self._pass_over_rules()
        self._language = language
        self._depths: list[int] = [0] * len(tokens)

    def _pass_over_rules(self) -> None:
        """Leave out what stands at a line of scanners: `§ B602 B608 x = y` binds x alone."""
        texts, is_within = self._texts, False
        for place, text in enumerate(texts):
            is_within = text == FINDING or (is_within and RULE.fullmatch(text) is not None)
            if is_within:
                texts[place] = ""

    def trimmed(self, line: Line) -> Line:
        """Begin a line behind what is none of its code."""
        start = line.start
        while start < line.end and not self._texts[start]:
            start += 1
        return Line(start, line.end, line.depth)

    def look_at(self, start: int, end: int) -> None:
        """Mark one line."""
        texts, depth = self._texts, 0
        signs: set[str] = set()
        for place in range(start, end):
            text = texts[place]
            depth -= text in _CLOSING
            depth = max(depth, 0)
            self._depths[place] = depth
            depth += text in _OPENING
            signs.add(text)
        if signs & _FUNCTIONS or (self._language.has_blocks and texts[end - 1] == "{"):
            self._signature(start, end)
        if "class" in signs:
            self._follow(start, end, "class")
        if "for" in signs or "foreach" in signs:
            self._loops(start, end)
        if "as" in signs and not signs & {"import", "use", "foreach"}:
            self._renamed(start, end)
        elif "as" in signs and not self._language.has_blocks:
            self._follow(start, end, "as")
        if signs & ASSIGNING:
            self._assigned(start, end)
        elif self._language.has_blocks:
            self._declared(start, end)
        self._mutated(start, end)

    # What binds

    def _assigned(self, start: int, end: int) -> None:
        """Take `x = value`, `a, b = value`, `x: T = value`, `d[k] = value`, `const x = value`; and `(x := value)`."""
        texts, depths = self._texts, self._depths
        last = start - 1
        for place in range(start, end):
            if texts[place] in ASSIGNING and depths[place] == 0:
                last = place
            elif texts[place] == ":=" and place > start and self._is_name(place - 1):
                self._bind(place - 1)
                self._take(place + 1, self._end_of(place, end))
        if last < start:
            return
        first = self._behind_head(start, last)
        if self._language.has_blocks:
            self._last_of_runs(first, last)
        else:
            colon = next((place for place in range(first, last) if texts[place] == ":" and depths[place] == 0), last)
            for place in range(first, colon):
                if depths[place] == 0 and self._is_name(place):
                    self._bind(place)
        self._own_attributes(first, last)
        self._take(last + 1, end)

    def _own_attributes(self, start: int, end: int) -> None:
        """Take `self.x = value`: the word is one of this text, wherever it stands behind a dot."""
        for place in range(start + 2, end):
            if self._texts[place - 2] in _OWN and self._texts[place - 1] in _ACCESS and _is_word(self._texts[place]):
                self.attributes.add(self._texts[place])
                self.roles[place] = TARGET

    def _behind_head(self, start: int, end: int) -> int:
        """Pass over `if x:` and its like, and over `for (` of a block, in front of a statement of the same line."""
        if self._texts[start] not in _BRANCHES:
            return start
        heads = (p for p in range(start, end) if self._depths[p] == 0 and self._texts[p] in (":", ")", "{"))
        return max(heads, default=start - 1) + 1

    def _last_of_runs(self, start: int, end: int) -> None:
        """Bind the last word before each comma and before the end: `unsigned long n`, `char *p`, `let x`, `a, b`."""
        held = -1
        for place in range(start, end):
            text = self._texts[place]
            if self._depths[place] == 0 and self._is_name(place):
                held = place
            elif text in (",", ":") and held >= 0 and self._depths[place] == 0:
                self._bind(held)
                if text == ":":  # a type follows
                    return
                held = -1
            elif self._texts[start] in ("let", "const", "var") and self._is_name(place):  # taken apart: const {a, b}
                self._bind(place)
        if held >= 0:
            self._bind(held)

    def _declared(self, start: int, end: int) -> None:
        """Take `char name[64];` and `let x;`: two words side by side and nothing but an array behind them."""
        texts = self._texts
        if end - start < 2 or texts[start] in _BRANCHES or texts[start] in ("import", "package", "using", "return"):
            return
        words = [place for place in range(start, end) if self._depths[place] == 0 and _is_word(texts[place])]
        if len(words) >= 2 and self._is_name(words[-1]) and "(" not in texts[start:end] and texts[end - 1] != "{":
            self._bind(words[-1])

    def _signature(self, start: int, end: int) -> None:
        """Bind a function's name and its parameters."""
        texts = self._texts
        head = next((p for p in range(start, end) if texts[p] in _FUNCTIONS), -1)
        if head < 0:
            if texts[start] in _BRANCHES or texts[start] == "}":
                return
            head = start
        if texts[head] == "lambda":
            for place in range(head, end):
                if texts[place] == "lambda":
                    self._lambda(place + 1, end)
            return
        opened = next((p for p in range(head, end) if texts[p] == "("), end)
        if opened == end or not self._is_name(opened - 1):
            return
        self._bind(opened - 1)
        self.functions[start] = Function(opened - 1)
        self.functions[start].parameters += self._parameters(
            opened + 1, end, named_last=self._language.has_blocks and texts[head] not in _FUNCTIONS
        )

    def _parameters(self, start: int, end: int, named_last: bool) -> Iterator[int]:
        """Bind the names of parameters and give their places, in order."""
        if start >= end:
            return
        inside, held, is_first = self._depths[start], -1, True
        for place in range(start, end):
            text, depth = self._texts[place], self._depths[place]
            if depth < inside:
                break
            if depth > inside:
                continue
            if text in (",", "="):
                yield from self._close(held)
                held, is_first = -1, text == ","
            elif self._is_name(place) and (is_first or named_last):
                held, is_first = place, False
        yield from self._close(held)

    def _lambda(self, start: int, end: int) -> None:
        for place in range(start, min(end, start + FARTHEST)):
            if self._texts[place] in (":", "lambda"):
                return
            if self._is_name(place) and self._texts[place - 1] in ("lambda", ",", "*", "**"):
                self._bind(place)

    def _close(self, held: int) -> Iterator[int]:
        if held >= 0:
            self._bind(held)
            yield held

    def _loops(self, start: int, end: int) -> None:
        """Take `for x, y in values`, also within brackets, `for (T x : values)` and `foreach ($values as $x)`."""
        texts = self._texts
        for head in range(start, end):
            if texts[head] not in ("for", "foreach"):
                continue
            near = min(end, head + FARTHEST)
            middle = next((p for p in range(head, near) if texts[p] in ("in", "of", ":", "as")), -1)
            if middle < 0 or ";" in texts[head:middle]:
                continue
            before, behind = (head + 1, middle), (middle + 1, self._end_of(middle, end))
            targets, value = (behind, before) if texts[middle] == "as" else (before, behind)
            names = [p for p in range(*targets) if self._is_name(p)]
            for place in names[-1:] if texts[middle] == ":" else names:
                self._bind(place)
            self._take(*value)

    def _renamed(self, start: int, end: int) -> None:
        """Take `with value as x` and `except E as x`."""
        texts, begin = self._texts, start + 1
        for place in range(start, end - 1):
            if texts[place] == "as" and self._is_name(place + 1):
                self._bind(place + 1)
                self._take(begin, place)
                begin = place + 2
            elif texts[place] == "," and self._depths[place] <= 1:
                begin = place + 1

    def _mutated(self, start: int, end: int) -> None:
        """Take `x.append(value)` as a line of its own: what is handed to an object may come out of it again."""
        texts = self._texts
        if end - start > 4 and self._is_name(start) and texts[start + 1] in _ACCESS and texts[end - 1] == ")":
            opened = next((p for p in range(start, end) if texts[p] == "("), end)
            if opened == start + 3 and self._depths[end - 1] == 0:
                self.roles[start] = TARGET
                self._take(opened + 1, end - 1)

    def _follow(self, start: int, end: int, word: str) -> None:
        for place in range(start, end - 1):
            if self._texts[place] == word and self._is_name(place + 1):
                self._bind(place + 1)

    # Marking

    def _is_name(self, place: int) -> bool:
        text = self._texts[place]
        if not _is_word(text) or text in self._language.keywords or text in _LAYOUT:
            return False
        return place == 0 or self._texts[place - 1] not in _ACCESS

    def _bind(self, place: int) -> None:
        self.names.add(self._texts[place])
        self.roles[place] = TARGET

    def _take(self, start: int, end: int) -> None:
        for place in range(start, end):
            if self.roles[place] == NEITHER:
                self.roles[place] = VALUE

    def _end_of(self, start: int, end: int) -> int:
        """Give where a value within brackets ends: with them, or before `if` or `for` of a comprehension."""
        depth, end = self._depths[start], min(end, start + FARTHEST)
        for place in range(start + 1, end):
            if self._depths[place] < depth or (self._depths[place] == depth and self._texts[place] in ("if", "for")):
                return place
        return end


def _is_word(text: str) -> bool:
    return bool(text) and (text[0].isalpha() or text[0] == "_")
