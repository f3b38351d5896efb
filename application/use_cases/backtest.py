"""Try a forecaster on periods that follow each other, trained anew before each or finished as it is."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from math import isfinite
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from application.backtest_ports import BacktestFiles, FoldCutter, FoldScorer
from application.phases import telling_phases
from application.ports import RunArchive, RunMonitor, Workshop
from application.training import SeriesTraining, training_of
from application.training_request import TrainModelRequest
from application.use_cases.resume_training import ResumeTrainingUseCase
from application.use_cases.train_model import BAD_INPUT, EXIT_CODE_OF_STOP, TrainModelResponse, TrainModelUseCase
from domain.backtest import MAX_FOLDS, Backtest, Fold, Folds, FoldScores, mean_and_spread
from domain.exceptions import ConfigurationError, RunError
from domain.headlines import rivals_of
from domain.hub_names import name_of_data
from domain.interval import known
from domain.runs import FINISHED
from domain.showing import json_text
from domain.task import TASKS, is_preset

__all__ = ["BacktestRequest", "BacktestUseCase"]

ROOT = "runs"
STANDARD_INPUT = "-"
# The first that a task has decides between the model and its rivals.
DECIDING = ("mae", "accuracy")
Watching = Callable[[str], AbstractContextManager[RunMonitor | None]]


class BacktestRequest(BaseModel):
    """What to try: a `run`, or a training that was asked for; with `refit` a model is trained before each fold.

    `fold_rows` are the rows of each fold, None for those of the test part shared out. `output_dir` holds the result and
    the runs of the folds; `name` is what it is called where it is None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str | None = None
    training: TrainModelRequest | None = None
    refit: bool | None = None
    folds: int = 5
    fold_rows: int | None = None
    output_dir: str | None = None
    name: str = ""


class BacktestUseCase:
    """Walks forward through a table: each fold is scored by a model that knows nothing of it nor of what follows."""

    def __init__(
        self,
        archive: RunArchive,
        workshop: Workshop,
        train_model: TrainModelUseCase,
        resume_training: ResumeTrainingUseCase,
        cutter: FoldCutter,
        scorer: FoldScorer,
        files: BacktestFiles,
    ) -> None:
        self._archive = archive
        self._workshop = workshop
        self._train_model = train_model
        self._resume_training = resume_training
        self._cutter = cutter
        self._scorer = scorer
        self._files = files

    def execute(self, request: BacktestRequest, watching: Watching = lambda doing: nullcontext()) -> Backtest:
        """Score all folds, going on with a backtest of the same place that was stopped.

        `watching` gives somebody who watches a part of the job, by what that does. A fold that fails or is stopped ends
        it with `errors`; Raises: ConfigurationError, DatasetError, ModelError, RunError for what cannot be begun.
        """
        refit = _checked(request)
        run = None if request.run is None else self._archive.find(request.run, ROOT)
        asked = request.training or TrainModelRequest(**self._archive.settings(run or ""))
        training = _of_tables(asked)
        beside = run or str(Path(ROOT) / (request.name or training.task))
        output = request.output_dir or f"{beside}-backtest"
        self._files.require_place(output)
        if run is not None and not refit:
            self._require_finished(run)
        with watching(f"reading {name_of_data(training.dataset_path)}") as monitor, _told_to(monitor):
            settled = self._workshop.settle(training, asked)
            assert isinstance(settled, SeriesTraining)
            cut = self._cutter.cut(settled, request.folds, request.fold_rows, refit)
        if run is not None and not refit:
            self._require_known_rows(run, training, cut)
        self._files.begin(output, _plan(asked, run, refit, cut))
        begun = Backtest(training.task, "", refit, output, warnings=_warnings(refit, training))
        if not refit:
            return self._scored(begun, run or "", settled, cut.folds, watching)
        return self._trained(begun, asked, cut.folds, watching)

    def _require_finished(self, run: str) -> None:
        status = self._archive.facts(run).status
        if status != FINISHED:
            raise RunError(f"{run} is {status}, not finished.", remedy=f"Use `athanor resume {run}` first, or --refit.")

    def _require_known_rows(self, run: str, training: SeriesTraining, cut: Folds) -> None:
        """Want the table that a finished model has learnt from: of another nobody knows which rows it has seen."""
        if self._archive.data(run).get("training") != cut.sha256:
            raise RunError(
                f"{name_of_data(training.dataset_path)} is not what {run} was trained on: nobody knows which of its"
                " rows the model has seen.",
                remedy="Use --refit to train anew before each fold, or `athanor evaluate` for new rows.",
            )

    def _scored(
        self, begun: Backtest, run: str, training: SeriesTraining, folds: Sequence[Fold], watching: Watching
    ) -> Backtest:
        """Score a finished model on all folds."""
        with watching(f"scoring {len(folds)} folds") as monitor, _told_to(monitor):
            results = self._scorer.score(run, training, folds)
        scores = [
            _scores_of(fold, result.metrics, result.metrics, known(result.intervals), None)
            for fold, result in zip(folds, results, strict=True)
        ]
        return self._finished(begun, scores)

    def _trained(
        self, begun: Backtest, asked: TrainModelRequest, folds: Sequence[Fold], watching: Watching
    ) -> Backtest:
        """Train before each fold, and score that."""
        there = {Path(facts.run_dir).name: facts.status for facts in self._archive.runs(begun.output_dir)}
        scores: list[FoldScores] = []
        for fold in folds:
            path = str(Path(begun.output_dir) / fold.name)
            name = f"fold {fold.number} of {len(folds)}"
            if there.get(fold.name) != FINISHED:
                with watching(f"{name}, {fold.first} to {fold.last}") as monitor:
                    response = self._run_of(fold, asked, path, fold.name in there, monitor)
                    stopped = "" if monitor is None else monitor.stop_requested()
                if not response.success:
                    if response.exit_code == BAD_INPUT:
                        self._files.withdraw(begun.output_dir)
                    told = response.errors
                    if response.stop_reason in EXIT_CODE_OF_STOP:
                        told = (f"stopped ({response.stop_reason}) after saving; the same command goes on.",)
                    errors = tuple(f"{name}: {error}" for error in told)
                    return replace(begun, folds=tuple(scores), errors=errors, exit_code=response.exit_code)
                if stopped and fold is not folds[-1]:
                    error = f"stopped ({stopped}) after {name}; the same command goes on."
                    code = EXIT_CODE_OF_STOP.get(stopped, 1)
                    return replace(begun, folds=tuple(scores), errors=(error,), exit_code=code)
            summary = self._archive.summary(path)
            scores.append(_scores_of(fold, summary["test_metrics"], summary["baselines"], summary["intervals"], path))
        return self._finished(begun, scores)

    def _run_of(
        self, fold: Fold, asked: TrainModelRequest, path: str, is_there: bool, monitor: RunMonitor | None
    ) -> TrainModelResponse:
        if is_there:
            return self._resume_training.execute(path, monitor)
        request = asked.changed(split=fold.split, validation_split=None, output_dir=path)
        return self._train_model.execute(request, monitor)

    def _finished(self, begun: Backtest, scores: Sequence[FoldScores]) -> Backtest:
        names = [name for name in scores[0].metrics if all(name in each.metrics for each in scores)]
        found = {name: mean_and_spread([each.metrics[name] for each in scores]) for name in names}
        result = replace(
            begun,
            metric=scores[0].metric,
            folds=tuple(scores),
            mean={name: mean for name, (mean, _) in found.items()},
            spread={name: spread for name, (_, spread) in found.items()},
        )
        return self._files.finish(result)


