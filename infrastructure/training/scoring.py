"""Scoring the evaluation part of a run, again and again as it goes on."""

import math
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

from domain.progress import Progress
from infrastructure.training.evaluation import evaluate, rows_to_score, rows_without_loss
from infrastructure.training.session import Session


class Scoring:
    """Scores one data set with the weights that the run would keep; `warn` is told what a person should know."""

    def __init__(self, session: Session, dataset: Any, batch_size: int, warn: Callable[[Progress, str], None]) -> None:
        self._session = session
        self._dataset = dataset
        self._rows_at_once = rows_to_score(dataset, batch_size, session.device)
        self._warn = warn
        self._has_named_rows = False

    def metrics(self, progress: Progress) -> dict[str, Any]:
        """Give `loss` and the metrics of the task. Raises: TrainingError when memory is too small for a single row."""
        session = self._session
        found: list[int] = []  # where memory runs out
        rows_at_once = progress.evaluation_rows_at_once or self._rows_at_once
        place = (session.forward, session.task, self._dataset, rows_at_once, session.precision, session.device)
        with session.average.standing_in(session.trained) if session.average else nullcontext():
            metrics = evaluate(*place, on_halved=found.append, parallel=session.parallel)
            if found:
                progress.evaluation_rows_at_once = found[-1]
                self._warn(progress, f"memory ran out in an evaluation, which now takes {found[-1]} rows at once.")
            if not math.isfinite(metrics["loss"]) and not self._has_named_rows:
                self._has_named_rows = True  # finding them takes a pass of its own
                rows = names_of(self._dataset, rows_without_loss(*place))
                self._warn(progress, f"the loss of the evaluation part is not finite: {_told(rows)}.")
        return metrics


def names_of(dataset: Any, rows: Iterable[int]) -> tuple[str, ...]:
    """Name rows the way a person finds them; a data set without names has numbers."""
    name: Callable[[int], str] = getattr(dataset, "row_id", str)
    return tuple(map(name, rows))


def _told(rows: tuple[str, ...]) -> str:
    return f"that of {', '.join(rows)} is not" if rows else "no single row is to blame"
