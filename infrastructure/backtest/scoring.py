"""Scores one finished model on each fold of a table."""

from collections.abc import Sequence
from typing import Any

from application.training import SeriesTraining
from domain.backtest import Fold
from domain.exceptions import DatasetError
from domain.results import EvaluationResult
from infrastructure.data.windowed.parts import SplitSeries
from infrastructure.predictors import opened_by_torch
from infrastructure.tasks.registry import kind_of
from infrastructure.tasks.series.direction_kind import FinishedDirection
from infrastructure.tasks.series.quantile_kind import FinishedForecaster


class FinishedOnFolds:
    """Cuts the table of a training with the split of each fold, which leaves the training part and its scales alone."""

    def score(self, run: str, training: SeriesTraining, folds: Sequence[Fold]) -> Sequence[EvaluationResult]:
        """Score the windows whose targets all lie in a fold, for each. Raises: ModelError, DatasetError."""
        model = opened_by_torch(run, training.device)
        assert isinstance(model.task, FinishedForecaster | FinishedDirection)  # a training of a table has made it
        results = []
        for fold in folds:
            windows = _windows_of(training, fold)
            scored = model.score_rows(windows, model.task.adapter)
            results.append(model.result_of(scored, windows, f"{fold.first} to {fold.last}"))
        return results


def _windows_of(training: SeriesTraining, fold: Fold) -> Any:
    try:
        dataset = kind_of(training.task).load(training.changed(split=fold.split))
    except DatasetError as error:
        raise DatasetError.of([f"{fold.first} to {fold.last}: {message}" for message in error.messages]) from error
    assert isinstance(dataset, SplitSeries)
    return dataset.test
