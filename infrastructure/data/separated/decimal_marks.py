"""Commas and points within numbers: which stands before the tenths and which between thousands."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow
import pyarrow.compute

from domain.exceptions import DatasetError

_BETWEEN = "[.' \u00a0\u202f\u2019]"  # thousands, where a comma stands before the tenths
_TAIL = r"([eE][+-]?\d+)?$"
_COMMA_TENTHS = rf"^[+-]?(\d{{1,3}}({_BETWEEN}\d{{3}})+|\d*),\d+{_TAIL}"
_POINT_GROUPS = r"^[+-]?\d{1,3}(\.\d{3})+$"
_COMMA_GROUPS = r"^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$"
_EITHER_COMMA = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_EITHER_POINT = r"^[+-]?[1-9]\d{0,2}\.\d{3}$"
_NUMBER_WITH_POINT = re.compile(r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass
class Marks:
    """What the cells of a column tell; `says_comma` counts for the whole file."""

    says_comma: bool = False  # a comma that cannot stand between thousands
    says_groups: bool = False  # a comma that can stand nowhere else
    says_point: bool = False  # a point that cannot stand between thousands
    says_point_groups: bool = False


def marks_of(cells: Iterable[str]) -> Marks:
    """Look at the cells of a column."""
    marks = Marks()
    for cell in cells:
        text = cell.strip()
        if "," in text:
            if _EITHER_COMMA.fullmatch(text):
                continue
            if re.match(_COMMA_GROUPS, text) and not text.lstrip("+-").startswith("0"):
                marks.says_groups = True
            elif re.match(_COMMA_TENTHS, text):
                marks.says_comma = True
                marks.says_point_groups = marks.says_point_groups or "." in text
        elif "." in text and _NUMBER_WITH_POINT.fullmatch(text) and not re.match(_EITHER_POINT, text):
            marks.says_point = True
        elif re.match(_POINT_GROUPS, text) and text.count(".") > 1:
            marks.says_point_groups = True
    return marks


@dataclass(frozen=True)
class DecimalMarks:
    """Writes numbers of a table with points. `mark` is what stands before the tenths, None where nothing is to be done.

    `pointed` are columns which have points before the tenths all the same, `grouped` those that have them between
    thousands; of others with points nobody knows, unless the mark `is_set`.
    """

    mark: str | None
    is_set: bool = False
    pointed: frozenset[str] = field(default=frozenset())
    grouped: frozenset[str] = field(default=frozenset())

    @classmethod
    def found(cls, rows: Sequence[Sequence[str]], set_to: str | None) -> "DecimalMarks":
        """Find the mark from the first rows, the header first, or none where there are none; what is set wins."""
        if set_to is not None:
            return cls(set_to, is_set=True)
        if not rows:
            return cls(None)
        whole = [row for row in rows[1:] if len(row) == len(rows[0])]
        if not any("," in cell for row in whole for cell in row):
            return cls(None)
        marks = {name: marks_of(cells) for name, cells in zip(rows[0], zip(*whole, strict=True), strict=True)}
        if not any(m.says_comma for m in marks.values()) or any(m.says_groups for m in marks.values()):
            return cls(None)
        pointed = frozenset(name for name, m in marks.items() if m.says_point and not m.says_comma)
        return cls(",", False, pointed, frozenset(name for name, m in marks.items() if m.says_point_groups))

    def written_with_points(self, column: str, cells: pyarrow.Array) -> pyarrow.Array:
        """Rewrite the numbers of a block of texts; other cells stay as they are. Raises: DatasetError."""
        if self.mark is None or column in self.pointed:
            return cells
        texts = pyarrow.compute.utf8_trim_whitespace(cells)
        if self.mark == ".":
            return _without(texts, _COMMA_GROUPS, ",", cells)
        if self.is_set or column in self.grouped:
            cells = _without(texts, _POINT_GROUPS, r"\.", cells)
        else:
            _refuse_either(column, texts)
        tenths = pyarrow.compute.match_substring_regex(texts, _COMMA_TENTHS)
        bare = pyarrow.compute.replace_substring_regex(texts, _BETWEEN, "")
        pointed = pyarrow.compute.replace_substring(bare, ",", ".")
        return pyarrow.compute.if_else(tenths, pointed, cells)


def _without(texts: pyarrow.Array, pattern: str, mark: str, cells: pyarrow.Array) -> pyarrow.Array:
    grouped = pyarrow.compute.match_substring_regex(texts, pattern)
    return pyarrow.compute.if_else(grouped, pyarrow.compute.replace_substring_regex(texts, mark, ""), cells)


def _refuse_either(column: str, texts: pyarrow.Array) -> None:
    either = texts.filter(pyarrow.compute.match_substring_regex(texts, _EITHER_POINT))
    if len(either):
        text = str(either[0].as_py())
        raise DatasetError(
            f"{column} is {text!r}, which may be {text.replace('.', '')} or {text}, for this table has decimal commas.",
            remedy=f"Say which: --set decimal=',' reads {text.replace('.', '')}, --set decimal='.' reads {text}.",
        )


def comma_fault(text: str) -> tuple[str, str] | None:
    """Say how a text with a comma may be a number, behind a sentence that it is none, and what to do."""
    bare, pointed = text.replace(",", ""), text.replace(",", ".")
    if _EITHER_COMMA.fullmatch(text):
        remedy = f"Say which: --set decimal='.' reads {bare}, --set decimal=',' reads {pointed}."
        return f", and may be {bare} or {pointed}", remedy
    if re.match(_COMMA_GROUPS, text):
        return "", f"Write it without marks between thousands, {bare}. Or read all so with --set decimal='.'."
    if re.match(r"^[+-]?\d*,\d+$", text):
        return "", f"Write a decimal point, {pointed}. Or read all so with --set decimal=','."
    return None
