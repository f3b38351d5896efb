"""What a step is: a way to hand a value on."""

from dataclasses import dataclass

ANYTHING, TEXT, PIECE = "anything", "text", "piece"


@dataclass(frozen=True)
class Step:
    """Hands on one of two values.

    A form is lines of Python with slots (`data/generator/composed/slots.py`); helpers stand above a line `---`. In
    `$out` is what was in `$kept`, and nothing of `$left`. Both occur equally often, so that the twin in which they have
    changed places has the same words. `carries` says for which values that is true: ANYTHING, TEXT, or a text that may
    as well be a PIECE of a longer one and in other case.
    """

    name: str
    forms: tuple[str, ...]
    carries: str = ANYTHING


def step(name: str, *forms: str, carries: str = ANYTHING) -> Step:
    """Make a step of its forms."""
    return Step(name, forms, carries)


def lanes(name: str, expression: str, carries: str = TEXT) -> Step:
    """Make a step of an expression of `$v`: one value goes through it, and the other as well."""
    kept, left = (f"{y} = {expression.replace('$v', x)}" for y, x in (("$out", "$kept"), ("$spare", "$left")))
    return Step(name, (f"{kept}\n{left}", f"{left}\n{kept}"), carries)
