"""The loader of data files for users of the library."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from application.training import Training
from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError, DatasetError
from infrastructure.tasks.kind import ReadyParts, TextKind
from infrastructure.tasks.registry import kind_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class DatasetLoader:
    """Loads the data of any task, for a tokenizer of your own where it is text.

    `data_path` is any format of the specification. The fields of a row are guessed from the task unless named: for
    classification the text (and `label_field`), for pairs `source_field` and `target_field`. A table takes the
    settings of its windows, such as `context_length` and `horizons`.
    Raises: ConfigurationError for settings that cannot be, and for text without a tokenizer.
    """

    def __init__(
        self,
        data_path: str | Path,
        tokenizer: "PreTrainedTokenizerBase | None" = None,
        task: str = "text_classification",
        max_length: int = 512,
        **fields: Any,
    ) -> None:
        self._kind = kind_of(task)
        if tokenizer is None and isinstance(self._kind, TextKind):
            raise ConfigurationError(f"task {task} reads text and needs a tokenizer.", remedy="Give DatasetLoader one.")
        self._request = TrainModelRequest(task=task, dataset_path=str(data_path), **fields)
        self._training = self._request.resolved()
        self._tokenizer: Any = tokenizer  # None only where no kind of text asks for it
        self._max_length = max_length

    def load(self) -> Any:
        """Give all rows as one data set. Raises: DatasetError."""
        if isinstance(self._kind, TextKind):
            return self._kind.whole(self._training, self._tokenizer, self._max_length)
        parts: ReadyParts = self._loaded(self._training)
        return parts.whole()

    def get_train_test_split(self, test_size: float = 0.2, seed: int = 42) -> tuple[Any, Any]:
        """Split, the same way each time; equal rows and rows of one group stay on one side, and a table is cut in time.

        Raises: DatasetError, also when `test_size` is not a share between 0 and 1.
        """
        if not 0.0 < test_size < 1.0:
            raise DatasetError(
                f"test_size is {test_size}, but must lie between 0 and 1.", remedy="Use 0.2 for a fifth."
            )
        training = self._request.changed(split=None, validation_split=test_size, seed=seed).resolved()
        if isinstance(self._kind, TextKind):
            return self._kind.tokenized(self._loaded(training), self._tokenizer, self._max_length)
        parts: ReadyParts = self._loaded(training)
        return parts.train, parts.evaluation

    def _loaded(self, training: Training) -> Any:
        return self._kind.load(training)
