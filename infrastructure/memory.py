"""Memory that runs out: recognised, met with smaller parts, or told in a sentence.

Models that need no torch meet it too: where torch is not loaded, nothing of it can have run out.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from domain.exceptions import TrainingError

Result = TypeVar("Result")

# Of the processor; of pages that are pinned for a GPU; of the workspace of a library of products.
_LOST = ("can't allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
SMALLER = "Lower max_length, take a smaller model or a machine with more memory"


def is_out_of_memory(error: BaseException) -> bool:
    """Recognise the ways in which torch says that memory is gone."""
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _LOST)


def in_smaller_parts(
    work: Callable[[int], Result], size: int, where: str, on_halved: Callable[[int], None] = lambda size: None
) -> Result:
    """Call `work` with a number of rows at once, and again with half of them whenever memory runs out.

    `work` begins anew each time; `on_halved` is told each smaller number.
    Raises: TrainingError when memory is too small for a single row.
    """
    while True:
        try:
            return work(size)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            size = halved(size, where, error)
        # Behind the except block, which had kept the lost attempt and all its tensors alive.
        release_cached()
        on_halved(size)


def halved(size: int, where: str, error: BaseException) -> int:
    """Give the next smaller number of rows. Raises: TrainingError when it was a single one."""
    if size == 1:
        raise TrainingError(f"memory ran out {where} with a single row at once.", remedy=f"{SMALLER}.") from error
    return -(-size // 2)


def release_cached() -> None:
    """Give back what torch keeps of freed GPU memory, so that parts of another size find room."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def lost_memory_told(where: str, remedy: str = SMALLER) -> Iterator[None]:
    """Turn lost memory inside the block into a sentence. Raises: TrainingError."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingError(f"memory ran out {where}.", remedy=f"{remedy}.") from error
