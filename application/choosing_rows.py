"""Which functions are worth learning from: within limits, and none twice."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from application.dataset_ports import CloneFinder, CodeMeasures
from application.phases import advance, phase
from domain.code_rows import FILE, PROJECT, CodeRow, Limits, Unit
from domain.task import SEVERITIES

EXACT = "functions that repeat another"
NEAR = "functions that nearly repeat another"
UNMEASURED = "functions that cannot be measured"
SHORT, LONG = "functions that are too short", "functions that are too long"
COMPLEX, UNMAINTAINABLE = "functions that are too complex", "functions whose maintainability is too low"


def within_limits(
    units: Sequence[Unit], measures: CodeMeasures, limits: Limits, left_out: Counter[str]
) -> Iterator[Unit]:
    """Give the units of which every function lies within the limits; the others are counted by reason."""
    with phase("measuring", len(units), "functions"):
        for unit in units:
            advance(1)
            reasons = filter(None, (_beyond(row.code, measures, limits) for row in unit.rows))
            if reason := next(reasons, ""):
                left_out[reason] += len(unit.rows)
            else:
                yield unit


def _beyond(code: str, measures: CodeMeasures, limits: Limits) -> str:
    """Say which limit a function breaks; empty for none."""
    num_lines = code.count("\n")
    if not limits.min_lines <= num_lines <= limits.max_lines:
        return SHORT if num_lines < limits.min_lines else LONG
    found = measures.measures(code)
    if found is None:
        return UNMEASURED
    if found.complexity > limits.max_complexity:
        return COMPLEX
    return UNMAINTAINABLE if found.maintainability < limits.min_maintainability else ""


def without_repeats(
    units: Iterator[Unit], clones: CloneFinder, threshold: float, left_out: Counter[str]
) -> list[CodeRow]:
    """Keep one of each cluster of near-duplicates, whatever its labels: pairs first, then the worst label.

    A pair counts as its text before the fix, and is kept or left out as a whole. Gives rows in order of their places.
    """
    seen: set[str] = set()
    new = []
    for unit in sorted(units, key=_worth):
        codes = {row.code for row in unit.rows}
        if codes & seen:
            left_out[EXACT] += len(unit.rows)
        else:
            new.append(unit)
            seen |= codes
    kept = []
    with phase("comparing", len(new), "functions"):
        texts = ([row.code for row in unit.rows] for unit in new)
        for unit, is_near in zip(new, clones.near(texts, threshold), strict=True):
            advance(1)
            if is_near:
                left_out[NEAR] += len(unit.rows)
            else:
                kept.append(unit)
    return [row for unit in sorted(kept, key=lambda unit: unit.first.order) for row in unit.rows]


def _worth(unit: Unit) -> tuple[Any, ...]:
    """Sort what is kept of several that are alike to the front; pairs of one project stay the newest first."""
    first = unit.first
    if len(unit.rows) > 1:
        return (0, first.project)
    return (1, -SEVERITIES.index(first.label), first.order)


def group_of(rows: Sequence[CodeRow]) -> str:
    """Say what stays on one side of a split where nobody says it: projects, or the files of a single one."""
    return PROJECT if len({row.project for row in rows}) > 1 else FILE
