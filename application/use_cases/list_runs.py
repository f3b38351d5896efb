"""List the runs below a directory: all of them or some, in an order."""

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import BaseModel, ConfigDict

from application.ports import RunArchive
from domain.exceptions import ConfigurationError
from domain.runs import ORDERS, STATUSES, RunFacts, in_order
from domain.showing import shown
from domain.task import TASKS

LONGEST_NAME_COMPARED = 80  # comparing long names takes minutes


class ListRunsRequest(BaseModel):
    """Where to look, which to keep (all when nothing is named), and how to sort them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    root: str = "runs"
    tasks: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    sort: str = "date"
    reverse: bool = False


class ListRunsUseCase:
    """Knows the runs of a directory; one that is damaged is told of and disturbs no other."""

    def __init__(self, archive: RunArchive) -> None:
        self._archive = archive

    def execute(self, request: ListRunsRequest) -> tuple[RunFacts, ...]:
        """Raises: ConfigurationError naming every word that is not known, RunError for a directory that is not there.

        Those that cannot be read are in the list whatever task is asked for, which they may not be able to tell.
        """
        faults = [*_unknown("--sort", (request.sort,), ORDERS), *_unknown("--status", request.statuses, STATUSES)]
        if faults:
            raise ConfigurationError.of(faults)
        runs = self._archive.runs(request.root)
        tasks = {*TASKS, *(run.task for run in runs if run.task)}  # those of programs that brought their own
        faults = _unknown("--task", request.tasks, sorted(tasks))
        if faults:
            raise ConfigurationError.of(faults)
        kept = [
            run
            for run in runs
            if (not request.tasks or run.error or run.task in request.tasks)
            and (not request.statuses or run.status in request.statuses)
        ]
        ordered = in_order(kept, request.sort)
        return ordered[::-1] if request.reverse else ordered


def _unknown(option: str, given: Iterable[str], known: Iterable[str]) -> list[str]:
    choices = list(known)
    faults = []
    for word in given:
        if word in choices:
            continue
        near = get_close_matches(word[:LONGEST_NAME_COMPARED], choices, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Choose one of {', '.join(choices)}."
        faults.append(f"{option} {shown(word)} is not known. {hint}")
    return faults