def _checked(request: BacktestRequest) -> bool:
    """Find fault with what is asked for; gives whether each fold is trained for. Raises: ConfigurationError."""
    faults = []
    if (request.run is None) == (request.training is None):
        faults.append("a backtest tries one thing. Name either a RUN or --config FILE.")
    if request.training is not None and request.refit is False:
        faults.append("--no-refit scores a finished model, and --config names none. Name a RUN instead.")
    if not 1 <= request.folds <= MAX_FOLDS:
        faults.append(f"folds is {request.folds}, but must lie between 1 and {MAX_FOLDS:,}. Use 5, for example.")
    if request.fold_rows is not None and request.fold_rows < 1:
        faults.append(f"fold_rows is {request.fold_rows}, but must be at least 1. Leave it out for the test part.")
    if faults:
        raise ConfigurationError.of(faults)
    return request.training is not None if request.refit is None else request.refit


def _of_tables(asked: TrainModelRequest) -> SeriesTraining:
    """Decide everything of a training. Raises: ConfigurationError where it is of no table that lies in time."""
    training = asked.resolved()
    if isinstance(training, SeriesTraining):
        if training.dataset_path == STANDARD_INPUT:
            raise ConfigurationError(
                "a backtest reads its table before each fold, and standard input can be read once.",
                remedy="Name a file as dataset_path.",
            )
        return training
    able = ", ".join(name for name, task in TASKS.items() if issubclass(training_of(task), SeriesTraining))
    raise ConfigurationError(
        f"a backtest walks through time, and rows of task {training.task} have none.",
        remedy=f"Use `athanor evaluate`, or a task of tables: {able}.",
    )


def _warnings(refit: bool, training: SeriesTraining) -> tuple[str, ...]:
    if not refit or is_preset(training.model_name or ""):
        return ()
    return (f"each fold begins with the model {training.model_name}, which may know rows of the folds.",)


def _told_to(monitor: RunMonitor | None) -> AbstractContextManager[None]:
    return nullcontext() if monitor is None else telling_phases(monitor.notify)


def _plan(asked: TrainModelRequest, run: str | None, refit: bool, cut: Folds) -> Mapping[str, Any]:
    """Say as plain JSON what decides the result."""
    settings = asked.model_dump(mode="json", exclude_unset=True, exclude={"output_dir"})
    plan = {"run": run, "refit": refit, "data": cut.sha256, "folds": [asdict(fold) for fold in cut.folds]}
    told: Mapping[str, Any] = json.loads(json_text({**plan, "settings": settings}))  # lists as they are read again
    return told


def _scores_of(
    fold: Fold,
    metrics: Mapping[str, Any],
    baselines: Mapping[str, Any],
    intervals: Mapping[str, tuple[float, float]],
    run_dir: str | None,
) -> FoldScores:
    metric = next((name for name in DECIDING if name in metrics), DECIDING[0])
    classes = metrics.get("per_class") or {}
    return FoldScores(
        fold,
        int(metrics.get("num_windows") or sum(scores["support"] for scores in classes.values())),
        metric,
        {name: float(value) for name, value in metrics.items() if _is_number(value)},
        {name: (ends[0], ends[1]) for name, ends in intervals.items()},
        rivals_of(metric, baselines, metrics),
        run_dir,
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
