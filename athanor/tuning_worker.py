"""One of several workers of a study, in a process of its own: reads what to do from standard input, and works."""

import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from application.ports import RunMonitor
from application.training_request import TrainModelRequest
from application.tuning_request import TuneModelRequest
from application.use_cases.trial_training import DiskRefusedError, StoppedError
from domain.events import Event
from domain.exceptions import AthanorError
from domain.study import Search, Trial
from infrastructure.container import Container

STOPPED = "SIGTERM"


class EndOfInput:
    """Asks each training to save and stop once whoever started this worker has closed its standard input, or died."""

    def __init__(self) -> None:
        self._is_over = threading.Event()
        threading.Thread(target=self._wait, daemon=True).start()

    @contextmanager
    def training(self, doing: str) -> Iterator[RunMonitor | None]:
        """Watch one training."""
        if self._is_over.is_set():
            raise StoppedError(STOPPED)
        yield self

    def begun(self, search: Search, notes: Sequence[str]) -> None:
        """Say nothing: whoever started this worker tells it."""

    def ended(self, trial: Trial) -> None:
        """Say nothing."""

    def notify(self, event: Event) -> None:
        """Heed nothing."""

    def stop_requested(self) -> str:
        """Give the reason to stop."""
        return STOPPED if self._is_over.is_set() else ""

    def _wait(self) -> None:
        os.read(sys.stdin.fileno(), 1)  # not by `sys.stdin`, whose lock Python would want at its end
        self._is_over.set()


def main() -> int:
    """Work at a study; gives the exit code."""
    told = json.loads(sys.stdin.buffer.readline())
    training = TrainModelRequest(**told["request"].pop("training"))
    request = TuneModelRequest(training=training, **told["request"])
    try:
        Container().tune_model().work(request, told["output"], EndOfInput())
    except StoppedError:
        return 0
    except DiskRefusedError as refused:
        print(f"error: {refused}", file=sys.stderr)
        return refused.exit_code
    except AthanorError as error:
        for message in error.messages:
            print(f"error: {message}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
