"""Write what a range test of learning rates has found."""

import math
from collections.abc import Callable, Sequence

from application.use_cases.find_learning_rate import FindLearningRateResponse
from domain.rate_sweep import middle_of
from domain.words import counted
from presentation.cli.columns import Column, write_columns
from presentation.cli.saying import say, say_json, warn
from presentation.cli.speaking import say_failure
from presentation.cli.writing import write_response

# Rates of the table beside those that are marked; a curve has a hundred.
ROWS = 12


def write_sweep(
    response: FindLearningRateResponse, as_json: bool, train_call: Callable[[float], str] = lambda rate: ""
) -> int:
    """Write the answer, and the call of a training that takes the rate; gives the exit code.

    A training that followed is written below it.
    """
    if as_json:
        say_json(response.model_dump())
    else:
        for warning in response.warnings:
            warn(f"warning: {warning}")
        if response.rates:
            _write_curve(response)
        if response.learning_rate is not None:
            _write_suggestion(response, train_call)
    if response.training is not None and not as_json:
        return write_response(response.training, as_json=False)
    say_failure(response.errors, response.exit_code)
    return response.exit_code


def _write_curve(response: FindLearningRateResponse) -> None:
    """Write some rates of the sweep, evenly, the last among them, and those of which something was found."""
    last = len(response.rates) - 1
    marks = _marks(response)
    places = sorted({*(round(last * number / (ROWS - 1)) for number in range(ROWS)), *marks})
    write_columns(
        [
            Column("learning rate", tuple(f"{response.rates[place]:.1e}" for place in places), 0, is_number=True),
            Column("loss", tuple(_loss(response.losses[place]) for place in places), 2, is_number=True),
            Column(
                "smoothed", tuple(_smoothed_around(response.smoothed, place) for place in places), 0, is_number=True
            ),
            Column("", tuple(", ".join(marks.get(place, ())) for place in places), 1),
        ]
    )


def _marks(response: FindLearningRateResponse) -> dict[int, list[str]]:
    """Give what was found by the step whose rate comes nearest to it."""
    marks: dict[int, list[str]] = {}
    for name, rate in (
        ("suggested", response.learning_rate),
        ("fell fastest", response.steepest),
        ("lowest", response.lowest),
        ("rises", response.rising),
        ("diverged", response.diverged),
    ):
        if rate is not None:
            marks.setdefault(_nearest(response.rates, rate), []).append(name)
    return marks


def _nearest(rates: Sequence[float], rate: float) -> int:
    return min(range(len(rates)), key=lambda place: abs(math.log(rates[place] / rate)))


def _smoothed_around(smoothed: Sequence[float | None], place: int) -> str:
    """Write the smoothed loss that has its middle at a step; the last steps have none."""
    nearest = min(range(len(smoothed)), key=lambda step: abs(middle_of(step) - place))
    return _loss(smoothed[nearest]) if abs(middle_of(nearest) - place) <= 1.0 else ""


def _loss(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.4g}"


def _write_suggestion(response: FindLearningRateResponse, train_call: Callable[[float], str]) -> None:
    rate = response.learning_rate or 0.0
    swept = f"{counted(len(response.rates), 'steps')} with {response.optimizer}"
    say("")
    say(f"learning rate {rate:g}: {response.reason}")
    say(f"{swept}; where nothing is said, {response.task} takes {response.usual:g} here.")
    if response.picture is not None:
        say(f"picture {response.picture}")
    if response.training is None and (call := train_call(rate)):
        say(f"next: {call}")
    if response.training is not None:
        say("")
