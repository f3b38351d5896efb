"""A tolerant lexer: text that is cut off, broken or of another version is read as far as it goes, in linear time.

No parser is asked, for a fragment has no tree. Words, numbers and signs within strings are tokens as they are outside,
for there stand queries, commands and formats; comments and documentation strings are passed over.
"""

from typing import NamedTuple

from infrastructure.code_reading.languages import Language, language_of
from infrastructure.data.labels.annotating import SIGN

QUOTE, FORMATTED = "<q>", "<fq>"
FINDING = SIGN  # in front of what scanners found, and not of the code
DEEPEST = 9
LINES = tuple(f"<line{depth}>" for depth in range(DEEPEST + 1))
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_TAB = 4


class Token(NamedTuple):
    """What stands in a text from `start` to `end`, in characters.

    The text of a sign that was made up for layout stands in angle brackets, which no token of a text does.
    """

    text: str
    start: int
    end: int
    in_string: bool = False


def lex(code: str, language: Language | None = None) -> list[Token]:
    """Give the tokens of a text in order; the language is told by the text where none is given.

    A new line gives `<line N>` with the depth of what follows, unless a bracket is open.
    """
    return _Lexer(code, language or language_of(code)).tokens()


class _Lexer:
    """One pass over a text. `_closing` is the quote that ends the string at hand, empty outside of strings."""

    def __init__(self, code: str, language: Language) -> None:
        self._code, self._language = code, language
        self._found: list[Token] = []
        self._open: list[str] = []  # brackets, and for a piece of code within a string the quote that goes on behind it
        self._indents = [0]
        self._num_blocks = 0
        self._begins_line, self._line_start = True, 0
        self._closing = ""
        self._has_fields = False
        self._is_dropped = False

    def tokens(self) -> list[Token]:
        """Read to the end."""
        match, at, size = self._language.token.match, 0, len(self._code)
        while at < size:
            found = match(self._code, at)
            assert found is not None, "some group matches anything"
            step = self._within_string if self._closing else self._outside
            at = step(str(found.lastgroup), found.group(), at)
        return self._found

    def _add(self, text: str, start: int, end: int, in_string: bool = False) -> None:
        if not self._is_dropped:
            self._found.append(Token(text, start, end, in_string))

    # Outside of strings

    def _outside(self, kind: str, text: str, start: int) -> int:
        end = start + len(text)
        if kind in ("space", "comment"):
            return end
        if kind == "newline":
            self._new_line(start, end)
            return end
        if kind == "quote":
            self._begin_string(text, start, end)
        elif kind == "sign":
            self._sign(text, start, end)
        else:
            if self._open and self._begins_line and text in self._language.never_inside:
                self._close_all(start)
            self._add(text, start, end)
        self._begins_line = False
        return end

    def _sign(self, text: str, start: int, end: int) -> None:
        if text in _OPENING:
            self._open.append(text)
            self._num_blocks += text == "{"
        elif text in _CLOSING and self._open and (text == "}" or self._open[-1] in _OPENING):
            opened = self._open.pop()
            self._num_blocks -= opened == "{"
            if opened not in _OPENING:  # the piece of code ends here, and its string goes on
                self._closing, self._has_fields = opened, True
        elif text == ";" and self._counts_lines():
            self._line(self._depth(), start, end)
            return
        self._add(text, start, end)

    def _new_line(self, start: int, end: int) -> None:
        self._begins_line, self._line_start = True, end
        if not self._counts_lines():
            return
        rest = self._language.token.match(self._code, end)
        blanks = rest.group() if rest is not None and rest.lastgroup == "space" else ""
        follows = self._code[end + len(blanks) : end + len(blanks) + 1]
        if follows in ("", "\n", "\r") or (follows == "#" and not self._language.has_blocks):
            return
        if not self._language.has_blocks:
            self._indent(_width(blanks))
        depth = self._depth() - (self._language.has_blocks and follows == "}")
        self._line(max(depth, 0), start, end)

    def _line(self, depth: int, start: int, end: int) -> None:
        if self._found and self._found[-1].text in LINES:
            before = self._found.pop()
            start = before.start
        self._add(LINES[min(depth, DEEPEST)], start, end)

    def _indent(self, width: int) -> None:
        while self._indents and self._indents[-1] > width:
            self._indents.pop()
        if not self._indents or self._indents[-1] < width:
            self._indents.append(width)

    def _depth(self) -> int:
        return self._num_blocks if self._language.has_blocks else len(self._indents) - 1

    def _counts_lines(self) -> bool:
        return not self._open or (self._language.has_blocks and self._open[-1] == "{")

    def _close_all(self, start: int) -> None:
        """Take all brackets that were left open for closed: a statement begins at `start`."""
        self._open.clear()
        self._num_blocks = 0
        self._indent(_width(self._code[self._line_start : start]))
        self._line(self._depth(), self._line_start - 1, self._line_start)

    # Strings

    def _begin_string(self, text: str, start: int, end: int) -> None:
        quote = text.lstrip("rRbBuUfFtT")
        prefix = text[: len(text) - len(quote)].lower()
        self._closing = quote
        self._has_fields = "f" in prefix or "t" in prefix or quote == "`"
        begins_line = not self._found or self._found[-1].text in LINES
        self._is_dropped = begins_line and len(quote) == 3 and not self._language.has_blocks
        self._add(FORMATTED if self._has_fields else QUOTE, start, end)

    def _end_string(self, start: int, end: int) -> int:
        self._add(QUOTE, start, end)
        self._closing, self._is_dropped = "", False
        return end

    def _within_string(self, kind: str, text: str, start: int) -> int:
        """Take a step within a string; what the pattern found may reach over its end."""
        code, closing = self._code, self._closing
        end = start + len(text)
        if code.startswith(closing, start):
            return self._end_string(start, start + len(closing))
        if code[start] == "\\":
            end = min(start + 2, len(code))
            self._add("\\", start, end, True)
            return end
        if kind == "newline":
            if len(closing) == 1 and closing != "`":  # left open: a string of one line ends with it
                self._closing, self._is_dropped = "", False
                self._new_line(start, end)
            return end
        if kind == "space":
            broken = text.find("\\")
            return end if broken < 0 else max(start + broken, start + 1)
        if self._has_fields and code.startswith(self._language.field, start):
            return self._field(start)
        if kind in ("quote", "comment"):  # of another kind, or a prefix that is the end of a word before the quote
            word = len(text) - len(text.lstrip("rRbBuUfFtT")) if kind == "quote" else 0
            end = start + max(word, 1)
        elif kind == "sign":
            end = start + 1
        self._add(code[start:end], start, end, True)
        return end

    def _field(self, start: int) -> int:
        opening = self._language.field
        if self._code.startswith(2 * opening, start):  # stands for the brace itself
            end = start + 2 * len(opening)
            self._add("{", start, end, True)
            return end
        self._open.append(self._closing)
        self._closing = ""
        end = start + len(opening)
        self._add("{", start, end)
        return end


def _width(blanks: str) -> int:
    return len(blanks.replace("\t", " " * _TAB))
