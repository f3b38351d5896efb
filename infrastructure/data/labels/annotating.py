"""Code with what scanners found in it, as a model reads it.

A line for each finding stands in front, worst first, so that a text that is cut keeps them:

    § bandit B602 high high CWE-78 line 5

These are tool, rule, severity, confidence, weakness and first line. Where the code has that line, `§ B602 ` stands
before its first character. Code cannot write either: its own section signs are read as question marks.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from domain.findings import CONFIDENCES, FINDING_SEVERITIES, Finding

# Rare in code, known to the usual tokenizers, and no other character is normalised to it.
SIGN = "§"
STAND_IN = "?"
MAX_HEADERS = 12  # of about 14 tokens each; more would leave little room for the code
FORMAT = 1  # of the text: part of the name under which it is kept
_LINE = re.compile(r"(?:\A|\r\n|\r(?!\n)|\n)([ \t\f]*)")


@dataclass(frozen=True)
class Annotated:
    """The text, and where in it the characters of the code stand, behind a header of `num_headers` lines."""

    text: str
    num_headers: int
    _places: tuple[int, ...]
    _moved: tuple[int, ...]

    def offset_of(self, position: int) -> int:
        """Give the place of the character that is at `position` in the code; of its end, the end of the text.

        A span without its end goes on from `offset_of(start)` up to `offset_of(end - 1) + 1`.
        """
        return position + self._moved[bisect_right(self._places, position) - 1]

    def span_of(self, start: int, end: int) -> tuple[int, int]:
        """Give where a span stands, its end excluded as in the code."""
        first = self.offset_of(start)
        return first, first if end <= start else self.offset_of(end - 1) + 1


def as_it_stands(text: str) -> Annotated:
    """Give a text of which nothing is to be said."""
    return Annotated(text, 0, (0,), (0,))


def annotated(code: str, findings: Sequence[Finding]) -> Annotated:
    """Put findings in front of code and at its lines; without any, the code stands as it is, but for the sign."""
    code = code.replace(SIGN, STAND_IN)
    headers = _headers(findings)
    header = "".join(f"{line}\n" for line in headers)
    marks = _marks_of_lines(findings)
    parts, places, moved = [header], [0], [len(header)]
    begun = 0
    if marks:
        for number, line in enumerate(_LINE.finditer(code), start=1):
            if number in marks:
                place = line.end()
                parts += [code[begun:place], marks[number]]
                begun = place
                places.append(place)
                moved.append(moved[-1] + len(marks[number]))
    return Annotated("".join([*parts, code[begun:]]), len(headers), tuple(places), tuple(moved))


def _headers(findings: Sequence[Finding]) -> list[str]:
    ordered = sorted(findings, key=_weight)
    lines = [_header(finding) for finding in ordered[:MAX_HEADERS]]
    more = len(ordered) - MAX_HEADERS
    return [*lines, f"{SIGN} and {more} more"] if more > 0 else lines


def _header(finding: Finding) -> str:
    weakness = "" if finding.cwe is None else f" CWE-{finding.cwe}"
    rated = f"{finding.severity} {finding.confidence}"
    return f"{SIGN} {finding.tool} {finding.rule} {rated}{weakness} line {finding.first_line}"


def _marks_of_lines(findings: Sequence[Finding]) -> dict[int, str]:
    rules: dict[int, set[str]] = defaultdict(set)
    for finding in findings:
        rules[finding.first_line].add(finding.rule)
    return {line: f"{SIGN} {' '.join(sorted(names))} " for line, names in rules.items()}


def _weight(finding: Finding) -> tuple[int, int, int, str, str]:
    severity, confidence = FINDING_SEVERITIES.index(finding.severity), CONFIDENCES.index(finding.confidence)
    return -severity, -confidence, finding.first_line, finding.rule, finding.tool
