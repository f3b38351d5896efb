"""Scores one finished model on each fold of a table."""

from collections.abc import Sequence

from application.training import SeriesTraining
from domain.backtest import Fold
from domain.exceptions import DatasetError
from domain.results import EvaluationResult
from domain.task import task_named
from infrastructure.data.series.split import anchors_of
from infrastructure.data.series.windows import Windows
from infrastructure.data.sources.shipped import located
from infrastructure.prediction import PredictorSource


class FinishedOnFolds:
    """Reads the table once, as the model has learnt to read it."""

    def score(self, run: str, training: SeriesTraining, folds: Sequence[Fold]) -> Sequence[EvaluationResult]:
        """Score the windows whose targets all lie in a fold, for each. Raises: ModelError, DatasetError."""
        model = PredictorSource().open(run, training.device)
        path = located(training.dataset_path, task_named(training.task))
        windows, adapter = model.task.scored(str(path))
        assert isinstance(windows, Windows)  # a training of a table has made the model
        results = []
        for fold in folds:
            part = _of(windows, fold)
            results.append(model.result_of(model.score_rows(part, adapter), part, f"{fold.first} to {fold.last}"))
        return results


def _of(windows: Windows, fold: Fold) -> Windows:
    found = windows.at(anchors_of(fold.start, fold.end, windows.context_length, max(windows.horizons)))
    if not len(found):
        raise DatasetError(
            f"no window from {fold.first} to {fold.last} has anything to be judged by: the values to forecast are"
            " missing, or all that is known before them.",
            remedy="Fill them in, or ask for fewer or other folds (--folds, --fold-rows).",
        )
    return found
