"""Go on with an interrupted run."""

import click


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--accept-changes", is_flag=True, help="Go on though settings or data are others than they were.")
@click.option("--json", "as_json", is_flag=True, help="Print the response as one JSON object.")
def command(run: str, accept_changes: bool, as_json: bool) -> int:
    """Go on with the run directory RUN from its newest whole checkpoint."""
    from presentation.cli.watching import watched
    from presentation.cli.writing import write_response

    with watched(f"opening {run}", resumed=run) as monitor:
        from infrastructure.container import Container

        response = Container().resume_training().execute(run, monitor, accept_changes)
        monitor.close()
        return write_response(response, as_json, monitor.told)
