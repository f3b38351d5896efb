"""Find good settings by trials, as `athanor tune` does."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike, fspath
from typing import Any

from application.ports import RunMonitor
from application.training_request import TrainModelRequest
from application.tuning_request import TuneModelRequest
from domain.study import Search, Study, Trial
from infrastructure.container import Container

Place = str | PathLike[str]


def tune(
    training: TrainModelRequest,
    *,
    trials: int = 20,
    timeout: float | None = None,
    space: Mapping[str, Any] | Place | None = None,
    workers: int = 1,
    storage: str | None = None,
    study: str | None = None,
    sampler: str = "tpe",
    pruner: str = "median",
    seeds: int = 3,
    output_dir: Place | None = None,
    monitor: RunMonitor | None = None,
) -> Study:
    """Search for good settings of a training, and train the best with several seeds.

    `space` says what is searched, as a mapping or in a YAML file: a list of values, or `low`, `high` and `log`; None is
    what suits the task. What `training` says itself is not searched. No trial is begun after `timeout` seconds.
    The same call goes on with a study that was stopped; one that fails or is stopped gives `errors`.
    Raises: ConfigurationError, DatasetError, ModelError, RunError, TrainingError.
    """
    container = Container()
    written = (
        space if space is None or isinstance(space, Mapping) else container.study_files().read_space(fspath(space))
    )
    request = TuneModelRequest(
        training=training,
        trials=trials,
        timeout=timeout,
        space=written,
        workers=workers,
        storage=storage,
        study=study,
        sampler=sampler,
        pruner=pruner,
        seeds=seeds,
        output_dir=None if output_dir is None else fspath(output_dir),
    )
    return container.tune_model().execute(request, _OneMonitor(monitor))


class _OneMonitor:
    """Lets one monitor watch each training."""

    def __init__(self, monitor: RunMonitor | None) -> None:
        self._monitor = monitor

    @contextmanager
    def training(self, doing: str) -> Iterator[RunMonitor | None]:
        """Watch one training."""
        yield self._monitor

    def begun(self, search: Search, notes: Sequence[str]) -> None:
        """Say nothing."""

    def ended(self, trial: Trial) -> None:
        """Say nothing."""
