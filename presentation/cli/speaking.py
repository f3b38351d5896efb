"""Which of several processes of one run speaks: the first, and of those that fail the one that failed first."""

import os
import sys
from collections.abc import Sequence

from domain.launch import Launch
from presentation.cli.saying import say_error

CONTAINER = "infrastructure.container"


def say_failure(errors: Sequence[str], exit_code: int) -> None:
    """Tell what went wrong, once for all processes; nothing where nothing did."""
    if errors and speaks(errors, exit_code):
        for error in errors:
            say_error(error)


def speaks(errors: Sequence[str], exit_code: int) -> bool:
    """Tell whether this process says what went wrong."""
    if not _is_one_of_several():
        return True
    from infrastructure.container import Container

    return Container.spokesmen().speaks_for_all(errors, exit_code)


def is_told_by_another() -> bool:
    """Tell whether a signal that ends this process needs no word of it: the first says it, and no second sentence."""
    if not _is_one_of_several():
        return False
    if not Launch.of(os.environ).is_first:
        return True
    if CONTAINER not in sys.modules:  # loading it takes seconds, and who has not loaded it has met nobody
        return False
    from infrastructure.container import Container

    return Container.spokesmen().is_told_by_another()


def part() -> None:
    """End behind the first of several processes, which may still write."""
    if _is_one_of_several() and CONTAINER in sys.modules:
        from infrastructure.container import Container

        Container.spokesmen().part()


def _is_one_of_several() -> bool:
    return "RANK" in os.environ and Launch.of(os.environ).size > 1
