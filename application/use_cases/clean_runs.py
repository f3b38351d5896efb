"""Remove what finished runs need no more, once somebody has agreed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from application.ports import RunArchive, RunRemover
from domain.exceptions import AthanorError, RunError
from domain.runs import FINISHED, RUNNING, Leftovers, RunFacts

Agree = Callable[[Sequence[Leftovers]], bool]


@dataclass(frozen=True)
class CleanedRuns:
    """What was found, whether it was removed, the bytes that are free again or would be, and what went wrong."""

    found: tuple[Leftovers, ...]
    num_bytes: int
    is_done: bool
    errors: tuple[str, ...] = ()


class CleanRunsUseCase:
    """Removes training states that a finished run has kept, and what killed processes left; models stay."""

    def __init__(self, archive: RunArchive, remover: RunRemover) -> None:
        self._archive = archive
        self._remover = remover

    def execute(
        self,
        runs: Sequence[str] = (),
        root: str = "runs",
        dry_run: bool = False,
        agree: Agree = lambda found: True,
    ) -> CleanedRuns:
        """Clean the runs that are named, or without any all finished ones below `root`; `agree` is shown what goes.

        A run that is not finished keeps everything: its states are what it goes on from.
        Raises: RunError when a directory is missing, or a run that is named is a link, not finished or not there.
        """
        found = self._named(runs, root) if runs else self._below(root)
        if dry_run or not found or not agree(found):
            return CleanedRuns(found, sum(leftovers.num_bytes for leftovers in found), is_done=False)
        freed, errors = 0, []
        for leftovers in found:
            try:
                freed += self._remover.clean(leftovers)
            except AthanorError as error:
                errors.append(str(error))
        return CleanedRuns(found, freed, is_done=True, errors=tuple(errors))

    def _named(self, runs: Sequence[str], root: str) -> tuple[Leftovers, ...]:
        found = [self._archive.facts(path) for path in self._archive.find_all(runs, root)]
        if faults := [fault for fault in map(_fault, found) if fault]:
            raise RunError.of(faults)
        return self._found(run.run_dir for run in found)

    def _below(self, root: str) -> tuple[Leftovers, ...]:
        # Behind a link is a run elsewhere, or one that is in the list already.
        finished = [run for run in self._archive.runs(root) if run.status == FINISHED and not run.is_link]
        found = self._found(run.run_dir for run in finished)
        beside = self._remover.leftovers_beside(root)
        return (*found, beside) if beside.places else found

    def _found(self, paths: Iterable[str]) -> tuple[Leftovers, ...]:
        all_of_them = map(self._remover.leftovers_of, paths)
        return tuple(leftovers for leftovers in all_of_them if leftovers.places)


def _fault(run: RunFacts) -> str:
    """Say why a run may not be cleaned; empty when it may."""
    if run.is_link:
        return f"{run.run_dir} is a symbolic link. Clean what it points to by its own name."
    if run.status == FINISHED:
        return ""
    way_out = "Wait for its end." if run.status == RUNNING else "Resume or delete it."
    return run.error or f"{run.run_dir} is {run.status}, not finished: its states are what it goes on from. {way_out}"
