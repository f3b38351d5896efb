"""Turns labels into texts for pictures: wrapped where they are long, told apart where they look alike, never obeyed."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from domain.showing import harmless
from infrastructure.reports.canvas import DOTS_PER_INCH

if TYPE_CHECKING:
    from matplotlib.backends.backend_agg import RendererAgg

ELLIPSIS = "…"
_MOST_READ = 150  # letters from either end of a label; what is drawn is less
_BREAKS_BEHIND = frozenset(" _-/\\.,:;|+=&>")
# Letters that are no white space by their category, and yet nothing is seen of them.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# What commonly has the letters that the bundled font lacks; those installed are asked in this order.
_OTHER_FONTS = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic",
    "PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS", "Noto Sans Devanagari", "Nirmala UI",
    "Noto Sans Thai", "Noto Sans Symbols2", "Noto Emoji", "Segoe UI Symbol",
)  # fmt: skip


def on_one_line(label: str) -> str:
    """Give a label without line ends and with what a reader cannot see spelt out; "(empty)" where nothing is seen."""
    # What ends a line is a space; harmless() spells out zero-width letters and marks that turn the direction.
    long = len(label) > 2 * _MOST_READ
    line = harmless(" ".join((label[:_MOST_READ] + ELLIPSIS + label[-_MOST_READ:] if long else label).split()))
    line = "".join(letter.encode("unicode_escape").decode() if letter in _BLANK else letter for letter in line)
    return line or "(empty)"


def texts_of(
    labels: Sequence[str], room: float, points: float, most: int, behind: Sequence[str] | None = None
) -> list[str]:
    """Wrap each label into a room of so many pixels and at most so many lines; `behind` follows each, never cut.

    Labels that would look alike, or that no font here can show, have their place in the list before them, from 1.
    """
    ends = behind or [""] * len(labels)
    lines = [on_one_line(label) for label in labels]
    texts = [_wrapped_before(line, end, room, points, most) for line, end in zip(lines, ends, strict=True)]
    bare = [wrapped(line, room, points, most) for line in lines] if behind else texts
    times = Counter(bare)
    for number, (label, line, text) in enumerate(zip(labels, lines, bare, strict=True)):
        if times[text] > 1 or not _mostly_shown(label):
            texts[number] = _wrapped_before(f"#{number + 1} {line}", ends[number], room, points, most)
    return texts


def wrapped(line: str, room: float, points: float, most: int) -> str:
    """Break a line so that each part is at most `room` pixels wide, at most into `most` lines.

    It breaks behind spaces and marks such as `_` and `/`, within a word only where the word is wider than the room.
    Of a text that is longer still the middle is left out: labels often share their beginning.
    """
    lines = _broken(line, room, points)
    if len(lines) <= most:
        return "\n".join(_balanced(line, lines, room, points))
    head = lines[: most - 1]
    half = "" if head else line[: _fitting(line, room / 2, points)].rstrip()
    end = _end_of(line, room - width_of(half + ELLIPSIS, points), points)
    return "\n".join([*head, half + ELLIPSIS + end])


def _wrapped_before(line: str, end: str, room: float, points: float, most: int) -> str:
    """Wrap a line and put `end` behind it, on a line of its own where the last one is full."""
    if not end or len(_broken(line + end, room, points)) <= most:
        return wrapped(line + end, room, points, most)
    if most == 1:
        return wrapped(line, room - width_of(end, points), points, 1) + end
    return wrapped(line, room, points, most - 1) + "\n" + end.strip()


def is_whole(label: str, room: float, points: float, most: int) -> bool:
    """Tell whether `wrapped` shows all of a label and breaks no word."""
    line = on_one_line(label)
    return len(_broken(line, room, points)) <= most and all(
        _measured(word.rstrip(), points) <= room for word in _words(line)
    )


def width_of(text: str, points: float) -> float:
    """Measure the widest line of a text in pixels."""
    return max(_measured(line, points) for line in text.split("\n"))


def line_height(points: float) -> float:
    """Give the distance of two lines in pixels."""
    return 1.45 * points * DOTS_PER_INCH / 72


def label_look() -> dict[str, Any]:
    """Give what every text of a label is drawn with: a dollar sign is a dollar sign, and other fonts may help."""
    return {"parse_math": False, "fontfamily": list(_fonts()), "linespacing": 1.25}


def _broken(line: str, room: float, points: float) -> list[str]:
    lines = [""]
    for word in _words(line):
        if _measured((lines[-1] + word).rstrip(), points) <= room:
            lines[-1] += word
            continue
        if lines[-1]:
            lines.append("")
        while _measured(word.rstrip(), points) > room:
            count = _fitting(word, room, points)
            lines[-1:] = [word[:count], ""]
            word = word[count:]
        lines[-1] = word
    return [part.strip() for part in lines if part.strip()]


def _balanced(line: str, lines: list[str], room: float, points: float) -> list[str]:
    """Break a line anew into as many lines of nearly one width: a number alone below a long line looks lost."""
    least = max(_measured(word.rstrip(), points) for word in _words(line))
    if len(lines) == 1 or least > room:
        return lines
    low, high = max(least, _measured(line, points) / len(lines)), room
    for _ in range(5):
        middle = (low + high) / 2
        tried = _broken(line, middle, points)
        low, high, lines = (low, middle, tried) if len(tried) == len(lines) else (middle, high, lines)
    return lines


def _words(line: str) -> list[str]:
    """Cut behind each run of letters that a line may be broken at; the run stays with the word before it."""
    words = [""]
    for letter in line:
        ended = words[-1] and words[-1][-1] in _BREAKS_BEHIND and letter not in _BREAKS_BEHIND
        if ended:
            words.append("")
        words[-1] += letter
    return words


def _fitting(text: str, room: float, points: float) -> int:
    """Give how many letters from the left fit, one at least."""
    low, high = 1, max(len(text), 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _measured(text[:middle], points) <= room else (low, middle - 1)
    return low


def _end_of(text: str, room: float, points: float) -> str:
    count = _fitting(text[::-1], room, points)
    return text[-count:].lstrip()


def _measured(line: str, points: float) -> float:
    return sum(_advance(letter, points) for letter in line)


@cache
def _advance(letter: str, points: float) -> float:
    """Give the pixels that a letter takes, of the box where no font has it; hinting rounds them at every size anew."""
    from matplotlib.font_manager import FontProperties

    name = next((name for name in _fonts() if ord(letter) in _letters(name)), None)
    if name is None:
        return 1.2 * points * DOTS_PER_INCH / 72
    font = FontProperties(family=name, size=points)
    # Between two others: a space alone, or a mark above a letter, has no width that could be seen.
    alone, between = (_renderer().get_text_width_height_descent(text, font, ismath=False)[0]
                      for text in ("||", f"|{letter}|"))  # fmt: skip
    return max(float(between - alone), 0.0)


@cache
def _renderer() -> "RendererAgg":
    from matplotlib.backends.backend_agg import RendererAgg

    return RendererAgg(1, 1, DOTS_PER_INCH)


@cache
def _fonts() -> tuple[str, ...]:
    from matplotlib.font_manager import fontManager

    installed = set(fontManager.get_font_names())
    return ("DejaVu Sans", *(name for name in _OTHER_FONTS if name in installed))


def _mostly_shown(label: str) -> bool:
    """Tell whether the fonts have at least half of the letters of a label."""
    letters = [letter for letter in label[:_MOST_READ] if letter.isprintable() and not letter.isspace()]
    return 2 * sum(any(ord(letter) in _letters(name) for name in _fonts()) for letter in letters) >= len(letters)


@cache
def _letters(font: str) -> frozenset[int]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont(font)).get_charmap())
