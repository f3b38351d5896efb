"""Libraries that others load where they are installed, though nothing here needs them of these."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_out(library: str) -> Iterator[None]:
    """Let whoever looks for a library within the block find none; harmless where it is loaded already.

    torchao takes half a second and writes to the screen; transformers and peft ask once and remember the answer.
    """
    if library in sys.modules:
        yield
        return
    sys.modules[library] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[library]
