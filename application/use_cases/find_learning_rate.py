"""Find the learning rate of a training by a range test, and train with it where that is wanted."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from application.as_html import facts_html, titled_html, told_html
from application.monitors import Monitors
from application.phases import telling_phases
from application.ports import DatasetSource, ModelSource, RunMonitor, RunStore, Workshop
from application.sweep_ports import RateSweeper, SweepPictures
from application.training import Training
from application.training_request import TrainModelRequest
from application.use_cases.train_model import EXIT_CODE_OF_STOP, TrainModelResponse, TrainModelUseCase
from domain.events import Noted
from domain.exceptions import AthanorError, ConfigurationError
from domain.hub_names import name_of_data
from domain.rate_sweep import STEPS, RateFound, RateSweep, SweptLosses, faults_of_range, rate_found, usual_range

__all__ = ["FindLearningRateRequest", "FindLearningRateResponse", "FindLearningRateUseCase"]

FAILED = 1
STANDARD_INPUT = "-"
Watching = Callable[[str], AbstractContextManager[RunMonitor | None]]


class FindLearningRateRequest(BaseModel):
    """A training, and how its rates are swept: from `start` to `end` in `steps`; None leaves an end to the training.

    `picture` is a PNG file that is drawn. With `apply` the training follows, with the rate that is suggested.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    training: TrainModelRequest
    start: float | None = None
    end: float | None = None
    steps: int = STEPS
    picture: str | None = None
    apply: bool = False


class FindLearningRateResponse(BaseModel):
    """What a sweep has found.

    `learning_rate` is the one that is suggested, None where there is none to suggest; `reason` says why in both cases.
    `rates`, `losses` (mean over the targets of a step, before its update; None where not finite) and `smoothed` go step
    by step. The loss fell fastest at `steepest`, was lowest at `lowest`, about as low up to `rising`, and grew without
    bound at `diverged`. `usual` is the rate that the training would take without being told. `training` is what became
    of the training that was wanted with it. `success` is False where nothing is suggested, or that training failed;
    `errors` then says why.
    """

    model_config = ConfigDict(frozen=True)

    success: bool
    errors: tuple[str, ...] = ()
    task: str | None = None
    model_name: str | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    reason: str = ""
    steepest: float | None = None
    lowest: float | None = None
    rising: float | None = None
    diverged: float | None = None
    usual: float | None = None
    start: float | None = None
    end: float | None = None
    steps: int | None = None
    rates: tuple[float, ...] = ()
    losses: tuple[float | None, ...] = ()
    smoothed: tuple[float | None, ...] = ()
    picture: str | None = None
    warnings: tuple[str, ...] = ()
    training: TrainModelResponse | None = None
    exit_code: int = 0

    def _repr_html_(self) -> str:
        title = f"learning rate: {'none suggested' if self.learning_rate is None else f'{self.learning_rate:g}'}"
        facts = {"why": self.reason, "picture": self.picture or ""}
        told = told_html(self.errors, "error") + told_html(self.warnings, "warning")
        trained = "" if self.training is None else self.training._repr_html_()
        return titled_html(title, facts_html(facts), told, trained)


