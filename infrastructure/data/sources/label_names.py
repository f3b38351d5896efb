"""Labels as people have them: cells of any type to names, the same from each format."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite, isnan
from typing import Any

import numpy as np

from domain.reading import MAX_LABELS, MAX_NAME_CHARACTERS
from domain.showing import counted
from infrastructure.data.files.opening import mended

# White space as `str.strip` knows it, and marks that nobody sees.
_BLANKS = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
_BLANKS += "\u200a\u2028\u2029\u202f\u205f\u3000\ufeff\u200b\u200c\u200d\u2060"
_BLANKS += "\xad\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069"
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_WHOLE = re.compile(r"-?(0|[1-9]\d*)")
_WHOLE_WITH_FRACTION = re.compile(r"(-?(?:0|[1-9]\d*))\.0+")
_TRUTH = ("true", "false")
_MOST_BITS = 3 * MAX_NAME_CHARACTERS  # of a whole number whose digits make a name
_TRUTH_NUMBERS = {"true": "1", "false": "0", "+1": "1"}
_QUOTES = dict.fromkeys(map(ord, "'\"\u2018\u2019\u201c\u201d\xad\u200b")) | {0x2212: "-"}
_NOTHING = {"nan", "nat", "<na>", "null", "#n/a", "#ref!", "#value!", "#name?", "#div/0!", "#null!", "#num!"}
MAX_EXAMPLES = 3
MOST_SPELLINGS = 4 * MAX_LABELS


def name_of(cell: Any) -> str | None:
    """Give the name that a cell means: "" for none, None for a value that cannot be one.

    Texts lose white space at their ends and take the Unicode form NFC; numbers and truth values become "1" and "True",
    a whole number with a fraction too.
    """
    if isinstance(cell, str):
        return cell.strip() if cell.isascii() else unicodedata.normalize("NFC", mended(cell)).strip(_BLANKS)
    if cell is None or (isinstance(cell, float | Decimal) and isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return str(bool(cell))
    if isinstance(cell, int):
        return str(cell) if cell.bit_length() <= _MOST_BITS else None
    if isinstance(cell, float | Decimal):
        whole = isfinite(cell) and cell == int(cell)
        return (str(int(cell)) if int(cell).bit_length() <= _MOST_BITS else None) if whole else str(cell)
    return None


def matches(names: Iterable[str], known: Sequence[str]) -> dict[str, str | None]:
    """Give the known label that each name means, however it was written down; None where there is none or several."""
    forms: dict[str, str | None] = {}
    for label in known:
        form = _form(label)
        forms[form] = None if form in forms else label
    exact = set(known)
    return {name: name if name in exact else forms.get(_form(name)) for name in names}


def _form(name: str) -> str:
    if name.lower() in _TRUTH:
        return name.lower()
    whole = _WHOLE_WITH_FRACTION.fullmatch(name)
    return whole[1] if whole else name


@dataclass(frozen=True)
class NamedLabels:
    """What the labels of a file are called.

    `names` stand in the order of the model's outputs, `numbers` [cells] give that number for each different cell.
    `fault` says, with its line, why the column holds no labels.
    """

    names: tuple[str, ...]
    numbers: np.ndarray
    words: tuple[str, ...] = ()
    fault: tuple[int, str, str] | None = None


class LabelColumn:
    """Numbers the different cells of a column as they come; what they are called is told once all have come.

    `known` gives the number of a text that was met before. Names of a `closed` set keep its order.
    """

    def __init__(self, file: str, field: str, closed: Sequence[str] = ()) -> None:
        self._file, self._field, self._closed = file, field, tuple(closed)
        self.known: dict[str, int] = {}
        self._others: dict[tuple[type, Any], int] = {}  # by type too: True is 1 to a dict
        self._cells: list[Any] = []
        self._lines: list[int] = []
        self._names: list[str] = []
        self.distinct: set[str] = set(closed)

    def met(self, cell: Any) -> int | None:
        """Give the number of a cell that is no text, None for one that is met first."""
        return self._others.get((type(cell), cell)) if isinstance(cell, int | float | Decimal) else None

    def add(self, cell: Any, name: str, line: int) -> int:
        """Give a number to a cell that is met first; `name` is what it is called by itself."""
        number = len(self._cells)
        if isinstance(cell, str) and len(cell) <= MAX_NAME_CHARACTERS and number < MOST_SPELLINGS:
            self.known[cell] = number
        else:
            # One spelling stands for all that are too long, or too many, to be kept.
            cell = f"{name} " if isinstance(cell, str) else cell
            number = self._others.setdefault((type(cell), cell), number)
        if number == len(self._cells):
            self._cells.append(cell)
            self._lines.append(line)
            self._names.append(name)
            self.distinct.add(name)
        return number

    def measured(self) -> tuple[int, str, str] | None:
        """Say why measured values are no labels, with the line of the first; None where there are none."""
        all_numbers = not self._closed and all(map(_NUMBER.fullmatch, self._names))
        for cell, line, name in zip(self._cells, self._lines, self._names, strict=True):
            if (all_numbers or not isinstance(cell, str)) and _is_measured(name):
                return (
                    line,
                    f"{self._field} is {name}, a measured value and no label",
                    "Athanor has no regression task: name classes, such as low and high, or use"
                    " --task quantile_forecasting for a table with a clock.",
                )
        return None

    def named(self, labels: np.ndarray) -> NamedLabels:
        """Give the names of all cells; `labels` [N] are the numbers that were given to the rows."""
        counts = np.bincount(labels, minlength=len(self._cells)) if len(labels) else np.zeros(len(self._cells), int)
        if fault := self.measured():
            return NamedLabels((), np.zeros(len(self._cells), np.int32), fault=fault)
        names = self._names if self._closed else _as_elsewhere(self._names)
        order = self._closed or _in_order(names)
        number_of = {name: number for number, name in enumerate(order)}
        numbers = np.array([number_of[name] for name in names], dtype=np.int32)
        return NamedLabels(order, numbers, tuple(self._words(names, counts)))

    def _words(self, names: Sequence[str], counts: np.ndarray) -> Iterator[str]:
        for kind, said in _CHANGES.items():
            rows, spellings, examples = 0, 0, []
            for cell, plain, name, count in zip(self._cells, self._names, names, counts.tolist(), strict=True):
                if _change(cell, plain, name) == kind:
                    rows, spellings = rows + count, spellings + 1
                    examples.append(f"{ascii(cell) if kind == 'spelt' else cell} as {name!r}")
                    del examples[MAX_EXAMPLES:]
            if rows:
                yield f"{self._file}: {counted(rows, 'label')} {said} {', '.join(examples)}{_more(spellings)}."
        yield from _mean_nothing(self._file, names, counts)
        yield from _differ_in_case(self._file, names, counts)


_CHANGES = {
    "spelt": "had white space at the ends or another Unicode form, read without:",
    "truth": "meant a truth value, called as in every format:",
    "fraction": "had the form of a whole number with a fraction, read without:",
}


def _change(cell: Any, plain: str, name: str) -> str:
    """Say what made a name of a cell; `plain` is what it is called by itself."""
    if isinstance(cell, float | Decimal) or (plain != name and _WHOLE_WITH_FRACTION.fullmatch(plain)):
        return "fraction"
    if not isinstance(cell, str):
        return ""
    return "spelt" if cell != plain else "truth" if plain != name else ""


def _as_elsewhere(names: Sequence[str]) -> list[str]:
    """Call labels that are all truth values, or all whole numbers, as a typed format would."""
    if all(name.lower() in _TRUTH for name in names):
        return [name.capitalize() for name in names]
    if all(_WHOLE.fullmatch(name) or _WHOLE_WITH_FRACTION.fullmatch(name) for name in names):
        return ["0" if _form(name) == "-0" else _form(name) for name in names]
    return list(names)


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    distinct = set(names)
    return tuple(sorted(distinct, key=int) if all(map(_WHOLE.fullmatch, distinct)) else sorted(distinct))


def _is_measured(name: str) -> bool:
    if not _NUMBER.fullmatch(name):
        return name in ("inf", "-inf", "Infinity", "-Infinity")
    return not _WHOLE.fullmatch(name) and float(name) % 1 != 0


def _mean_nothing(file: str, names: Sequence[str], counts: np.ndarray) -> Iterator[str]:
    for name in sorted({name for name in names if name.casefold() in _NOTHING}):
        rows = sum(count for other, count in zip(names, counts.tolist(), strict=True) if other == name)
        yield f"{file}: {name!r} is the label of {counted(rows, 'row')}, and may mean that the label is missing."


def _differ_in_case(file: str, names: Sequence[str], counts: np.ndarray) -> Iterable[str]:
    rows: dict[str, int] = {}
    for name, count in zip(names, counts.tolist(), strict=True):
        rows[name] = rows.get(name, 0) + count
    alike: dict[str, list[str]] = {}
    for name in rows:
        alike.setdefault(_looks(name), []).append(name)
    several = [group for group in alike.values() if len(group) > 1]
    if several:
        shown = [
            " and ".join(f"{name!r} ({counted(rows[name], 'row')})" for name in sorted(group))
            for group in several[:MAX_EXAMPLES]
        ]
        alone = (
            "case"
            if all(len({name.casefold() for name in group}) == 1 for group in several)
            else "case, blanks or signs"
        )
        yield f"{file}: labels differ in {alone} alone and are kept apart: {'; '.join(shown)}{_more(len(several))}."


def _looks(name: str) -> str:
    """Give what is equal for names that differ in case, width or blanks, or that mean one truth value."""
    looks = " ".join(unicodedata.normalize("NFKC", name).translate(_QUOTES).split()).casefold()
    return _TRUTH_NUMBERS.get(looks, looks)


def _more(count: int) -> str:
    return f" and {count - MAX_EXAMPLES:,} more" if count > MAX_EXAMPLES else ""
