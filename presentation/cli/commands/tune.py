"""Find good settings by trials."""

from typing import Any

import click

from domain.exceptions import ConfigurationError
from domain.showing import shown
from domain.study import PRUNERS, SAMPLERS
from domain.time_budget import EXAMPLE, seconds_of
from presentation.cli.settings import requested
from presentation.cli.training_options import training_options

A_STUDY = "The directory of the study; default runs/<task>-tuned."
KEPT = "interrupted; trials that have ended are kept, and the same command goes on."


@click.command(params=training_options(output=A_STUDY))
@click.option("--trials", type=int, default=20, show_default=True, help="Trainings in all; the first has the defaults.")
@click.option("--timeout", metavar="TIME", help="Begin no trial after so long, such as 90s, 5m or 1h30m.")
@click.option("--space", metavar="FILE", help="What to search, as YAML; the task has a default.")
@click.option("--workers", type=int, default=1, show_default=True, help="Processes on this machine.")
@click.option("--storage", metavar="URL", help="postgresql://..., for workers on many machines; default a file.")
@click.option("--study", metavar="NAME", help="What these machines call it; default the name of the directory.")
@click.option(
    "--sampler", default=SAMPLERS[0], show_default=True, help=f"{', '.join(SAMPLERS)}: who suggests settings."
)
@click.option(
    "--pruner", default=PRUNERS[0], show_default=True, help=f"{', '.join(PRUNERS)}: who ends hopeless trials."
)
@click.option("--seeds", type=int, default=3, show_default=True, help="Seeds that the best are trained with.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def command(
    config: str | None,
    settings: tuple[str, ...],
    output_dir: str | None,
    trials: int,
    timeout: str | None,
    space: str | None,
    workers: int,
    storage: str | None,
    study: str | None,
    sampler: str,
    pruner: str,
    seeds: int,
    as_json: bool,
    **options: Any,
) -> int:
    """Search for good settings: each trial is a training, and the best are trained again with other seeds.

    It takes the options of `train`; what these say is not searched. The same command goes on with a study that was
    stopped or killed.
    """
    from application.tuning_request import TuneModelRequest
    from presentation.cli.interrupting import EXIT_CODE_OF_SIGNALS, Interrupted
    from presentation.cli.tuned import StudyScreen, write_study

    seconds = _seconds(timeout)
    training = requested(config, settings, **options).changed(output_dir=None)
    training.resolved()  # what is wrong with it is said before the libraries are loaded, which takes seconds
    from infrastructure.container import Container

    container = Container()
    request = TuneModelRequest(
        training=training,
        trials=trials,
        timeout=seconds,
        space=None if space is None else container.study_files().read_space(space),
        workers=workers,
        storage=storage,
        study=study,
        sampler=sampler,
        pruner=pruner,
        seeds=seeds,
        output_dir=output_dir,
    )
    try:
        return write_study(container.tune_model().execute(request, StudyScreen()), as_json)
    except Interrupted as interrupted:
        raise Interrupted(interrupted.exit_code - EXIT_CODE_OF_SIGNALS, KEPT) from None


def _seconds(timeout: str | None) -> float | None:
    if timeout is None:
        return None
    seconds = seconds_of(timeout)
    if seconds is None:
        raise ConfigurationError(f"--timeout is {shown(timeout)}.", remedy=f"A time is written as {EXAMPLE}.")
    return seconds
