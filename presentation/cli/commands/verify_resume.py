"""Verify that a killed run, resumed, ends as if it had never been killed."""

import click


@click.command(name="verify-resume")
@click.option("--config", metavar="FILE", help="A run file that says what to train; default: the default task.")
@click.option("--kills", type=int, default=5, show_default=True, help="How often a training is killed.")
@click.option("--steps", type=int, help="Steps of a training; default: max_steps of the run file, else 12.")
@click.option("--seed", type=int, default=0, show_default=True, help="Where drawing the instants begins.")
@click.option("--output", metavar="DIR", help="Work in a new directory below DIR, not in the system's for such files.")
@click.option("--keep", is_flag=True, help="Keep that directory; it is also kept when something differs.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as one JSON object.")
def command(
    config: str | None, kills: int, steps: int | None, seed: int, output: str | None, keep: bool, as_json: bool
) -> int:
    """Train briefly, train again under kills, resume, and compare: model, metrics and summary must be equal.

    Everything but the number of steps, saves and scored rows, and what a run measures (batch_size auto, time_budget),
    is as the run file says. Exit code 0 when nothing differs, 1 when something does, 2 for bad input.
    """
    from application.training_request import TrainModelRequest
    from application.use_cases.verify_resume import TrialTold, VerifyResumeRequest
    from infrastructure.container import Container
    from presentation.cli.saying import say_json, warn
    from presentation.cli.writing import write_verdict

    def tell(trial: TrialTold) -> None:
        newest = f", newest checkpoint {trial.checkpoint}" if trial.checkpoint else ""
        warn(f"run {trial.run}, {trial.began}: {trial.ended} after {trial.seconds:.1f} s{newest}")

    container = Container()
    training = container.runs().read_request(config) if config else TrainModelRequest()
    request = VerifyResumeRequest(training=training, kills=kills, steps=steps, output=output, keep=keep, seed=seed)
    response = container.verify_resume().execute(request, tell)
    if as_json:
        say_json(response.model_dump())
    else:
        write_verdict(response)
    return 0 if response.equal else 1
