"""What the use cases need from the world, said as promises and not as means."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from application.answers import Answers
from application.joining import NOTHING_KEPT, Keep
from application.training import Training
from application.training_request import TrainModelRequest
from domain.comparison import PairedOutcomes
from domain.estimate import Estimate
from domain.events import Event
from domain.program_tests import ProgramTesting
from domain.results import EvaluationResult, Report, TrainingResult
from domain.runs import Leftovers, RunFacts


class RunMonitor(Protocol):
    """Somebody who watches a run and may ask it to stop."""

    def notify(self, event: Event) -> None:
        """Be told what happened; must return soon and change nothing."""

    def stop_requested(self) -> str:
        """Give the reason to stop after the present step ("SIGINT", "cancelled"), empty to go on."""


class Run(Protocol):
    """One run directory, used by one process at a time."""

    @property
    def run_id(self) -> str:
        """Name of the run."""

    @property
    def path(self) -> str:
        """Where it is, or will be once opened."""

    def open(self, request: Training) -> None:
        """Create the directory with its run file, or take it up again, for this process alone until `close`.

        Raises: RunError when another process uses the run or the disk refuses.
        """

    def save_summary(self, response: Mapping[str, Any]) -> None:
        """Keep the response of a finished run beside it. Raises: RunError when the disk refuses."""

    def save_failure(self, response: Mapping[str, Any], keep: bool) -> None:
        """Keep what a failed run leaves, or with `keep` False remove what a run that never began has created."""

    def close(self) -> None:
        """Let another process use it; harmless when it was never opened."""


class RunStore(Protocol):
    """Finds the directories of runs, new ones and those that were not finished."""

    def reserve(self, request: Training) -> Run:
        """Choose the directory of a new run without creating it.

        Raises: RunError when it holds a run already or cannot be written.
        """

    def begun_before(self, request: TrainModelRequest) -> str:
        """Find the run that a launcher of many processes began before it started them anew; empty for a first start."""

    def told_before(self, path: str) -> Mapping[str, Any] | None:
        """Give what a run told when it was finished before its processes were started anew; None for any other.

        Raises: RunError.
        """

    def reopen(self, path: str) -> tuple[Run, TrainModelRequest]:
        """Find an unfinished run and the request it was started with. Raises: RunError."""


class RunArchive(Protocol):
    """Looks at the runs on this disk, finished or not, and changes nothing."""

    def runs(self, root: str) -> Sequence[RunFacts]:
        """Tell of each run directly below a directory, in no order; a damaged one says what is wrong with it.

        Raises: RunError when there is no such directory.
        """

    def find(self, name: str, root: str) -> str:
        """Give the directory of a run named by its path, or by its name below `root`. Raises: RunError."""

    def find_all(self, names: Sequence[str], root: str) -> Sequence[str]:
        """Find several, each once however it is named. Raises: RunError with every name that is none."""

    def facts(self, path: str) -> RunFacts:
        """Tell of one run what a list says."""

    def summary(self, path: str) -> Mapping[str, Any]:
        """Give what a run told at its end, with its `status` and where it is now. Raises: RunError."""

    def settings(self, path: str) -> Mapping[str, Any]:
        """Give the settings that a run was started with. Raises: ConfigurationError."""

    def data(self, path: str) -> Mapping[str, str]:
        """Give the digests of the data that a run has read, by what they were for; none for one without a model."""


class OutcomePairs(Protocol):
    """Pairs the rows that runs were scored on."""

    def pair(self, first: str, second: str, overlap: int) -> PairedOutcomes:
        """Test how two runs differ on the rows of both, of windows `overlap` successive ones share a step.

        Raises: RunError where that is not known.
        """


class RunRemover(Protocol):
    """Removes runs, or what of them nobody needs: after a kill at any instant a run is whole, or is no run any more."""

    def fault_of(self, path: str) -> str:
        """Say why a run may not be deleted; empty when it may."""

    def delete(self, path: str) -> None:
        """Delete a run, and what killed deletions left beside it. Raises: RunError."""

    def leftovers_of(self, path: str) -> Leftovers:
        """Tell what a finished run would lose by `clean`."""

    def leftovers_beside(self, root: str) -> Leftovers:
        """Tell what killed deletions left in a directory of runs."""

    def clean(self, leftovers: Leftovers) -> int:
        """Remove leftovers; gives the bytes that are free again. Raises: RunError, when a process is at the run."""


class SplitDataset(Protocol):
    """Rows of a checked data set, in a training and an evaluation part that share no row."""

    @property
    def num_train(self) -> int:
        """Rows to learn from."""

    @property
    def num_eval(self) -> int:
        """Rows to be scored on."""

    @property
    def warnings(self) -> Sequence[str]:
        """What a person should know of the data."""

    @property
    def facts(self) -> Mapping[str, str]:
        """What was found in the data, by name, where it is not what everybody expects."""


class DatasetSource(Protocol):
    """Reads, checks and splits data; the same file gives the same split."""

    def load(self, request: Training) -> SplitDataset:
        """Raises: DatasetError with every fault of the file."""


class TrainableModel(Protocol):
    """A model with what turns rows into its inputs."""

    @property
    def warnings(self) -> Sequence[str]:
        """What a person should know of the model, such as a head that was made anew."""


class ModelSource(Protocol):
    """Builds models from scratch, from a directory or from the hub; the same seed gives the same weights."""

    def build(self, request: Training, dataset: SplitDataset, run: Run) -> TrainableModel:
        """Raises: ModelError."""


class MetricsTracker(Protocol):
    """Keeps every metric as it happened."""

    def finish(self) -> str:
        """Write the files that people and programs read; gives the path of the metrics file."""


class CheckpointStore(Protocol):
    """Keeps training states through crashes: after a kill at any instant a saved state is whole or absent."""

    def discard(self) -> None:
        """Delete all states: a finished run keeps its model and needs them no more."""


class Trainer(Protocol):
    """Carries out one training, from the newest checkpoint if there is one."""

    def train(self, accept_changes: bool = False) -> TrainingResult:
        """Train until done, stopped or beyond rescue.

        Raises: TrainingError; CheckpointError when the run stood under other settings or data, unless such changes
        are accepted.
        """


class Workshop(Protocol):
    """Opens the tools of a run; each knows its place below the run directory."""

    def settle(self, training: Training, request: TrainModelRequest) -> Training:
        """Decide what a request leaves open, beyond its task: by the model it names, this machine, a table's season.

        Raises: ConfigurationError, ModelError, DatasetError.
        """

    def fit(
        self, training: Training, request: TrainModelRequest, model: TrainableModel, dataset: SplitDataset
    ) -> Training:
        """Decide what must be measured on model and rows: the rows at once, the steps that a time budget has room for.

        No weight and no random number of the training changes by that.
        Raises: ConfigurationError for a time budget that is too short, TrainingError when memory is.
        """

    def tracker(self, run: Run) -> MetricsTracker:
        """Open the metrics of a run that is open, those of an earlier start included.

        Raises: RunError when the disk refuses.
        """

    def checkpoints(self, run: Run, request: Training) -> CheckpointStore:
        """Open the checkpoints of the run; damaged ones are named and passed over."""

    def trainer(
        self,
        run: Run,
        request: Training,
        model: TrainableModel,
        dataset: SplitDataset,
        tracker: MetricsTracker,
        checkpoints: CheckpointStore,
        monitor: RunMonitor,
    ) -> Trainer:
        """Put together what this workshop has opened with a model and a data set of the sources beside it.

        Raises: ConfigurationError, DatasetError, RunError.
        """


class Estimator(Protocol):
    """Finds out what a training will take, and leaves nothing behind."""

    def aside(self) -> AbstractContextManager[object]:
        """Keep what is cached within the block in a place that is gone behind it."""

    def estimate(self, request: Training, model: TrainableModel, dataset: SplitDataset, run: Run) -> Estimate:
        """Measure a few batches of the real data on the real model; called within `aside`.

        Raises: ConfigurationError, DatasetError, ModelError as a training would, TrainingError when memory is too small
        for a single row.
        """


class ReportWriter(Protocol):
    """Compares a finished training with simple baselines and draws it."""

    def write(self, run: Run, request: Training, dataset: SplitDataset, result: TrainingResult) -> Report:
        """Write the pictures, and give what the response says beside them. Raises: TrainingError."""


class Predictor(Protocol):
    """A finished model, opened from its directory alone."""

    def evaluate(
        self, dataset_path: str, report_path: str | None = None, testing: ProgramTesting | None = None
    ) -> EvaluationResult:
        """Score labelled rows, and write a page about them where one is asked for.

        With `testing` the model writes programs, and rows with tests score them: programs run nowhere else, and none
        where they cannot be run apart.
        Raises: DatasetError; ConfigurationError for a page that cannot be written, a task that writes nothing, or a
        machine on which programs cannot be run apart.
        """

    def predict(
        self,
        input_path: str,
        options: Mapping[str, Any],
        on_text: Callable[[str], None] | None = None,
        strict: bool = False,
        keep: Keep = NOTHING_KEPT,
        as_table: bool = False,
    ) -> Answers:
        """Answer each row in order, when it is asked for; a bad row with nulls and the reason.

        A task that writes is told how by `options` and tells `on_text` as it writes; one that labels is told how many
        labels to give and when it is unsure. `keep` says what of a row stands before its answer, `as_table` that all
        answers become rows of one table, whose columns must be known before the first.

        Raises: DatasetError, also at a bad row when `strict`; ConfigurationError, also for an option that means nothing
        to the task.
        """


class PredictorSource(Protocol):
    """Opens finished models."""

    def open(self, path: str, device: str, reading: Mapping[str, Any]) -> Predictor:
        """Open a run or a model directory; `reading` replaces how it reads files. Raises: ModelError."""


class AnswerFiles(Protocol):
    """Keeps answers: after a kill at any instant a file has all of them, is as it was before, or absent."""

    def holds_table(self, path: str) -> bool:
        """Tell whether a file of this name holds a table, and no JSON lines. Raises: ConfigurationError for neither."""

    def write(self, path: str, answers: Answers) -> None:
        """Write answers in the format that the ending of `path` says; finds fault with it before asking for any.

        Raises: ConfigurationError, and what the answers raise.
        """


@dataclass(frozen=True)
class Kill:
    """When a training is killed: after some seconds, or with `saves` above 0 in the midst of its so manieth save.

    `share` in [0, 1) says how far into that save.
    """

    after_seconds: float
    saves: int = 0
    share: float = 0.0


@dataclass(frozen=True)
class Trial:
    """What became of one training process; `checkpoint` is the newest that it left, empty for none."""

    was_resumed: bool
    was_killed: bool
    killed_while: str
    exit_code: int
    errors: tuple[str, ...]
    seconds: float
    checkpoint: str


class Trials(Protocol):
    """Carries out trainings in processes of their own, in a directory of their own, and kills them when told."""

    def begin(self, parent: str | None) -> str:
        """Create the directory, below `parent` where one is named; gives its path. Raises: RunError."""

    def train(self, training: TrainModelRequest, name: str, kill: Kill | None) -> Trial:
        """Train in the run directory of that name, or resume what stands there; no process is left behind."""

    def facts(self, name: str) -> Mapping[str, Any]:
        """Give what a run has left and another must leave too: files of the model, metrics, summary."""

    def end(self, keep: bool) -> None:
        """Remove the directory unless it is to be kept."""
