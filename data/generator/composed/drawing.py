"""Draws plans: of what training may see, or with something new in them for a part of the validation."""

import random
import re
from collections.abc import Sequence
from typing import TypeVar

from data.generator.composed import parts
from data.generator.composed.plan import Guards, Order, Plan, Sources, Stage, Use
from data.generator.composed.step import Step
from data.generator.composed.surroundings import SURROUNDINGS, Surrounding
from data.generator.composed.weakness import Weakness
from data.generator.composed.weaknesses import WEAKNESSES

T = TypeVar("T")

UNSEEN_COMPOSITIONS, UNSEEN_STEPS = "unseen compositions", "unseen steps"
UNSEEN_GUARDS, UNSEEN_USES = "unseen guards", "unseen uses"
# How often twins part at which stage, and where they do in parts of the validation that want something new there.
PIVOTS = {"source": 2, "step": 7, "guard": 5, "use": 3, "order": 3}
PIVOTS_OF_PART = {UNSEEN_STEPS: {"step": 1}, UNSEEN_GUARDS: {"guard": 3, "order": 1}}
STEP_COUNTS = (0, 0, 0, 1, 1, 2)
NOISE = (0.0, 0.1, 0.25, 0.4)


def draw_plan(rng: random.Random, part: str = "") -> Plan:
    """Draw a plan for training, or for a part of the validation, which wants something new.

    A new composition is one of seen parts. A new step, guard or use is the only one of its program.
    """
    while True:
        plan = _drawn(rng, part)
        if plan is None:
            continue
        if parts.is_held_out("composition", plan.composition) == (part == UNSEEN_COMPOSITIONS):
            return plan


def _drawn(rng: random.Random, part: str) -> Plan | None:
    """Draw parts; None where they do not fit one another, or where there are none."""
    weakness = rng.choice(WEAKNESSES)
    pivots = PIVOTS_OF_PART.get(part, PIVOTS)
    pivot = rng.choices(list(pivots), list(pivots.values()))[0]
    has_own = bool(weakness.web) and rng.random() < 0.6
    surrounding = rng.choice([each for each in SURROUNDINGS if not has_own or each.framework in weakness.web])
    uses = parts.uses(weakness, surrounding.framework, part == UNSEEN_USES)
    use = _chosen(rng, [use for use in uses if suits(use, surrounding)])
    if use is None or (pivot in ("guard", "order") and not weakness.kind):
        return None
    end = _end(rng, weakness, use, pivot, part)
    if end is None:
        return None
    before, after = _steps(rng, weakness), _steps(rng, weakness)
    middle: list[Stage] = []
    if pivot == "step":
        middle = [rng.choice(parts.steps(weakness.steps, part == UNSEEN_STEPS))]
    is_guarded = pivot == "guard" or (weakness.kind != "" and pivot in ("step", "use") and rng.random() < 0.35)
    if is_guarded:
        guards = _guards(rng, weakness.kind, part == UNSEEN_GUARDS)
        if guards is None:
            return None
        (middle if pivot == "guard" else before).append(guards)
    elif weakness.kind and rng.random() < 0.2:
        after.append(rng.choice(parts.useless(weakness.kind, False)))
    stages = (Sources(is_guarded), *before, *middle, *after, end)
    at = {"source": 0, "step": 1 + len(before), "guard": 1 + len(before)}.get(pivot, len(stages) - 1)
    return Plan(rng.getrandbits(60), surrounding, weakness, stages, at, rng.choice(NOISE))


def _steps(rng: random.Random, weakness: Weakness) -> list[Stage]:
    """Draw steps that training may see."""
    known: Sequence[Step] = parts.steps(weakness.steps, False)
    return [rng.choice(known) for _ in range(rng.choice(STEP_COUNTS))]


def _guards(rng: random.Random, kind: str, is_new: bool) -> Guards | None:
    """Draw a guard that helps and one that does not; one of the two is new if that is wanted."""
    is_help_new = is_new and rng.random() < 0.5
    helping = _chosen(rng, parts.helping(kind, is_help_new))
    if helping is None:
        return None
    others = parts.useless(kind, is_new and not is_help_new)
    useless = _chosen(rng, [guard for guard in others if mentions(guard.text) == mentions(helping.text)])
    return None if useless is None else Guards(helping, useless)


def _end(rng: random.Random, weakness: Weakness, use: str, pivot: str, part: str) -> Use | Order | None:
    """Draw what goes with the use: a use of the other value that does no harm, or a guard before or behind it."""
    if pivot == "order":
        guard = _chosen(rng, parts.helping(weakness.kind, part == UNSEEN_GUARDS))
        return None if guard is None or ends(use) else Order(guard, use)
    alike = [text for text in weakness.sound if mentions(text) == mentions(use)]
    sound = _chosen(rng, alike) if weakness.tainted == "choice" or rng.random() < 0.6 else None
    if pivot == "use" and sound is None and mentions(use) != 1:
        return None
    return Use(use, sound)


def suits(use: str, surrounding: Surrounding) -> bool:
    """Tell whether a use may stand in a surrounding: an `await` in an asynchronous function, `self` in a method."""
    if ("await " in use or "async " in use) and "async def" not in surrounding.head:
        return False
    return "self." not in use or "(self" in surrounding.head


def ends(use: str) -> bool:
    """Tell whether a use leaves the function."""
    return use.split("\n")[-1].startswith(("return ", "raise "))


def mentions(text: str) -> int:
    """Count the places of a value in a guard or a use: twins have the same words only where both count the same."""
    return len(re.findall(r"\$(?:v|after|p)\b", text))


def _chosen(rng: random.Random, items: Sequence[T]) -> T | None:
    return rng.choice(items) if items else None
