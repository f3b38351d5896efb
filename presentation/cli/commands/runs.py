"""Look at the runs on this disk."""

import click

from presentation.cli.run_options import json_option, root_option, yes_option


@click.group()
def command() -> None:
    """List, show, compare, delete and clean runs."""


@command.command("list", short_help="List the runs below a directory.")
@root_option
@click.option("--task", "tasks", multiple=True, metavar="TASK", help="Only runs of this task; may be given again.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    metavar="STATUS",
    help="Only finished, running, stopped, interrupted or unreadable ones; may be given again.",
)
@click.option(
    "--sort",
    default="date",
    show_default=True,
    metavar="ORDER",
    help="By date (oldest first), name, task, data, model, status, best, rows (most first) or size (largest first).",
)
@click.option("--reverse", is_flag=True, help="The other way round.")
@json_option
def list_runs(
    root: str, tasks: tuple[str, ...], statuses: tuple[str, ...], sort: str, reverse: bool, as_json: bool
) -> int:
    """List the runs below a directory; one that cannot be read is named on standard error.

    A narrow terminal sees fewer columns, and never a part of a name.
    """
    from dataclasses import asdict

    from application.use_cases.list_runs import ListRunsRequest
    from infrastructure.runs_container import RunsContainer
    from presentation.cli.run_tables import write_runs
    from presentation.cli.saying import say_json

    request = ListRunsRequest(root=root, tasks=tasks, statuses=statuses, sort=sort, reverse=reverse)
    runs = RunsContainer().list_runs().execute(request)
    if as_json:
        say_json([asdict(run) for run in runs])
    else:
        write_runs(runs, root, are_some=bool(tasks or statuses))
    return 0


@command.command("show")
@click.argument("run", metavar="RUN")
@root_option
@json_option
def show_run(run: str, root: str, as_json: bool) -> int:
    """Show what is known of RUN, a directory or the name of one below --root."""
    from dataclasses import asdict

    from infrastructure.runs_container import RunsContainer
    from presentation.cli.run_tables import write_run
    from presentation.cli.saying import say_json

    shown = RunsContainer().show_run().execute(run, root)
    if as_json:
        say_json({**asdict(shown.facts), **shown.summary, "settings": shown.settings}, indent=2)
    else:
        write_run(shown)
    return 0


@command.command("compare")
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True)
@root_option
@json_option
def compare_runs(runs: tuple[str, ...], root: str, as_json: bool) -> int:
    """Compare each RUN with the first: settings that differ, metrics, and whether they differ by more than noise.

    Differences are tested on the rows that both were scored on.
    """
    from infrastructure.runs_container import RunsContainer
    from presentation.cli.comparing import json_of, write_comparison
    from presentation.cli.saying import say_json

    compared = RunsContainer().compare_runs().execute(runs, root)
    if as_json:
        say_json(json_of(compared), indent=2)
    else:
        write_comparison(compared)
    return 0


@command.command("delete")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@root_option
@yes_option
@json_option
def delete_runs(runs: tuple[str, ...], root: str, yes: bool, as_json: bool) -> int:
    """Delete each RUN with all that it holds, after asking.

    A run that a process uses, a link, and a directory that holds more than a run are refused, and then nothing is
    deleted.
    """
    from infrastructure.runs_container import RunsContainer
    from presentation.cli.removing import agree_to_delete, write_deleted

    done = RunsContainer().delete_runs().execute(runs, root, agree_to_delete(yes))
    return write_deleted(done, as_json)


@command.command("clean")
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@root_option
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@yes_option
@json_option
def clean_runs(runs: tuple[str, ...], root: str, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Remove what finished runs need no more: training states that were kept, and what killed processes left.

    Models, metrics and pictures stay. Without RUN it is done for all finished runs below --root, after asking.
    """
    from infrastructure.runs_container import RunsContainer
    from presentation.cli.removing import agree_to_clean, write_cleaned

    done = RunsContainer().clean_runs().execute(runs, root, dry_run, agree_to_clean(yes))
    return write_cleaned(done, dry_run, as_json)
