"""Checkpoints written while the training goes on."""

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Any

from domain.retention import CheckpointMetadata
from infrastructure.memory import is_out_of_memory
from infrastructure.training.checkpoint_manager import CheckpointManager


class BackgroundSaver:
    """Copies a state and lets a thread write it, at most one at a time.

    Where ranks write together, each has such a thread, and these ask each other whether all went well.
    A kill leaves a state in flight absent, as it does any that is half written. What became of it is told by `wait`,
    once.
    """

    def __init__(self, checkpoints: CheckpointManager) -> None:
        self._checkpoints = checkpoints
        self._writer = _new_writer()
        self._in_flight: Future[CheckpointMetadata] | None = None

    def save(self, **state: Any) -> None:
        """Begin to save what `CheckpointManager.save_checkpoint` takes, when nothing is in flight.

        Raises: CheckpointError for a state that no checkpoint can hold.
        """
        assert self._in_flight is None, "ask what became of the state before"
        try:
            prepared = self._checkpoints.prepared(copied=True, **state)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        else:
            self._in_flight = self._writer.submit(self._checkpoints.write, prepared)
            return
        # No room for a copy: the state itself is written, and must not change before that is done.
        self._in_flight = self._writer.submit(self._checkpoints.write, self._checkpoints.prepared(**state))
        wait_for([self._in_flight])

    @property
    def is_done(self) -> bool:
        """Tell whether `wait` has something to tell and would not wait for it."""
        return self._in_flight is not None and self._in_flight.done()

    def wait(self) -> CheckpointMetadata | None:
        """Wait for the state in flight, if any, and give what was saved. Raises: CheckpointError when it was not."""
        saving, self._in_flight = self._in_flight, None
        return None if saving is None else saving.result()

    def close(self) -> None:
        """Let the thread end once it has nothing to write; a later `save` begins another."""
        self._writer.shutdown(wait=True)
        self._writer = _new_writer()


def _new_writer() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
