"""The sections by name."""

from collections.abc import Callable, Iterable, Mapping

from benchmarks.fault_harness import (
    changes,
    damage,
    full_disk,
    kills,
    memory,
    neighbours,
    numbers,
    peer,
    ranks,
    signals,
    writes,
)
from benchmarks.fault_harness.cases import Case, Skipped
from benchmarks.fault_harness.stage import Options, Stage

Made = Callable[[Stage, Options], Iterable[Case | Skipped]]
SECTIONS: Mapping[str, Made] = {
    kills.SECTION: kills.cases,
    kills.SECTION_OF_ALL: kills.cases_of_all_tasks,
    writes.SECTION: writes.cases,
    full_disk.SECTION: full_disk.cases,
    damage.SECTION: damage.cases,
    signals.SECTION: signals.cases,
    neighbours.SECTION: neighbours.cases,
    changes.SECTION: changes.cases,
    numbers.SECTION: numbers.cases,
    memory.SECTION: memory.cases,
    ranks.SECTION: ranks.cases,
}


def cases_of(section: str, stage: Stage, options: Options) -> Iterable[Case | Skipped]:
    """Give the cases of a section; that of the peer is chosen by an option of its own."""
    return peer.cases(stage, options) if section == peer.SECTION else SECTIONS[section](stage, options)
