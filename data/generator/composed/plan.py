"""What a composed program will be: its parts, and the one at which its twins part."""

from dataclasses import dataclass

from data.generator.composed.guards import Guard
from data.generator.composed.step import Step
from data.generator.composed.surroundings import Surrounding
from data.generator.composed.weakness import Weakness


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

    @property
    def composition(self) -> str:
        """Name all its parts in their order, and its pivot: programs of one composition differ in words alone."""
        return f"{self.surrounding.name}/{'/'.join(map(_name_of, self.stages))}/{self.pivot}"


def _name_of(stage: Stage) -> str:
    match stage:
        case Step() | Guard():
            return stage.name
        case Guards():
            return f"{stage.helping.name}+{stage.useless.name}"
        case Order():
            return f"{stage.guard.name}+{stage.harmful}"
        case Use():
            return stage.harmful
        case Sources():
            return "two" if stage.are_both_tainted else "one"
