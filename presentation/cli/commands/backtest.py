"""Try a forecaster on periods that follow each other."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from domain.run_layout import RUN_FILE

if TYPE_CHECKING:
    from presentation.cli.watching import ConsoleMonitor

KEPT = "interrupted; folds that are finished are kept, and the same command goes on."


@click.command()
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--config", metavar="FILE", help="A run file that says what to train before each fold.")
@click.option("--folds", type=int, default=5, show_default=True, help="Periods at the end of the table.")
@click.option("--fold-rows", type=int, metavar="ROWS", help="Rows of each; else the test part is shared out.")
@click.option(
    "--refit/--no-refit",
    default=None,
    help="Train anew before each fold, as --config does, or score the model of RUN on all, as RUN does.",
)
@click.option(
    "--output", "output_dir", metavar="DIR", help="Where results and runs go; default beside RUN, or in runs."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def command(
    run: str | None,
    config: str | None,
    folds: int,
    fold_rows: int | None,
    refit: bool | None,
    output_dir: str | None,
    as_json: bool,
) -> int:
    """Walk forward through a table: score the finished RUN, or what --config trains, on each of several periods.

    Each is scored by a model that has seen nothing of it nor of what follows. The same command goes on with a backtest
    that was stopped.
    """
    from application.use_cases.backtest import BacktestRequest
    from infrastructure.container import Container
    from presentation.cli.backtested import write_backtest

    container = Container()
    request = BacktestRequest(
        run=run,
        training=container.runs().read_request(config) if config else None,
        refit=refit,
        folds=folds,
        fold_rows=fold_rows,
        output_dir=output_dir,
        name=_name_of(Path(config or "")),
    )
    return write_backtest(container.backtest().execute(request, _watching), as_json)


def _name_of(config: Path) -> str:
    """Name what a run file trains: the file of a run is called as any other is, so that counts by its directory."""
    return config.absolute().parent.name if config.name == RUN_FILE else config.stem


@contextmanager
def _watching(doing: str) -> Iterator["ConsoleMonitor"]:
    """Watch one part of the job; what a signal ends at once goes on by the same command."""
    from presentation.cli.interrupting import EXIT_CODE_OF_SIGNALS, Interrupted
    from presentation.cli.watching import watched

    try:
        with watched(doing) as monitor:
            yield monitor
    except Interrupted as interrupted:
        raise Interrupted(interrupted.exit_code - EXIT_CODE_OF_SIGNALS, KEPT) from None
