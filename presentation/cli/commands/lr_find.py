"""Find a learning rate before a training."""

from typing import Any

import click

from domain.exceptions import AthanorError
from domain.rate_sweep import STEPS
from presentation.cli.settings import requested
from presentation.cli.training_options import train_call, training_options


@click.command(params=training_options())
@click.option("--from", "start", type=float, metavar="RATE", help="The lowest learning rate; the task has a default.")
@click.option("--to", "end", type=float, metavar="RATE", help="The highest one.")
@click.option("--steps", type=int, default=STEPS, show_default=True, help="Updates from one to the other.")
@click.option("--picture", metavar="FILE.png", help="Draw losses over learning rates.")
@click.option("--apply", is_flag=True, help="Train with what is found, as `athanor train` would.")
@click.option("--json", "as_json", is_flag=True, help="Print the response as one JSON object.")
def command(
    start: float | None,
    end: float | None,
    steps: int,
    picture: str | None,
    apply: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Try rising learning rates on the first steps of a training, and suggest one.

    It takes the options of `train`. Nothing is written but the picture, unless --apply trains.
    """
    from application.use_cases.find_learning_rate import FindLearningRateRequest, FindLearningRateResponse
    from presentation.cli.swept import write_sweep

    if given["output_dir"] is not None and not apply:
        raise click.UsageError("--output is for a training. Add --apply, or leave it out.")
    try:
        training = requested(**given)
    except AthanorError as error:
        return write_sweep(
            FindLearningRateResponse(success=False, errors=error.messages, exit_code=error.exit_code), as_json
        )
    request = FindLearningRateRequest(
        training=training, start=start, end=end, steps=steps, picture=picture, apply=apply
    )
    from infrastructure.container import Container
    from presentation.cli.watching import watched

    response = Container().find_learning_rate().execute(request, watched)
    return write_sweep(response, as_json, lambda rate: train_call(given, rate))
