"""MLflow: a store in a file beside the run directories, or where MLFLOW_TRACKING_URI says."""

import fcntl
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from infrastructure.trackers.tracker import KILLED, Beginning, Ending, Point

STATUS = {"finished": "FINISHED", "failed": "FAILED", "stopped": "KILLED", KILLED: "KILLED"}
# What the library takes at once, and as the value of a setting.
MAX_METRICS = 1000
MAX_PARAMS = 100
LONGEST_VALUE = 6000
_FOREIGN = re.compile(r"[^\w./ -]")


class MlflowTracker:
    """Keeps runs of one task in one experiment. A step that comes again stands in the history a second time."""

    _client: MlflowClient
    _run: str

    def begin(self, beginning: Beginning) -> str:
        """Open the store, which is made when there is none, and the run."""
        beside = Path(beginning.directory).parent
        uri = os.environ.get("MLFLOW_TRACKING_URI")
        if uri:
            self._client = MlflowClient(tracking_uri=uri)
            experiment = self._experiment(beginning.project, None)
        else:
            with _alone_in(beside):  # two runs that begin together would both make the tables
                self._client = MlflowClient(tracking_uri=f"sqlite:///{beside / 'mlflow.db'}")
                experiment = self._experiment(beginning.project, (beside / "mlflow-artifacts").as_uri())
        self._run, known = self._taken_up(beginning) or (self._begun(beginning, experiment), {})
        self._set(beginning.settings, known)
        return self._run

    def add(self, points: Sequence[Point]) -> None:
        """Keep, in as few transactions as the library allows."""
        for metrics in _pieces([metric for point in points for metric in _metrics(point)], MAX_METRICS):
            self._client.log_batch(self._run, metrics=metrics)

    def go_back(self, step: int) -> None:
        """Do nothing: the history keeps both, and the latest value is the later one."""

    def end(self, ending: Ending) -> None:
        """Keep scores, places as tags, pictures as artifacts, and the status."""
        self.add([Point(ending.step, ending.time, ending.scores)])
        self._client.log_batch(self._run, tags=[RunTag(_plain(name), fact) for name, fact in ending.facts.items()])
        for picture in ending.pictures:
            self._client.log_artifact(self._run, picture, "pictures")
        self._client.set_terminated(self._run, STATUS[ending.status])

    def _experiment(self, project: str, artifacts: str | None) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or project
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        try:
            return str(self._client.create_experiment(name, artifact_location=artifacts))
        except MlflowException:  # another run was faster
            found = self._client.get_experiment_by_name(name)
            if found is None:
                raise
            return str(found.experiment_id)

    def _taken_up(self, beginning: Beginning) -> tuple[str, Mapping[str, Any]] | None:
        """Go on with the run that was known, unless the store has it no more."""
        if not beginning.known_id:
            return None
        try:
            params = self._client.get_run(beginning.known_id).data.params
            self._client.update_run(beginning.known_id, status="RUNNING")
        except MlflowException:
            return None
        return beginning.known_id, params

    def _begun(self, beginning: Beginning, experiment: str) -> str:
        run = self._client.create_run(experiment, tags=beginning.tags, run_name=beginning.run_id)
        return str(run.info.run_id)

    def _set(self, settings: Mapping[str, Any], known: Mapping[str, Any]) -> None:
        """Keep settings; what a resume has changed is a tag, for a parameter is written once."""
        plain = {_plain(name): str(value)[:LONGEST_VALUE] for name, value in settings.items()}
        new = [Param(name, value) for name, value in plain.items() if name not in known]
        for params in _pieces(new, MAX_PARAMS):
            self._client.log_batch(self._run, params=params)
        for name in sorted(plain.keys() & known.keys()):
            if plain[name] != known[name]:
                self._client.set_tag(self._run, f"resumed.{name}", plain[name])


def _metrics(point: Point) -> list[Metric]:
    milliseconds = int(point.time * 1000)
    return [Metric(_plain(name), value, milliseconds, point.step) for name, value in point.values.items()]


def _plain(name: str) -> str:
    return _FOREIGN.sub("_", name)[:200]


def _pieces(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
