"""What a composed program will be: its parts, and the one at which its twins part."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from data.generator.composed import parts
from data.generator.composed.guards import Guard
from data.generator.composed.step import Step
from data.generator.composed.surroundings import SURROUNDINGS, Surrounding
from data.generator.composed.weakness import Weakness
from data.generator.composed.weaknesses import WEAKNESSES

T = TypeVar("T")
UNSEEN_COMPOSITIONS, UNSEEN_STEPS = "unseen compositions", "unseen steps"
UNSEEN_GUARDS, UNSEEN_USES = "unseen guards", "unseen uses"
PIVOTS = {"source": 2, "step": 7, "guard": 5, "use": 3, "order": 3}
PIVOTS_OF_PART = {UNSEEN_STEPS: {"step": 1}, UNSEEN_GUARDS: {"guard": 3, "order": 1}}
STEP_COUNTS = (0, 0, 1, 1, 1, 2, 2, 3)
NOISE = (0.0, 0.1, 0.25, 0.4)


@dataclass(frozen=True)
class Sources:
    """The beginning: one value that is tainted and one that is not, or two that are, if guards will part them."""

    are_both_tainted: bool = False


@dataclass(frozen=True)
class Guards:
    """One guard that helps and one that does not, on one value each."""

    helping: Guard
    useless: Guard


@dataclass(frozen=True)
class Use:
    """The end: a use that does harm and one that does not, of one value each."""

    harmful: str
    sound: str | None


@dataclass(frozen=True)
class Order:
    """The end in another way: a guard that helps and a use of the same value, one before the other."""

    guard: Guard
    harmful: str


Stage = Sources | Step | Guards | Guard | Use | Order


@dataclass(frozen=True)
class Plan:
    """The parts of a program; `stages[pivot]` is where its twins part."""

    seed: int
    surrounding: Surrounding
    weakness: Weakness
    stages: tuple[Stage, ...]
    pivot: int
    noise: float


def draw_plan(rng: random.Random, part: str = UNSEEN_COMPOSITIONS) -> Plan:
    """Draw a plan, of seen parts alone but for what the part of the validation wants at the pivot."""
    while True:
        weakness = rng.choice(WEAKNESSES)
        weights = {**PIVOTS_OF_PART.get(part, PIVOTS)}
        pivot = rng.choices(list(weights), list(weights.values()))[0]
        surrounding = rng.choice(
            [s for s in SURROUNDINGS if s.framework in weakness.web]
            if weakness.web and rng.random() < 0.6
            else SURROUNDINGS
        )
        use = _chosen(
            rng,
            [
                use
                for use in parts.uses(weakness, surrounding.framework, part == UNSEEN_USES)
                if suits(use, surrounding)
            ],
        )
        if use is None or (pivot in ("guard", "order") and not weakness.kind) or (pivot == "order" and ends(use)):
            continue
        stages = _stages(rng, weakness, use, pivot, part)
        if stages is not None:
            return Plan(rng.getrandbits(60), surrounding, weakness, *stages, noise=rng.choice(NOISE))


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


def _stages(
    rng: random.Random, weakness: Weakness, use: str, pivot: str, part: str
) -> tuple[tuple[Stage, ...], int] | None:
    """Draw the stages and the number of the pivot; None if there are no parts for them."""
    known = parts.steps(weakness.steps, False)
    stages: list[Stage] = [rng.choice(known) for _ in range(rng.choice(STEP_COUNTS))]
    at = rng.randint(0, len(stages))
    if pivot == "step":
        stages.insert(at, rng.choice(parts.steps(weakness.steps, part == UNSEEN_STEPS)))
    is_guarded = pivot == "guard" or (weakness.kind != "" and pivot in ("step", "use") and rng.random() < 0.35)
    if is_guarded:
        guards = _guards(rng, weakness.kind, part == UNSEEN_GUARDS)
        if guards is None:
            return None
        place = at if pivot != "step" else rng.randint(0, at)
        stages.insert(place, guards)
        at += pivot == "step"
    elif weakness.kind and rng.random() < 0.2:
        stages.append(rng.choice(parts.useless(weakness.kind, False)))
    is_sound = weakness.tainted == "choice" or rng.random() < 0.6
    sound = _chosen(rng, [text for text in weakness.sound if mentions(text) == mentions(use)]) if is_sound else None
    if pivot == "use" and sound is None and mentions(use) != 1:
        return None
    end: Stage = Use(use, sound)
    if pivot == "order":
        guard = _chosen(rng, parts.helping(weakness.kind, part == UNSEEN_GUARDS))
        if guard is None:
            return None
        end = Order(guard, use)
    stages = [Sources(is_guarded), *stages, end]
    return tuple(stages), {"source": 0, "step": at + 1, "guard": at + 1}.get(pivot, len(stages) - 1)


def _guards(rng: random.Random, kind: str, unseen: bool) -> Guards | None:
    """Draw a guard that helps and one that does not; one of the two is new if that is wanted."""
    is_help_new = rng.random() < 0.5
    helping = _chosen(rng, parts.helping(kind, unseen and is_help_new))
    if helping is None:
        return None
    alike = [
        guard
        for guard in parts.useless(kind, unseen and not is_help_new)
        if mentions(guard.text) == mentions(helping.text)
    ]
    useless = _chosen(rng, alike)
    return None if useless is None else Guards(helping, useless)


def _chosen(rng: random.Random, items: Sequence[T]) -> T | None:
    return rng.choice(items) if items else None
