"""Some of many texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class IndexedTexts(Sequence[str]):
    """Some of many texts, read as they are asked for."""

    texts: Sequence[str]
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> str:  # type: ignore[override]  # slices are of no use here
        return self.texts[int(self.indices[index])]
