"""Turn words into a request, train, and say how it went."""

from typing import Any

import click

from domain.exceptions import AthanorError
from domain.hub_names import name_of_data
from presentation.cli.settings import requested


@click.command()
@click.option("--task", help="What to train, such as text_classification; a wrong name lists them all.")
@click.option(
    "--dataset", "dataset_path", metavar="PATH", help="Rows to learn from, or hub:NAME; tasks have a default."
)
@click.option("--model", "model_name", metavar="NAME", help="A preset, a local directory or a hub id.")
@click.option("--epochs", type=int)
@click.option("--time-budget", metavar="TIME", help="How long you will wait, such as 90s, 5m or 1h30m.")
@click.option("--batch-size", metavar="ROWS", help="Rows at once, or auto.")
@click.option("--learning-rate", type=float)
@click.option("--max-length", type=int, help="Tokens of a row; longer ones are cut.")
@click.option("--precision", help="auto, fp32, bf16 or fp16.")
@click.option("--seed", type=int)
@click.option("--output", "output_dir", metavar="DIR", help="The run directory; default runs/<task>-<time>-<id>.")
@click.option("--config", metavar="FILE", help="A run file; options and --set override it.")
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True, help="Any other setting; `athanor settings` lists them."
)
@click.option("--quick", is_flag=True, default=None, help="Prove the whole pipeline on a few batches.")
@click.option("--dry-run", is_flag=True, help="Say what the training would take, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the response as one JSON object.")
def command(config: str | None, settings: tuple[str, ...], dry_run: bool, as_json: bool, **options: Any) -> int:
    """Train a model. Without options: security classification on the shipped data."""
    from application.use_cases.train_model import TrainModelResponse
    from presentation.cli.planning import write_plan
    from presentation.cli.watching import watched
    from presentation.cli.writing import write_response

    try:
        # What is wrong with it is said before the libraries are loaded, which takes seconds.
        request = requested(config, settings, **options)
        first = config or request.resolved().dataset_path
        with watched(f"reading {name_of_data(first)}") as monitor:
            from infrastructure.container import Container

            container = Container()
            if dry_run:
                plan = container.plan_training().execute(request, monitor)
                monitor.close()
                return write_plan(plan, as_json)
            response = container.train_model().execute(request, monitor)
            monitor.close()
            return write_response(response, as_json, monitor.told)
    except AthanorError as error:
        return write_response(
            TrainModelResponse(success=False, errors=error.messages, exit_code=error.exit_code), as_json
        )
