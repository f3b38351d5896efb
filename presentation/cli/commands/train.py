"""Turn words into a request, train, and say how it went."""

from typing import Any

import click

from domain.exceptions import AthanorError
from domain.hub_names import name_of_data
from presentation.cli.settings import requested
from presentation.cli.training_options import training_options


@click.command(params=training_options())
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
