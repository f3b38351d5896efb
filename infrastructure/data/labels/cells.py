"""Cells of what a row may carry beside its text and its label, as people write them: what each means, or its fault."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from domain.marks import MAX_MARK_NAME_CHARACTERS, MAX_MARKS, Mark
from infrastructure.data.files.opening import is_unicode, mended
from infrastructure.data.files.row import RowFault
from infrastructure.data.sources.checking import shown_cell
from infrastructure.data.sources.label_names import name_of

MAX_CWE = 99_999
# What the National Vulnerability Database writes where it names no weakness, and what others do.
_NO_CWE = re.compile(r"(nvd-cwe-.*|(cwe-?)?(other|noinfo|unknown|none|unassigned)|n/?a|-|nan|null)", re.IGNORECASE)
_CWE = re.compile(r"(?:cwe[-_ :]*)?0*(\d{1,6})\b(?!\.\d).*", re.IGNORECASE | re.DOTALL)
_KEYS_OF_A_MARK = (("start", "end", "name"), ("start", "end", "label"))


def is_empty(cell: Any) -> bool:
    """Tell whether a cell says nothing."""
    return cell is None or (isinstance(cell, str | float) and name_of(cell) in ("", None))


def marks_of(cell: Any, text: str, field: str, line: int) -> list[Mark] | RowFault | None:
    """Give the marks of a text: `[start, end, name]` each, or an object with these keys, or all of that as JSON.

    None where the cell says nothing; an empty list says that nothing of the text is marked. They are given for the text
    as it is kept, with halves of surrogate pairs mended.
    """
    if is_empty(cell):
        return None
    listed = parsed_cell(cell)
    if not isinstance(listed, list):
        return RowFault(line, f"{field} is {shown_cell(cell)}, not a list of marks", _OTHER_MARKS)
    if len(listed) > MAX_MARKS:
        said = f"{field} holds {len(listed):,} marks, but a row has at most {MAX_MARKS:,}"
        return RowFault(line, said, "Keep the marks that matter, or split the text.")
    marks: list[Mark] = []
    for number, item in enumerate(listed):
        mark = _mark_of(item, len(text))
        if isinstance(mark, str):
            return RowFault(line, f"{field}[{number}] {mark}", _MARKS_AS)
        marks.append(mark)
    return marks if is_unicode(text) else [_in_mended(mark, text) for mark in marks]


_OTHER_MARKS = (
    "Write [[start, end, name], ...], in characters of the text, or --set mark_weight=0 where the column means"
    " something else."
)
_MARKS_AS = "Write [[start, end, name], ...], in characters of the text and without the end, or leave the cell empty."


def _mark_of(item: Any, length: int) -> Mark | str:
    """Give a mark of a text with `length` characters, or say what is wrong with it."""
    if isinstance(item, Mapping):
        keys = next((keys for keys in _KEYS_OF_A_MARK if all(key in item for key in keys)), None)
        if keys is None:
            return "is an object without start, end and name"
        item = [item[key] for key in keys]
    if not isinstance(item, list | tuple) or len(item) != 3:
        return f"is {shown_cell(item)}, not [start, end, name]"
    start, end, called = item
    for what, place in (("start", start), ("end", end)):
        if type(place) is not int:  # a truth value is an int, too
            return f"has the {what} {shown_cell(place)}, which is no whole number"
    if start < 0:
        return f"has the start {_few_digits(start)}, but the first character is 0"
    if end < start:
        return f"starts at {_few_digits(start)}, behind its end at {_few_digits(end)}"
    if end > length:
        return f"ends at {_few_digits(end)}, but the text has {length:,} characters"
    name = name_of(called) if isinstance(called, str) else None
    if not name:
        return f"has the name {shown_cell(called)}, which is none"
    if len(name) > MAX_MARK_NAME_CHARACTERS:
        return f"has a name of {len(name):,} characters, but a name has at most {MAX_MARK_NAME_CHARACTERS}"
    return Mark(start, end, name)


def _few_digits(number: int) -> str:
    return f"{number:,}" if number.bit_length() < 64 else "a number of very many digits"


def _in_mended(mark: Mark, text: str) -> Mark:
    """Move a mark to where its characters stand in the mended text, where two halves may have become one."""
    return mark._replace(start=len(mended(text[: mark.start])), end=len(mended(text[: mark.end])))


def cwe_of(cell: Any, field: str, line: int) -> int | RowFault:
    """Give the number of a kind of weakness: 78 for 78, "78", "CWE-78" and "cwe-078: ..."; 0 where it is unknown.

    Of several the first counts.
    """
    listed = parsed_cell(cell) if isinstance(cell, str) and cell.lstrip().startswith("[") else cell
    if isinstance(listed, list | tuple):
        return cwe_of(listed[0], field, line) if listed and not isinstance(listed[0], list) else 0
    if is_empty(listed):
        return 0
    name = None if isinstance(listed, bool) else name_of(listed)
    found = None if name is None else _CWE.fullmatch(name)
    if found is not None and int(found[1]) <= MAX_CWE:
        return int(found[1])
    if name is not None and _NO_CWE.fullmatch(name):
        return 0
    return RowFault(line, f"{field} is {shown_cell(cell)}, not the number of a weakness", "Write CWE-78, or nothing.")


def parsed_cell(cell: Any) -> Any:
    """Give what a cell holds, and None for JSON that is none."""
    if isinstance(cell, str):
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return None
    return list(cell) if isinstance(cell, Sequence) else cell
