"""Look at the runs on this disk."""

import click


@click.group()
def command() -> None:
    """List runs or show one."""


@command.command("list", short_help="List the runs below a directory, oldest first.")
@click.option("--root", default="runs", show_default=True, help="Directory that holds the runs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_runs(root: str, as_json: bool) -> int:
    """List the runs below a directory, oldest first; one that cannot be read is named on standard error."""
    from infrastructure.container import Container
    from presentation.cli.saying import say_json, warn
    from presentation.cli.writing import write_runs

    summaries = Container().runs().summaries(root)
    if as_json:
        say_json(summaries)
    else:
        write_runs([run for run in summaries if "error" not in run], root)
    for run in summaries:
        if "error" in run:
            warn(f"warning: {run['run_dir']} is left out: {run['error']}")
    return 0


@command.command("show")
@click.argument("run", metavar="RUN")
def show_run(run: str) -> int:
    """Print what is known of RUN as JSON."""
    from infrastructure.container import Container
    from presentation.cli.saying import say_json

    say_json(Container().runs().summary(run), indent=2)
    return 0
