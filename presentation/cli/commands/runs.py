"""Look at the runs on this disk."""

import click

from presentation.cli.run_options import json_option, root_option


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
    from infrastructure.container import Container
    from presentation.cli.run_tables import write_runs
    from presentation.cli.saying import say_json

    request = ListRunsRequest(root=root, tasks=tasks, statuses=statuses, sort=sort, reverse=reverse)
    runs = Container().list_runs().execute(request)
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

    from infrastructure.container import Container
    from presentation.cli.run_tables import write_run
    from presentation.cli.saying import say_json

    shown = Container().show_run().execute(run, root)
    if as_json:
        say_json({**asdict(shown.facts), **shown.summary, "settings": shown.settings}, indent=2)
    else:
        write_run(shown)
    return 0
