"""The runs on this disk: list, show, compare, delete and clean them."""

from collections.abc import Sequence
from os import PathLike, fspath

from application.use_cases.clean_runs import CleanedRuns
from application.use_cases.compare_runs import ComparedRuns
from application.use_cases.delete_runs import DeletedRuns
from application.use_cases.list_runs import ListRunsRequest
from application.use_cases.show_run import ShownRun
from domain.runs import RunFacts
from infrastructure.runs_container import RunsContainer

Place = str | PathLike[str]
ROOT = "runs"


def runs(
    root: Place = ROOT,
    *,
    tasks: Sequence[str] = (),
    statuses: Sequence[str] = (),
    sort: str = "date",
    reverse: bool = False,
) -> tuple[RunFacts, ...]:
    """List the runs below a directory, all or those of some tasks and statuses, in an order of `athanor runs list`.

    One that is damaged is in the list with its `error`.
    Raises: ConfigurationError for a word that is not known, RunError for a directory that is missing.
    """
    request = ListRunsRequest(
        root=fspath(root), tasks=tuple(tasks), statuses=tuple(statuses), sort=sort, reverse=reverse
    )
    return RunsContainer().list_runs().execute(request)


def show_run(run: Place, root: Place = ROOT) -> ShownRun:
    """Tell all that is known of a run at a path, or of that name below `root`. Raises: RunError."""
    return RunsContainer().show_run().execute(fspath(run), fspath(root))


def compare(first: Place, *others: Place, root: Place = ROOT) -> ComparedRuns:
    """Compare runs with the first: settings that differ, metrics, and tests on the rows that both were scored on.

    Raises: ConfigurationError for less than two runs, RunError for one that is not there or damaged.
    """
    return RunsContainer().compare_runs().execute([fspath(run) for run in (first, *others)], fspath(root))


def delete_runs(*runs: Place, root: Place = ROOT) -> DeletedRuns:
    """Delete runs without asking; none goes when one is in use, is a link, or holds more than a run.

    Raises: RunError with every reason. What the disk refuses is in `errors`.
    """
    return RunsContainer().delete_runs().execute([fspath(run) for run in runs], fspath(root))


def clean_runs(*runs: Place, root: Place = ROOT, dry_run: bool = False) -> CleanedRuns:
    """Remove without asking what finished runs need no more, of all below `root` where none is named.

    Raises: RunError for a directory that is missing, and for a run that is not finished.
    """
    return RunsContainer().clean_runs().execute([fspath(run) for run in runs], fspath(root), dry_run)