class FindLearningRateUseCase:
    """Takes the first steps of a training at learning rates that rise, and leaves nothing of them but an answer.

    What has learnt in the sweep is let go of. A training behind it begins as if there had been none.
    """

    def __init__(
        self,
        runs: RunStore,
        datasets: DatasetSource,
        models: ModelSource,
        workshop: Workshop,
        sweeper: RateSweeper,
        pictures: SweepPictures,
        train_model: TrainModelUseCase,
    ) -> None:
        self._runs = runs
        self._datasets = datasets
        self._models = models
        self._workshop = workshop
        self._sweeper = sweeper
        self._pictures = pictures
        self._train_model = train_model

    def execute(
        self, request: FindLearningRateRequest, watching: Watching = lambda doing: nullcontext()
    ) -> FindLearningRateResponse:
        """Sweep, and train where that is asked for; only programming errors are raised.

        `watching` gives somebody who watches a part of the job, by what that does.
        """
        try:
            asked = _swept_request(request)
            training = self._checked(request, asked)
            with watching(f"reading {name_of_data(training.dataset_path)}") as monitor:
                monitors = Monitors.of(monitor)
                with telling_phases(monitors.notify):
                    found = self._found(request, asked, training, monitors)
        except AthanorError as error:
            return FindLearningRateResponse(success=False, errors=error.messages, exit_code=error.exit_code)
        if not (request.apply and found.success):
            return found
        return self._trained(request, found, watching)

    def _checked(self, request: FindLearningRateRequest, asked: TrainModelRequest) -> Training:
        """Find fault with all that is asked for. Raises: ConfigurationError."""
        picture = request.picture
        faults = [
            *_faults(request),
            *(() if picture is None else _faults_of(lambda: self._pictures.require_place(picture))),
            *_faults_of(asked.resolved),
        ]
        if faults:
            raise ConfigurationError.of(faults)
        return asked.resolved()

    def _found(
        self, request: FindLearningRateRequest, asked: TrainModelRequest, training: Training, monitors: Monitors
    ) -> FindLearningRateResponse:
        training = self._workshop.settle(training, asked)
        sweep = _sweep_of(request, training)
        run = self._runs.reserve(training)  # where a training would write; nothing is made there
        dataset = self._datasets.load(training)
        model = self._models.build(training, dataset, run)
        training = self._workshop.fit(training, asked, model, dataset)
        swept = self._sweeper.sweep(training, model, dataset, sweep, monitors)
        if stopped := monitors.stop_requested():
            error = f"stopped ({stopped}) after {len(swept.losses)} of {sweep.steps} steps; nothing was written."
            code = EXIT_CODE_OF_STOP.get(stopped, FAILED)
            return FindLearningRateResponse(success=False, errors=(error,), exit_code=code)
        found = rate_found(sweep, swept)
        told = _response(training, sweep, swept, found)
        told = told.model_copy(update={"warnings": (*asked.warnings, *_set_aside(request.training), *dataset.warnings)})
        if request.picture is None:
            return told
        try:
            self._pictures.draw(request.picture, sweep, swept, found)
        except AthanorError as error:  # what was found is told though the disk refuses its picture
            errors = (*told.errors, *error.messages)
            return told.model_copy(update={"success": False, "errors": errors, "exit_code": FAILED})
        return told.model_copy(update={"picture": request.picture})

    def _trained(
        self, request: FindLearningRateRequest, found: FindLearningRateResponse, watching: Watching
    ) -> FindLearningRateResponse:
        """Train as if the rate had been given: nothing of the sweep is handed on but its number."""
        wanted = request.training.changed(learning_rate=found.learning_rate)
        with watching(f"training with learning rate {found.learning_rate:g}") as monitor:
            monitors = Monitors.of(monitor)
            monitors.notify(Noted(f"learning rate {found.learning_rate:g}: {found.reason}"))
            response = self._train_model.execute(wanted, monitors)
        told = {"success": response.success, "errors": response.errors, "exit_code": response.exit_code}
        return found.model_copy(update={**told, "training": response})


def _swept_request(request: FindLearningRateRequest) -> TrainModelRequest:
    """Set aside what a sweep has itself: rates, how long it lasts and, without a training, where it goes."""
    asked = request.training
    place = asked.output_dir if request.apply else None
    return asked.changed(learning_rate=None, eta_min=0.0, time_budget=None, output_dir=place)


def _set_aside(asked: TrainModelRequest) -> Iterator[str]:
    if asked.learning_rate is not None:
        yield f"learning_rate {asked.learning_rate:g} is set aside: the sweep looks for it."
    if asked.time_budget is not None:
        yield "time_budget is set aside: a sweep takes its steps, and is no part of the time of a training."


def _faults(request: FindLearningRateRequest) -> Iterator[str]:
    yield from faults_of_range(request.start, request.end, request.steps)
    output = request.training.output_dir
    if request.apply and output and request.picture and _lies_in(request.picture, output):
        yield f"--picture {request.picture} lies in the run directory {output}. Name a place beside it."
    if request.apply and request.training.dataset_path == STANDARD_INPUT:
        yield "--apply reads the rows twice, and standard input can be read once. Name a file as --dataset."


def _lies_in(path: str, directory: str) -> bool:
    return Path(os.path.abspath(path)).is_relative_to(os.path.abspath(directory))


def _faults_of(check: Callable[[], Any]) -> tuple[str, ...]:
    try:
        check()
    except AthanorError as error:
        return error.messages
    return ()


def _sweep_of(request: FindLearningRateRequest, training: Training) -> RateSweep:
    """Decide the ends that are left open. Raises: ConfigurationError when the sweep would not rise."""
    start, end = usual_range(training.optimizer, training.learning_rate)
    sweep = RateSweep(request.start or start, request.end or end, request.steps)
    if faults := list(faults_of_range(sweep.start, sweep.end, sweep.steps)):
        raise ConfigurationError.of(faults)
    return sweep


def _response(training: Training, sweep: RateSweep, swept: SweptLosses, found: RateFound) -> FindLearningRateResponse:
    none_told = () if found.rate is not None else (f"no learning rate is suggested: {found.reason}",)
    return FindLearningRateResponse(
        success=found.rate is not None,
        errors=none_told,
        task=training.task,
        model_name=training.model_name,
        optimizer=training.optimizer,
        learning_rate=found.rate,
        reason=found.reason,
        steepest=found.steepest,
        lowest=found.lowest,
        rising=found.rising,
        diverged=found.diverged,
        usual=training.learning_rate,
        start=sweep.start,
        end=sweep.end,
        steps=sweep.steps,
        rates=tuple(map(sweep.rate_at, range(len(swept.losses)))),
        losses=tuple(swept.losses),
        smoothed=tuple(value if math.isfinite(value) else None for value in swept.smoothed),
        exit_code=FAILED if none_told else 0,
    )
