"""Look at the runs on this disk."""

import json

import click


@click.group()
def command() -> None:
    """List runs or show one."""


@command.command("list")
@click.option("--root", default="runs", show_default=True, help="Directory that holds the runs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_runs(root: str, as_json: bool) -> int:
    """List the runs below a directory, oldest first."""
    from infrastructure.container import Container
    from presentation.cli.writing import write_runs

    summaries = Container().runs().summaries(root)
    if as_json:
        click.echo(json.dumps(list(summaries), ensure_ascii=False))
    else:
        write_runs(summaries, root)
    return 0


@command.command("show")
@click.argument("run", metavar="RUN")
def show_run(run: str) -> int:
    """Print what is known of RUN as JSON."""
    from infrastructure.container import Container

    click.echo(json.dumps(Container().runs().summary(run), indent=2, ensure_ascii=False))
    return 0
