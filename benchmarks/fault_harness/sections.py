"""The sections by name."""

from collections.abc import Iterable

from benchmarks.fault_harness import kills, writes
from benchmarks.fault_harness.cases import Case, Skipped
from benchmarks.fault_harness.stage import Options, Stage

_MADE_BY = {
    "kills": kills.cases,
    "tasks": kills.cases_of_all_tasks,
    "writes": writes.cases,
}
SECTIONS = tuple(_MADE_BY)


def cases_of(section: str, stage: Stage, options: Options) -> Iterable[Case | Skipped]:
    """Give the cases of a section."""
    return _MADE_BY[section](stage, options)
