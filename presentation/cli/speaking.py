"""Which of several processes of one run speaks: the first, and of those that fail the one that failed first."""

import os
from collections.abc import Sequence

from domain.launch import Launch


def speaks(errors: Sequence[str]) -> bool:
    """Tell whether this process says what went wrong."""
    if Launch.of(os.environ).size == 1:
        return True
    from infrastructure.container import Container

    return bool(Container.speaks_for_all(errors))
