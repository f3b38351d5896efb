"""Score a finished model."""

from typing import Any

import click

from presentation.cli.settings import parsed


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--dataset", "dataset_path", required=True, metavar="PATH", help="Labelled rows.")
@click.option("--device", default="auto", show_default=True)
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True, help="How the file is read, such as encoding=windows-1252."
)
@click.option("--report", "report_path", metavar="FILE.html", help="Write a page about the rows there.")
@click.option("--json", "as_json", is_flag=True, help="Print metrics and num_rows as one JSON object.")
def command(settings: tuple[str, ...], as_json: bool, **options: Any) -> int:
    """Score the finished RUN (or a model directory) on labelled rows."""
    from application.use_cases.evaluate_model import EvaluateModelRequest
    from infrastructure.container import Container
    from presentation.cli.saying import warn
    from presentation.cli.writing import write_evaluation

    request = EvaluateModelRequest(reading=parsed(settings), **options)
    write_evaluation(Container().evaluate_model().execute(request), as_json)
    if request.report_path is not None:
        warn(f"wrote {request.report_path}")
    return 0
