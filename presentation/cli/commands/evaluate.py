"""Score a finished model."""

import click

from presentation.cli.settings import parsed


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--dataset", "dataset_path", required=True, metavar="PATH", help="Labelled rows.")
@click.option("--device", default="auto", show_default=True)
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True, help="How the file is read, such as encoding=windows-1252."
)
@click.option("--json", "as_json", is_flag=True, help="Print metrics and num_rows as one JSON object.")
def command(run: str, dataset_path: str, device: str, settings: tuple[str, ...], as_json: bool) -> int:
    """Score the finished RUN (or a model directory) on labelled rows."""
    from application.use_cases.evaluate_model import EvaluateModelRequest
    from infrastructure.container import Container
    from presentation.cli.writing import write_evaluation

    request = EvaluateModelRequest(run=run, dataset_path=dataset_path, device=device, reading=parsed(settings))
    write_evaluation(Container().evaluate_model().execute(request), as_json)
    return 0
