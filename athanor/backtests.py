"""Try a forecaster on periods that follow each other, as `athanor backtest` does."""

from contextlib import nullcontext
from os import PathLike, fspath

from application.ports import RunMonitor
from application.training_request import TrainModelRequest
from application.use_cases.backtest import BacktestRequest
from domain.backtest import Backtest
from infrastructure.container import Container

Place = str | PathLike[str]


def backtest(
    run: Place | None = None,
    *,
    training: TrainModelRequest | None = None,
    refit: bool | None = None,
    folds: int = 5,
    fold_rows: int | None = None,
    output_dir: Place | None = None,
    monitor: RunMonitor | None = None,
) -> Backtest:
    """Score a finished run, or what `training` asks for, on periods at the end of its table.

    With `refit`, as for `training`, a model is trained before each fold on what lies before it. The same call goes on
    with a backtest that was stopped; one that fails or is stopped half-way gives `errors`.
    Raises: ConfigurationError, DatasetError, ModelError, RunError for what cannot be begun.
    """
    request = BacktestRequest(
        run=None if run is None else fspath(run),
        training=training,
        refit=refit,
        folds=folds,
        fold_rows=fold_rows,
        output_dir=None if output_dir is None else fspath(output_dir),
    )
    return Container().backtest().execute(request, lambda doing: nullcontext(monitor))
