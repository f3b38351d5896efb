"""A finding as a row carries it: an object with the fields of `Finding`, of which rule and first line are needed."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from domain.findings import CONFIDENCES, FINDING_SEVERITIES, Finding
from infrastructure.data.files.row import RowFault
from infrastructure.data.labels.cells import cwe_of, is_empty, parsed_cell
from infrastructure.data.sources.checking import shown_cell

MAX_FINDINGS = 10_000  # of one row
MAX_WORDS = 10_000  # characters of a title or a message
# A model reads it in a line with others: no blank, and nothing that marks a finding (annotating.py).
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/@+-]{0,99}")
_LINE_END = re.compile("\r\n|\r|\n")
# Bandit's own word for what it cannot rate.
_UNRATED = "undefined"


def findings_of(cell: Any, text: str, field: str, line: int) -> list[Mapping[str, Any]] | RowFault | None:
    """Give what scanners found in a text: a list of objects, or that as JSON; None where the cell says nothing.

    An empty list says that nothing was found.
    """
    if is_empty(cell):
        return None
    listed = parsed_cell(cell)
    if not isinstance(listed, list) or not all(isinstance(item, Mapping) for item in listed):
        return RowFault(line, f"{field} is {shown_cell(cell)}, not a list of objects", _FINDINGS_AS)
    if len(listed) > MAX_FINDINGS:
        said = f"{field} holds {len(listed):,} findings, but a row has at most {MAX_FINDINGS:,}"
        return RowFault(line, said, "Keep those that matter, or split the text.")
    num_lines = num_lines_of(text)
    for number, item in enumerate(listed):
        if isinstance(found := finding_of(item, num_lines), str):
            return RowFault(line, f"{field}[{number}] {found}", _FINDINGS_AS)
    return listed


def joined_fault(field: str, columns: Sequence[str], line: int) -> RowFault:
    """Refuse lines of a text that several columns make up."""
    said = f"{field} counts lines of one text, but the text is joined from {' and '.join(columns)}"
    return RowFault(line, said, "Name one column with text_field, or write the texts into one.")


_FINDINGS_AS = 'Write [{"rule": "B602", "first_line": 3}, ...] with lines of the text, or leave the cell empty.'


def num_lines_of(text: str) -> int:
    """Count the lines of a text as scanners do: a form feed and its like end none."""
    return len(_LINE_END.findall(text)) + 1


def finding_of(item: Mapping[str, Any], num_lines: int) -> Finding | str:
    """Give a finding in a text of so many lines, or say what is wrong with it.

    A last line that is not said is the first, a severity or confidence "medium", the tool "bandit".
    """
    given = {name: value for name, value in item.items() if value is not None}
    faults = (
        _fault_of_name("rule", given.get("rule"), "no rule"),
        _fault_of_line("first_line", given.get("first_line"), num_lines),
        _fault_of_line("last_line", given.get("last_line", given.get("first_line")), num_lines),
        _fault_of_name("tool", given.get("tool", "bandit"), "no tool"),
        _fault_of_level("severity", given.get("severity"), FINDING_SEVERITIES),
        _fault_of_level("confidence", given.get("confidence"), CONFIDENCES),
        _fault_of_words("title", given.get("title", "")),
        _fault_of_words("message", given.get("message", "")),
    )
    if fault := next(filter(None, faults), ""):
        return fault
    cwe = _cwe_of(given.get("cwe"))
    if isinstance(cwe, str):
        return cwe
    first, last = given["first_line"], given.get("last_line", given["first_line"])
    if last < first:
        return f"has the first line {first}, behind its last at {last}"
    return Finding(
        first_line=first,
        last_line=last,
        tool=given.get("tool", "bandit"),
        rule=given["rule"],
        title=given.get("title", ""),
        severity=_level(given.get("severity"), FINDING_SEVERITIES),
        confidence=_level(given.get("confidence"), CONFIDENCES),
        cwe=cwe,
        message=given.get("message", ""),
    )


def _fault_of_name(what: str, value: Any, missing: str) -> str:
    if value is None or value == "":
        return f"has {missing}"
    if isinstance(value, str) and _NAME.fullmatch(value):
        return ""
    return f"has the {what} {shown_cell(value)}, which is no name such as B602"


def _fault_of_line(what: str, value: Any, num_lines: int) -> str:
    if value is None:
        return f"has no {what}"
    if type(value) is not int:  # a truth value is an int, too
        return f"has the {what} {shown_cell(value)}, which is no whole number"
    if value < 1:
        return f"has the {what} {shown_cell(value)}, but lines count from 1"
    if value > num_lines:
        lines = "1 line" if num_lines == 1 else f"{num_lines:,} lines"
        return f"has the {what} {shown_cell(value)}, but the text has {lines}"
    return ""


def _fault_of_level(what: str, value: Any, levels: tuple[str, ...]) -> str:
    if value is None or (isinstance(value, str) and value.lower() in (*levels, _UNRATED)):
        return ""
    return f"has the {what} {shown_cell(value)}, which is none of {', '.join(levels)}"


def _fault_of_words(what: str, value: Any) -> str:
    if not isinstance(value, str):
        return f"has the {what} {shown_cell(value)}, which is no text"
    return f"has a {what} of {len(value):,} characters, the most are {MAX_WORDS:,}" if len(value) > MAX_WORDS else ""


def _level(value: str | None, levels: tuple[str, ...]) -> str:
    if value is None:
        return "medium"
    return value.lower() if value.lower() in levels else levels[0]


def _cwe_of(value: Any) -> int | str | None:
    number = cwe_of(value, "cwe", 0)
    if isinstance(number, RowFault):
        return f"has the cwe {shown_cell(value)}, which is not the number of a weakness"
    return number or None
