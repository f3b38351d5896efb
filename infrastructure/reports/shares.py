"""Writes shares so that none is rounded to nothing or to all."""

import numpy as np
from numpy.typing import NDArray


def share_text(share: float) -> str:
    """Write a share in whole percents: "<1%" for what would be none, ">99%" for what would be all and is not."""
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 else f"{share:.0%}"


def right_told(counts: NDArray[np.int64], counted: str) -> str:
    """Say how many answers a confusion matrix [C, C] counts and how many of them are right."""
    total, right = int(counts.sum()), int(np.trace(counts))
    rows = f"{total:,} {counted.removesuffix('s') if total == 1 else counted} of {_classes(len(counts))}"
    if right == total:
        return f"{rows}, all right: no mistakes" if total else rows
    mistakes = f"{total - right:,} mistake{'s' * (total - right != 1)}"
    return f"{rows}, {int(1000 * right / total) / 10:.1f}% right, {mistakes}"  # cut: 99.96 % is not all


def _classes(number: int) -> str:
    return f"{number:,} class{'es' * (number != 1)}"
