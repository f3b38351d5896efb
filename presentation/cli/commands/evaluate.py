"""Score a finished model."""

from typing import Any

import click

from presentation.cli.settings import parsed


@click.command()
@click.argument("run", metavar="RUN")
@click.option(
    "--dataset",
    "dataset_path",
    required=True,
    metavar="PATH",
    help="Rows to score on: labelled rows, pairs, chats, text or a table.",
)
@click.option("--device", default="auto", show_default=True)
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True, help="How the file is read, such as encoding=windows-1252."
)
@click.option("--report", "report_path", metavar="FILE.html", help="Write a page about the rows there.")
@click.option(
    "--run-tests",
    is_flag=True,
    help="Have the model write programs and run the tests of each row, apart: pass@k. Else nothing written is run.",
)
@click.option("--samples", type=int, help="With --run-tests: programs to write for each row; 1 unless said.")
@click.option(
    "--temperature", type=float, help="With --run-tests: 0 for one program a row, 0.8 for several unless said."
)
@click.option(
    "--pass-at", metavar="K,K", help="With --run-tests: which pass@k; 1 and the number of samples unless said."
)
@click.option("--seed", type=int, help="With --run-tests: where drawing begins.")
@click.option("--max-new-tokens", type=int, help="With --run-tests: longest program to write, in tokens.")
@click.option("--time-limit", type=int, help="With --run-tests: seconds of a processor for a program; 5 unless said.")
@click.option("--memory-limit", type=int, help="With --run-tests: MiB of memory for a program; 512 unless said.")
@click.option("--json", "as_json", is_flag=True, help="Print metrics and num_rows as one JSON object.")
def command(settings: tuple[str, ...], as_json: bool, pass_at: str | None, **options: Any) -> int:
    """Score the finished RUN (or a model directory) on labelled rows, or with --run-tests by running what it writes."""
    from application.phases import telling_phases
    from application.use_cases.evaluate_model import EvaluateModelRequest
    from infrastructure.answers_container import AnswersContainer
    from presentation.cli.answering import progress_of_phases
    from presentation.cli.saying import warn
    from presentation.cli.writing import write_evaluation

    request = EvaluateModelRequest(reading=parsed(settings), pass_at=_numbers(pass_at), **options)
    with progress_of_phases() as told, telling_phases(told):
        response = AnswersContainer().evaluate_model().execute(request)
    write_evaluation(response, as_json)
    if request.report_path is not None:
        warn(f"wrote {request.report_path}")
    return 0


def _numbers(words: str | None) -> tuple[int, ...] | None:
    """Read whole numbers with commas between them."""
    try:
        return None if words is None else tuple(map(int, words.split(",")))
    except ValueError as error:
        raise click.BadParameter(f"'{words}' is no list of whole numbers. Write, for example, 1,5,10.") from error
