"""What a tracker is told of a run, and what it has to do with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

KILLED = "killed"


@dataclass(frozen=True)
class Beginning:
    """A run that begins, or goes on from `first_step`.

    `directory` is that of the run and absolute; `settings` are numbers, texts and truth values by their names;
    `known_id` is what the tracker called the run before, empty for a run that is new to it.
    """

    run_id: str
    task: str
    directory: str
    settings: Mapping[str, Any]
    first_step: int = 0
    known_id: str = ""

    @property
    def project(self) -> str:
        """Name what holds the runs that can be compared."""
        return f"athanor-{self.task}"

    @property
    def tags(self) -> dict[str, str]:
        """Give what a run is found by."""
        return {"task": self.task, "run_id": self.run_id}


@dataclass(frozen=True)
class Point:
    """Finite numbers that belong to a step; `time` is in seconds since 1970."""

    step: int
    time: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class Ending:
    """How a run ended: "finished", "stopped", "failed", or "killed" where nothing was said.

    `scores` are numbers of the best model, `facts` are places and reasons, `pictures` paths of PNG files.
    """

    status: str
    step: int = 0
    time: float = 0.0
    scores: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    pictures: Sequence[str] = ()


class Tracker(Protocol):
    """One library. What it raises ends it, and never the run."""

    def begin(self, beginning: Beginning) -> str:
        """Open a run, or go on with it; gives what it is called there."""

    def add(self, points: Sequence[Point]) -> None:
        """Keep points so that they outlive this process."""

    def go_back(self, step: int) -> None:
        """Know that the run went back: steps behind this one come again."""

    def end(self, ending: Ending) -> None:
        """Keep how it ended and close."""
