"""What a backtest needs of the world beside what trainings need: periods, a finished model on them, a place."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from application.training import SeriesTraining
from domain.backtest import Backtest, Fold, Folds
from domain.results import EvaluationResult


class FoldCutter(Protocol):
    """Finds periods at the end of a table."""

    def cut(self, training: SeriesTraining, count: int, num_rows: int | None, refit: bool) -> Folds:
        """Give the periods, of `num_rows` each or sharing the last part of the split.

        With `refit` there are rows before each to learn from and to validate on; without it no period has a row that
        the split of the training learns from or validates on.
        Raises: DatasetError, ConfigurationError.
        """


class FoldScorer(Protocol):
    """Scores one finished model on periods."""

    def score(self, run: str, training: SeriesTraining, folds: Sequence[Fold]) -> Sequence[EvaluationResult]:
        """Score the windows whose targets all lie in a period, for each. Raises: ModelError, DatasetError."""


class BacktestFiles(Protocol):
    """Keeps what a backtest is and what came of it, beside the runs of its folds."""

    def require_place(self, output: str) -> None:
        """Find fault with a place before anything is read for it: only an unfinished backtest may be there.

        Raises: RunError.
        """

    def begin(self, output: str, plan: Mapping[str, Any]) -> None:
        """Make the directory with its plan, or take up one of the same plan that is not finished.

        Raises: RunError for any other, and when the disk refuses.
        """

    def withdraw(self, output: str) -> None:
        """Remove what `begin` has made, where nothing has come to it."""

    def finish(self, result: Backtest) -> Backtest:
        """Draw the picture and keep the result, that last; gives it with the place of the picture.

        Raises: RunError when the disk refuses.
        """
