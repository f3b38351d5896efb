"""Delete runs, once somebody has agreed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from application.ports import RunArchive, RunRemover
from domain.exceptions import AthanorError, RunError
from domain.runs import RunFacts

Agree = Callable[[Sequence[RunFacts]], bool]


@dataclass(frozen=True)
class DeletedRuns:
    """Those that are gone, the bytes that they held, and what went wrong with others."""

    deleted: tuple[RunFacts, ...]
    num_bytes: int
    errors: tuple[str, ...] = ()


class DeleteRunsUseCase:
    """Deletes all that were named or, where one of them may not go, none."""

    def __init__(self, archive: RunArchive, remover: RunRemover) -> None:
        self._archive = archive
        self._remover = remover

    def execute(self, runs: Sequence[str], root: str = "runs", agree: Agree = lambda runs: True) -> DeletedRuns:
        """Delete the runs at some paths, or of those names below `root`; `agree` is shown them first.

        Raises: RunError with every reason why one may not be deleted. What the disk refuses later is in `errors`.
        """
        doomed = self._doomed(runs, root)
        deleted, errors = [], []
        for facts in doomed if agree(doomed) else ():
            try:
                self._remover.delete(facts.run_dir)
                deleted.append(facts)
            except AthanorError as error:
                errors.append(str(error))
        return DeletedRuns(tuple(deleted), sum(facts.size_bytes for facts in deleted), tuple(errors))

    def _doomed(self, runs: Sequence[str], root: str) -> tuple[RunFacts, ...]:
        paths = self._archive.find_all(runs, root)
        if faults := [fault for fault in map(self._remover.fault_of, paths) if fault]:
            raise RunError.of(faults)
        return tuple(map(self._archive.facts, paths))
