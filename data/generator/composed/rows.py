"""Rows of composed programs, twin beside twin."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from data.generator.composed.drawing import draw_plan
from data.generator.composed.plan import Plan
from data.generator.composed.program import compose
from data.generator.marked import Text, marks_of


def composed_rows(pairs: int, seed: int | str, severity: Mapping[int, str], part: str = "") -> Iterator[dict[str, Any]]:
    """Yield the rows of so many pairs of twins; with a part they are rows of validation.

    The same seed gives the same rows on any machine, and a larger number of pairs the same ones first.
    """
    rng = random.Random(f"{seed}/{part}")
    seen: set[str] = set()
    while len(seen) < pairs:
        plan = draw_plan(rng, part)
        twins = {True: compose(plan, vulnerable=True), False: compose(plan, vulnerable=False)}
        if twins[True].characters in seen:
            continue
        family = f"composed/{f'{part}/' if part else ''}{seed}/{len(seen)}"
        seen.add(twins[True].characters)
        for vulnerable in rng.sample((True, False), 2):
            label = severity[plan.weakness.cwe] if vulnerable else "safe"
            yield row_of(plan, twins[vulnerable], label, family) | ({"part": part} if part else {})


def row_of(plan: Plan, text: Text, label: str, family: str) -> dict[str, Any]:
    """Give the row of one twin."""
    origin = {"cwe": f"CWE-{plan.weakness.cwe}", "family": family, "surrounding": plan.surrounding.kind}
    return {"code": text.characters, "label": label, **origin, "marks": marks_of(text)}
