"""Ask before runs go, and say what went."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict

from application.use_cases.clean_runs import CleanedRuns
from application.use_cases.delete_runs import DeletedRuns
from domain.exceptions import ConfigurationError
from domain.runs import Leftovers, RunFacts
from domain.words import counted
from presentation.cli.run_tables import date_of, result_of, size_of
from presentation.cli.saying import agreed, say, say_error, say_json, warn

FAILED = 1


def agree_to_delete(yes: bool) -> Callable[[Sequence[RunFacts]], bool]:
    """Show which runs would go and ask; with `yes` agree unasked."""

    def agree(runs: Sequence[RunFacts]) -> bool:
        for run in runs:
            told = (run.status, date_of(run.began), result_of(run), size_of(run.size_bytes))
            warn(f"{run.run_dir}: {', '.join(part for part in told if part)}")
        size = size_of(sum(run.size_bytes for run in runs))
        return _asked(f"Delete {counted(len(runs), 'runs')}, {size}, for good?")

    return (lambda runs: True) if yes else agree


def agree_to_clean(yes: bool) -> Callable[[Sequence[Leftovers]], bool]:
    """Show what would go and ask; with `yes` agree unasked."""

    def agree(found: Sequence[Leftovers]) -> bool:
        for leftovers in found:
            warn(_line_of(leftovers))
        return _asked(f"Remove {size_of(sum(leftovers.num_bytes for leftovers in found))}?")

    return (lambda found: True) if yes else agree


def write_deleted(done: DeletedRuns, as_json: bool) -> int:
    """Say which runs are gone; gives the exit code."""
    if as_json:
        say_json(asdict(done))
    elif done.deleted:
        say(f"deleted {counted(len(done.deleted), 'runs')}, {size_of(done.num_bytes)} free again")
    else:
        say("nothing was deleted")
    for error in done.errors:
        say_error(error)
    return FAILED if done.errors or not done.deleted else 0


def write_cleaned(done: CleanedRuns, dry_run: bool, as_json: bool) -> int:
    """Say what is free again, or would be; gives the exit code."""
    if as_json:
        say_json({**asdict(done), "dry_run": dry_run})
    elif not done.found:
        say("nothing to remove: no finished run keeps more than its model and results")
    elif not done.is_done:
        for leftovers in done.found if dry_run else ():
            say(_line_of(leftovers))
        say(f"{_told(done.num_bytes)} could go; nothing was removed")
    else:
        say(f"freed {_told(done.num_bytes)}")
    for error in done.errors:
        say_error(error)
    is_declined = bool(done.found) and not done.is_done and not dry_run
    return FAILED if done.errors or is_declined else 0


def _told(num_bytes: int) -> str:
    return f"{size_of(num_bytes)} ({num_bytes:,} bytes)"


def _line_of(leftovers: Leftovers) -> str:
    of = leftovers.run_dir if leftovers.run_id else f"{leftovers.run_dir}: runs that were being deleted"
    return f"{of}: {size_of(leftovers.num_bytes)} in {counted(len(leftovers.places), 'places')}"


def _asked(question: str) -> bool:
    """Ask at a terminal. Raises: ConfigurationError where there is none."""
    if not sys.stdin.isatty():
        raise ConfigurationError("nobody can be asked: standard input is no terminal.", remedy="Say --yes to go ahead.")
    return agreed(question)
