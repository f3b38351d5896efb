"""A few rows of a large data set."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

# What --quick scores: proving that scoring works takes a few rows, and all of them may take minutes.
QUICK_ROWS = 64


def spread(length: int, count: int) -> np.ndarray:
    """Choose at most `count` places out of `length`, evenly spread and in order, the last one always among them."""
    return np.unique(np.linspace(length - 1, 0, min(count, length)).astype(np.int64))


def digest_of(*parts: str | bytes) -> str:
    """Give what is equal for equal parts, and differs when one does."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()[:24]


def as_tensors(arrays: Mapping[str, np.ndarray]) -> "dict[str, Tensor]":
    """Give a row as a model of torch reads it; the arrays are shared."""
    import torch  # rows of an exported model are read without it

    return {name: torch.from_numpy(array) for name, array in arrays.items()}


class SomeRows:
    """At most `count` rows of a data set, evenly spread over it; `lengths` [count] are their tokens."""

    def __init__(self, dataset: Any, lengths: np.ndarray, count: int) -> None:
        self._dataset = dataset
        self._indices = spread(len(dataset), count)
        self.lengths: np.ndarray = lengths[self._indices]

    @property
    def fingerprint(self) -> str:
        """Give what differs when the data set or the choice from it does."""
        return f"{getattr(self._dataset, 'fingerprint', '')} {self._indices.tolist()}"

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Any:
        return self._dataset[int(self._indices[index])]

    def arrays(self, index: int) -> Any:
        """Give a row as arrays, of a data set that has them."""
        return self._dataset.arrays(int(self._indices[index]))

    def row_id(self, index: int) -> str:
        """Name a row as the whole data set does."""
        return str(self._dataset.row_id(int(self._indices[index])))

    def digest(self, index: int) -> str:
        """Give what is equal for equal rows, as the whole data set does."""
        return str(self._dataset.digest(int(self._indices[index])))
