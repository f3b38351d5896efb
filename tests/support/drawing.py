"""Whether the pictures of a run are drawn, which takes a third of the time of a tiny one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

_DRAWN = FigureCanvasAgg.print_png


@contextmanager
def pictures_undrawn() -> Iterator[None]:
    """Let matplotlib lay out no picture and write an empty file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FigureCanvasAgg, "print_png", _empty)
        yield


@contextmanager
def pictures_drawn() -> Iterator[None]:
    """Let matplotlib draw, also within `pictures_undrawn`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FigureCanvasAgg, "print_png", _DRAWN)
        yield


def _empty(_: FigureCanvasAgg, path: Path, *words: Any, **options: Any) -> None:
    path.write_bytes(b"")
