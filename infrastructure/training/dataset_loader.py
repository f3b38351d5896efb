"""The loader of labelled files for users of the library."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from domain.exceptions import DatasetError
from domain.task import task_named
from infrastructure.data.code_dataset import CodeDataset
from infrastructure.data.labelled_data import labelled_dataset, schema_of, split_labelled
from infrastructure.data.rows import load_rows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class DatasetLoader:
    """Loads a labelled file for a tokenizer of your own.

    `data_path` is any format of the specification, `task` a classification task; the text field is guessed from
    the task unless named.
    """

    def __init__(
        self,
        data_path: str | Path,
        tokenizer: "PreTrainedTokenizerBase",
        task: str = "text_classification",
        max_length: int = 512,
        text_field: str | None = None,
        label_field: str = "label",
        group_field: str | None = None,
    ) -> None:
        self._task = task_named(task)
        self._schema = schema_of(self._task, text_field, label_field, group_field)
        self._path = Path(data_path)
        self._tokenizer = tokenizer
        self._max_length = max_length

    def load(self) -> CodeDataset:
        """Give all rows as one data set. Raises: DatasetError."""
        rows = load_rows(self._path, self._schema)
        return labelled_dataset(rows, np.arange(len(rows)), self._tokenizer, self._max_length, rows.label_names)

    def get_train_test_split(self, test_size: float = 0.2, seed: int = 42) -> tuple[CodeDataset, CodeDataset]:
        """Split by label, the same way each time; equal rows and rows of one group stay on one side.

        Raises: DatasetError, also when `test_size` is not a share between 0 and 1.
        """
        if not 0.0 < test_size < 1.0:
            raise DatasetError(
                f"test_size is {test_size}, but must lie between 0 and 1.", remedy="Use 0.2 for a fifth."
            )
        rows = load_rows(self._path, self._schema)
        return split_labelled(self._task, rows, test_size, seed).tokenized(self._tokenizer, self._max_length)
