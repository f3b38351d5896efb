"""Give a finished model to others."""

from dataclasses import asdict
from typing import Any

import click


@click.command()
@click.argument("run", metavar="RUN")
@click.argument("name", metavar="OWNER/NAME")
@click.option("--private", is_flag=True, help="Want a model that nobody else sees.")
@click.option("--revision", default="main", show_default=True, metavar="BRANCH", help="The branch to write to.")
@click.option("--message", default="", metavar="TEXT", help="What the commit says; else task and version.")
@click.option("--dry-run", is_flag=True, help="Say which files would go, and ask nobody.")
@click.option("--json", "as_json", is_flag=True, help="Print what went as one JSON object.")
def command(as_json: bool, **options: Any) -> int:
    """Send the finished RUN (or a model directory, or an exported one) to the hub as OWNER/NAME.

    The files of the model go, with their readme, and nothing else: no log, no data, no path of this machine.
    """
    from application.phases import telling_phases
    from application.use_cases.push_model import PushModelRequest
    from infrastructure.runs_container import RunsContainer
    from presentation.cli.saying import say, say_json
    from presentation.cli.watching import watched

    request = PushModelRequest.checked(**options)
    with watched("looking through the model") as monitor, telling_phases(monitor.notify):
        pushed = RunsContainer().push_model().execute(request)
    if as_json:
        say_json({**asdict(pushed), "num_bytes": pushed.num_bytes})
        return 0
    for file, num_bytes in pushed.files.items():
        say(f"{num_bytes:>15,}  {file}")
    say(f"{pushed.num_bytes:>15,}  bytes {'went to' if pushed.address else 'would go to'} {pushed.name}")
    if pushed.address:
        say(pushed.address)
    return 0
