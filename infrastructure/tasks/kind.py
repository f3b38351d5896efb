"""What a kind of task brings beside its adapter: data, a model, a report, and answers once it is trained."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from application.ports import SplitDataset
from application.training import Training
from domain.interval import Interval
from domain.results import Report, TrainingResult
from domain.run_layout import RunLayout
from infrastructure.data.sources.inputs import Input, Source
from infrastructure.model_files.card import ModelCard
from infrastructure.reports.page.blocks import Block, Section
from infrastructure.tasks.scored import Scored

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

    from infrastructure.models.bundle import ModelBundle
    from infrastructure.tasks.adapter import TaskAdapter

# More are not looked at one by one: reports say that theirs are a part of all, evenly spread.
MAX_ROWS_EXAMINED = 100_000
Card = Mapping[str, Any]
Score = Callable[[Any, Any], Mapping[str, Any]]  # rows, and the adapter that reads them
OnText = Callable[[str], None]
Request = TypeVar("Request", bound=Training, contravariant=True)


class Note(Protocol):
    """Takes a sentence that a reader of answers should know: a warning, or what is `usual` and only tells."""

    def __call__(self, sentence: str, *, usual: bool = False) -> None:
        """Take a sentence."""


@dataclass(frozen=True)
class Prepared:
    """Both parts tokenised and the task that reads them; `card` is what must travel with the model."""

    train: Any
    evaluation: Any
    adapter: "TaskAdapter"
    card: Card = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Examined:
    """Rows that a finished model was scored on, looked at one by one.

    `dataset` names each with `row_id` and gives with `digest` what is equal for equal rows of other runs. `outcomes`
    are columns of what became of them, and `sections` what a person wants to see.
    """

    dataset: Any
    outcomes: Mapping[str, Any]
    sections: Sequence[Section] = ()


@dataclass(frozen=True)
class Findings:
    """What a kind says of a finished training, the rows that it looked at, if any, and what its data give away."""

    report: Report
    examined: Examined | None = None
    data: Sequence[Block] = ()


class Trained(Protocol):
    """The model that a run keeps, opened from its directory when it is first asked."""

    @property
    def directory(self) -> Path:
        """Where it stands; what is written there travels with it."""

    def answer(self, inputs: Sequence[str], options: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Answer some inputs, in order."""

    @property
    def task(self) -> "FinishedTask":
        """Its task, as it is known from the directory."""

    def score(self, dataset: Any, adapter: "TaskAdapter") -> Mapping[str, Any]:
        """Give the metrics of an adapter over a data set."""

    def score_rows(self, dataset: Any, adapter: "TaskAdapter") -> Scored:
        """Give the same metrics, and what became of each row."""


class AnsweringTask(Protocol):
    """A trained model's task, known from its card alone, whatever computes the model."""

    @property
    def rows_at_once(self) -> int:
        """How many inputs to answer together."""

    @property
    def reads_rows(self) -> bool:
        """Tell whether each input is a row, which its answer may stand beside, and not a table."""

    @property
    def gives_table(self) -> bool:
        """Tell whether all answers are rows of one table, its time or row number first."""

    @property
    def labels(self) -> Sequence[str]:
        """Name the labels whose `scores` an answer has beside its `label`; none where it is no label."""

    @property
    def options(self) -> Collection[str]:
        """Name the options that `answers` understands."""

    def intervals(self, dataset: Any, scored: Scored) -> Mapping[str, Interval]:
        """Say, by the names of metrics, how sure those of an evaluation are, as far as its rows tell."""

    def examined(self, dataset: Any, scored: Scored) -> Examined | None:
        """Look at the rows of an evaluation one by one; None where nothing is to be seen of single rows."""

    def inputs(self, source: Source, note: Note) -> Iterator[Input]:
        """Read what is to be answered; a bad row gives its fault.

        `note` is told what is unusual in the file. Raises: DatasetError for a file that cannot be read.
        """

    def unanswered(self, reason: str) -> Mapping[str, Any]:
        """Answer a bad row: nulls, and the reason as `error`."""


class FinishedTask(AnsweringTask, Protocol):
    """The same of a model of torch."""

    def scored(self, dataset_path: str) -> "tuple[Any, TaskAdapter]":
        """Make rows with their targets ready for evaluation. Raises: DatasetError."""

    def answers(
        self, model: "nn.Module", inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Answer some inputs in order; `options` override how the model was told to write.

        `note` is told, in a sentence, what a reader of the answers should know.
        """


class TaskKind(Protocol[Request]):
    """One kind of task; a new one is a file with a class like this and its line in the registry."""

    @property
    def card_type(self) -> type[ModelCard]:
        """Declare the fields that the card of a finished model must have."""

    def load(self, request: Request) -> SplitDataset:
        """Read, check and split the data. Raises: DatasetError with every fault of the file."""

    def build(self, request: Request, dataset: Any, kept_tokenizer: Path) -> "ModelBundle":
        """Build the model; a preset takes the tokenizer kept by an earlier start. Raises: ModelError."""

    def prepare(self, request: Request, bundle: "ModelBundle", dataset: Any) -> Prepared:
        """Tokenise both parts. Raises: DatasetError, ConfigurationError."""

    def report(
        self, request: Request, dataset: Any, result: TrainingResult, trained: Trained, run: RunLayout
    ) -> Findings:
        """Draw what belongs to the kind, score baselines, look at rows and samples of the finished model."""

    def open(self, directory: Path, card: Card) -> "tuple[nn.Module, FinishedTask]":
        """Open a finished model and its task. Raises: ModelError."""


@runtime_checkable
class TextKind(Protocol[Request]):
    """What a kind brings beside that for users of the library whose data is text, with a tokenizer of theirs."""

    def tokenized(self, dataset: Any, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> tuple[Any, Any]:
        """Make both parts of loaded data ready for a model. Raises: DatasetError."""

    def whole(self, request: Request, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> Any:
        """Make all rows ready for a model, without a split. Raises: DatasetError."""


@runtime_checkable
class ComparedKind(Protocol[Request]):
    """What a kind brings beside that whose simple rivals can be scored before anything is trained."""

    def baselines(self, request: Request, dataset: Any, score: Score) -> Report:
        """Score the rivals that a report sets beside the model; `score` gives the metrics of the untrained one."""


@runtime_checkable
class ComparedTask(Protocol):
    """What a trained model's task brings beside that where rivals that learn nothing can judge any rows."""

    def rivals(self, dataset: Any, scored: Scored) -> Report:
        """Score them on the rows that `scored` made ready, and compare the model. Raises: DatasetError."""


class ReadyParts(Protocol):
    """Loaded data of any other kind for them: a model reads it as it is."""

    @property
    def train(self) -> Any:
        """Rows to learn from."""

    @property
    def evaluation(self) -> Any:
        """Rows to be scored on."""

    def whole(self) -> Any:
        """Give all rows, without a split."""
