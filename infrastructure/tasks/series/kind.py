"""What the kinds of tasks on tables share."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

from application.training import SeriesTraining
from infrastructure.data.series.loading import SplitSeries
from infrastructure.data.series.windows import Windows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Windows that --quick scores: proving that scoring works takes a few.
QUICK_WINDOWS = 64
Request = TypeVar("Request", bound=SeriesTraining)


class SeriesKind(ABC, Generic[Request]):
    """Windows of a table: they are cut and not tokenised."""

    @abstractmethod
    def load(self, request: Request) -> SplitSeries:
        """Read, check and split a table. Raises: DatasetError with every fault of the file."""

    def tokenized(
        self, dataset: SplitSeries, tokenizer: "PreTrainedTokenizerBase | None", max_length: int
    ) -> tuple[Windows, Windows]:
        """Give both parts; a table has no tokens."""
        return dataset.train, dataset.evaluation

    def whole(self, request: Request, tokenizer: "PreTrainedTokenizerBase | None", max_length: int) -> Windows:
        """Give the windows of a whole table, on the scale of its training part. Raises: DatasetError."""
        return self.load(request).whole()
