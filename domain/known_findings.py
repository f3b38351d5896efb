"""Findings that are known already: what a baseline hides, and what it cannot."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from domain.scan import ScanFinding

DIGITS = 16

Entry = TypeVar("Entry")


@dataclass(frozen=True, order=True)
class KnownFinding:
    """A finding as a baseline holds it: where it was, and what it was."""

    path: str
    fingerprint: str


def fingerprint_of(rule: str, place: str, code: Iterable[str]) -> str:
    """Name a finding by its rule, what it stands in, and its lines of code without their indentation: not by numbers.

    White space within a line counts as one space, so that code that was reformatted or moved is the same.
    """
    lines = (" ".join(line.split()) for line in code)
    told = "\n".join((rule, place, *filter(None, lines)))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]


def not_known(
    findings: Sequence[ScanFinding], known: Iterable[KnownFinding], is_gone: Callable[[str], bool]
) -> list[ScanFinding]:
    """Give the findings that no entry of a baseline stands for; each entry stands for one.

    First those at the same path. What is left of the baseline then stands for equal findings elsewhere, which were
    moved, if `is_gone` says of the path that the finding is no longer there: it was looked at, or does not exist.
    """
    left = Counter(known)
    elsewhere = [finding for finding in findings if not _taken(left, KnownFinding(finding.path, finding.fingerprint))]
    moved: Counter[str] = Counter()
    for entry, count in left.items():
        if count and is_gone(entry.path):
            moved[entry.fingerprint] += count
    return [finding for finding in elsewhere if not _taken(moved, finding.fingerprint)]


def _taken(counts: "Counter[Entry]", entry: Entry) -> bool:
    """Take one of a kind, if there is one."""
    if counts[entry] <= 0:
        return False
    counts[entry] -= 1
    return True
