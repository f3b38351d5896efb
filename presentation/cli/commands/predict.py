"""Answer rows with a finished model."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from presentation.cli.settings import parsed

if TYPE_CHECKING:
    from application.answers import Answers

STANDARD_INPUT = "-"
NO_STREAM = "--stream shows a text while it is written, and this model writes none. Leave it out."
ESCAPES = {r"\n": "\n", r"\t": "\t", r"\r": "\r", r"\\": "\\"}


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--input", "input_path", required=True, metavar="PATH|-", help="Rows or a table, - for standard input.")
@click.option(
    "--output", metavar="FILE", help="Write there, beside the input: .csv, .csv.gz, .tsv, .parquet, .xlsx or .jsonl."
)
@click.option(
    "--keep",
    metavar="all|none|NAMES",
    help="Columns of the input to repeat before each answer, such as id,subject; all with --output, else none.",
)
@click.option("--device", default="auto", show_default=True)
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True, help="How the file is read, such as encoding=windows-1252."
)
@click.option("--max-new-tokens", type=int, help="Longest text to write, in tokens.")
@click.option("--temperature", type=float, help="0 takes the likeliest token each time; above 0 draws.")
@click.option(
    "--top-k",
    type=int,
    help="A model that labels: give this many labels, the likeliest first. One that fills gaps: this many tokens for"
    " each. One that writes: draw from this many of the likeliest tokens; 0 for all.",
)
@click.option("--threshold", type=float, help='Call a label "unsure" when its score is below this, such as 0.8.')
@click.option("--top-p", type=float, help="Draw from the likeliest tokens that hold this share.")
@click.option("--seed", type=int, help="Where drawing begins.")
@click.option("--beams", "num_beams", type=int, help="Search with this many beams and draw nothing.")
@click.option("--max-repeats", type=int, help="End a text that repeats itself more often than this; 0 for never.")
@click.option("--stop", multiple=True, metavar="TEXT", help=r"End before TEXT, in which \n is a new line; repeatable.")
@click.option("--strict", is_flag=True, help="Stop at a row that cannot be answered; else its answer says why.")
@click.option(
    "--for-spreadsheets",
    is_flag=True,
    help="In a CSV, put ' before what begins with = + - @, wide or not, a tab or a line end: a spreadsheet may run it.",
)
@click.option(
    "--stream/--no-stream",
    default=None,
    help="Show a text while it is written, not as JSON; the rule on a terminal with --input -.",
)
def command(
    output: str | None, settings: tuple[str, ...], stop: tuple[str, ...], stream: bool | None, **options: Any
) -> int:
    """Answer each row of the input with RUN: one JSON object a line, in order; forecasts as CSV.

    With --output the answers stand beside the columns of the input: athanor predict RUN --input tickets.csv --output
    answers.csv. The options of writing hold for models that write and replace what was set when RUN was trained.
    """
    from application.use_cases.predict import PredictRequest
    from domain.words import counted
    from infrastructure.answers_container import AnswersContainer
    from presentation.cli.answering import progress_of_answers
    from presentation.cli.saying import say_data, say_piece, warn

    request = PredictRequest(stop=tuple(map(_unescaped, stop)) or None, reading=parsed(settings), **options)
    predict = AnswersContainer().predict()
    if output is not None:
        if stream:
            raise click.UsageError("--stream shows texts and --output keeps them: choose one.")
        with progress_of_answers(are_printed=False) as progress:
            answers = predict.write(request, output, progress.answered)
        _tell(answers, warn)
        warn(f"wrote {output}: {counted(progress.number, 'rows')}")
        return 0
    is_wished = bool(stream)
    if stream is None:
        stream = request.input_path == STANDARD_INPUT and sys.stdout.isatty()
    screen = _Screen(say_piece)
    answers = predict.execute(request, on_text=screen.show if stream else None)
    if is_wished and answers.is_table:
        raise click.UsageError(NO_STREAM)
    if answers.is_table or not stream:
        with progress_of_answers(are_printed=True) as progress:
            for line in answers.told(lambda number: progress.answered(number, answers.num_rows)).lines():
                say_data(line)
    else:
        _stream(answers, screen, is_wished)
    _tell(answers, warn)
    return 0


def _stream(answers: "Iterable[Mapping[str, Any]]", screen: "_Screen", is_wished: bool) -> None:
    from presentation.cli.saying import say_json, say_piece

    for answer in answers:
        # A classifier streams nothing: its answers are JSON on a terminal too, and so are those to bad rows.
        if screen.was_used():
            say_piece("\n")
        elif is_wished and "text" not in answer:
            raise click.UsageError(NO_STREAM)
        else:
            say_json(answer)


def _tell(answers: "Answers", warn: Callable[[str], None]) -> None:
    for fact in answers.facts:
        warn(fact)
    for note in answers.notes:
        warn(f"warning: {note}")


class _Screen:
    """Shows pieces of a text as they come, and knows whether there were any."""

    def __init__(self, say_piece: Callable[[str], None]) -> None:
        self._say_piece = say_piece
        self._used = False

    def show(self, piece: str) -> None:
        self._used = True
        self._say_piece(piece)

    def was_used(self) -> bool:
        """Tell whether anything was shown since the last question."""
        used, self._used = self._used, False
        return used


def _unescaped(text: str) -> str:
    return re.sub(r"\\[ntr\\]", lambda found: ESCAPES[found.group()], text)
