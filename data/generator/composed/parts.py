"""Which parts training may see, and which are kept for validation."""

import zlib
from collections.abc import Iterable
from functools import cache

from data.generator.composed.guards import GUARDS, Guard
from data.generator.composed.step import Step
from data.generator.composed.steps import STEPS
from data.generator.composed.weakness import Weakness
from data.generator.composed.weaknesses import WEAKNESSES

ONE_OF = 6


def is_held_out(kind: str, name: str, one_of: int = ONE_OF) -> bool:
    """Tell whether a part is kept for validation: about one of `one_of` is, and its name alone decides."""
    return zlib.crc32(f"{kind}/{name}".encode()) % one_of == 0


@cache
def steps(carries: tuple[str, ...], held_out: bool) -> tuple[Step, ...]:
    """Give the steps that values of some kinds survive."""
    return tuple(step for step in STEPS if step.carries in carries and is_held_out("step", step.name) == held_out)


@cache
def helping(kind: str, held_out: bool) -> tuple[Guard, ...]:
    """Give the guards that help against a kind of harm."""
    return _guards((guard for guard in GUARDS if kind in guard.helps), held_out)


@cache
def useless(kind: str, held_out: bool) -> tuple[Guard, ...]:
    """Give the guards that are of no use against a kind of harm."""
    return _guards((guard for guard in GUARDS if kind in guard.useless), held_out)


def _guards(guards: Iterable[Guard], held_out: bool) -> tuple[Guard, ...]:
    return tuple(guard for guard in guards if is_held_out("guard", guard.name) == held_out)


@cache
def uses(weakness: Weakness, framework: str, held_out: bool) -> tuple[str, ...]:
    """Give the uses of a weakness, and those that a framework has of its own."""
    found = (*weakness.uses, *weakness.web.get(framework, ()))
    return tuple(use for use in found if is_held_out(f"use of {weakness.cwe}", use) == held_out)


def all_uses(weakness: Weakness) -> tuple[str, ...]:
    """Give all uses of a weakness in all frameworks."""
    return tuple(dict.fromkeys((*weakness.uses, *(use for found in weakness.web.values() for use in found))))


def weaknesses_with_guards() -> tuple[Weakness, ...]:
    """Give the weaknesses whose values can be guarded."""
    return tuple(weakness for weakness in WEAKNESSES if weakness.kind)
