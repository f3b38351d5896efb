"""What a weakness is made of: values that must not arrive, uses where they must not, and uses where they may."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from data.generator.composed.step import ANYTHING, PIECE, TEXT

OUTSIDE, SECRET = "outside", "secret"


@dataclass(frozen=True)
class Weakness:
    """One weakness with its uses, which are lines with slots (`data/generator/composed/slots.py`).

    `uses` do harm with a tainted value: `$v`, or `$p` where the value has been put into a longer text, one of `around`
    as (before, after). `web` holds those that answer a request, by framework. `sound` uses are right with any value;
    where there are none, the other value only ends in something that harms nobody.

    `tainted` says what values are: text from OUTSIDE, a SECRET, or a choice between a weak and a strong constant, and
    then the uses are of `$v` beside other data, `$data`. `kind` names the guards that can help, `carries` the steps
    that the value survives.
    """

    cwe: int
    kind: str
    uses: tuple[str, ...]
    sound: tuple[str, ...] = ()
    web: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    around: tuple[tuple[str, str], ...] = ()
    tainted: str = OUTSIDE
    choices: tuple[tuple[str, str], ...] = ()
    carries: str = PIECE

    @property
    def steps(self) -> tuple[str, ...]:
        """Say which kinds of steps its values survive."""
        order = (ANYTHING, TEXT, PIECE)
        return order[: order.index(self.carries) + 1]


def choice(cwe: int, choices: tuple[tuple[str, str], ...], uses: tuple[str, ...], sound: tuple[str, ...]) -> Weakness:
    """Make a weakness of a constant: weak ones and strong ones, uses that need a strong one, and uses that do not."""
    return Weakness(cwe, "", uses, sound, tainted="choice", choices=choices, carries=ANYTHING)
