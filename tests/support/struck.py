"""A rank of a run that is struck at a place of its training: by a signal, an error, or a time in which nothing happens.

`STRIKE` in the environment says which rank, where, when it comes there for the how manieth time, and by what:
"1:step:8:SIGKILL". A run that torchrun starts again is struck no more.
"""

import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from domain.exceptions import DatasetError

PLACES: Mapping[str, tuple[str, str]] = {
    "load": ("infrastructure.tasks.registry", "TaskData.load"),
    "build": ("infrastructure.tasks.registry", "TaskModels.build"),
    "prepare": ("infrastructure.workshop", "prepare"),
    "step": ("infrastructure.training.stepping", "begin_step"),
    "backward": ("infrastructure.training.step", "_backward"),
    "update": ("infrastructure.training.step", "update"),
    "evaluation": ("infrastructure.training.evaluation", "_collated"),
    "saving": ("infrastructure.training.checkpoint_manager", "CheckpointManager.write"),
    "finish": ("infrastructure.training.advanced_trainer", "AdvancedTrainer._finish"),
    "report": ("infrastructure.report_writer", "_written"),
    "keeping": ("infrastructure.models.bundle", "ModelBundle.save"),
    "summary": ("infrastructure.runs.run_store", "write_summary"),
    "end": ("presentation.cli.speaking", "part"),
}


def main(words: list[str]) -> None:
    """Call `athanor WORDS` in a process that may be struck."""
    if told := os.environ.get("STRIKE"):
        rank, place, number, what = told.split(":")
        if rank == os.environ["RANK"] and os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0":
            _arm(place, int(number), what)
    sys.argv = ["athanor", *words]
    from presentation.cli.__main__ import program as run

    run()


def _arm(place: str, number: int, what: str) -> None:
    """Let what is called at a place be preceded by the strike when it is called so often."""
    module, path = PLACES[place]
    holder: Any = import_module(module)
    *owners, name = path.split(".")
    for owner in owners:
        holder = getattr(holder, owner)
    inner, left = getattr(holder, name), [number]

    def struck(*given: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            _strike(what)
        return inner(*given, **named)

    setattr(holder, name, struck)


def _strike(what: str) -> None:
    if what.startswith("SIG"):
        os.kill(os.getpid(), signal.Signals[what])
        return
    if what == "loop":
        while True:
            time.sleep(0.05)
    if what.startswith("wait"):
        time.sleep(float(what.removeprefix("wait")))
        return
    raise ERRORS[what]()


ERRORS: Mapping[str, Callable[[], Exception]] = {
    "bug": lambda: ValueError("a mistake of ours"),
    "memory": MemoryError,
    "disk": lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "row": lambda: DatasetError("row 7 is bad.", remedy="Mend it."),
}

if __name__ == "__main__":
    main(sys.argv[1:])
