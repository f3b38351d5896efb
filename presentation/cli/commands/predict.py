"""Answer rows with a finished model."""

import json

import click


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--input", "input_path", required=True, metavar="PATH|-", help="Rows, or - for standard input.")
@click.option("--device", default="auto", show_default=True)
def command(run: str, input_path: str, device: str) -> int:
    """Answer each row of the input with RUN: one JSON object a line, in order."""
    from application.use_cases.predict import PredictRequest
    from infrastructure.container import Container

    request = PredictRequest(run=run, input_path=input_path, device=device)
    for answer in Container().predict().execute(request):
        click.echo(json.dumps(answer, ensure_ascii=False))
    return 0
