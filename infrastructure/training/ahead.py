"""Work done in a thread before it is asked for."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

# One is being built while one waits: more would take memory and save no time.
DEPTH = 2


class Ahead(Generic[Key, Value]):
    """Gives what `work` makes of a key, and lets a thread make what is asked for behind it.

    `work` is a function of its key alone, so that it does not matter who calls it, or when. `following` names the key
    that comes next. At most `DEPTH` values are kept or being made; a key that was not foreseen throws them away.
    """

    def __init__(self, work: Callable[[Key], Value], following: Callable[[Key], Key]) -> None:
        self._work = work
        self._following = following
        self._worker: ThreadPoolExecutor | None = None
        self._waiting: deque[tuple[Key, Future[Value]]] = deque()

    def at(self, key: Key) -> Value:
        """Give the value of a key. Raises: whatever `work` raises for it, here and not in the thread."""
        if not self._waiting or self._waiting[0][0] != key:
            self._forget()
            self._foresee(key)
        _, value = self._waiting.popleft()
        last = self._waiting[-1][0] if self._waiting else key
        while len(self._waiting) < DEPTH:
            last = self._following(last)
            self._foresee(last)
        return value.result()

    def close(self) -> None:
        """Let the thread end; a later `at` begins another."""
        self._forget()
        if self._worker is not None:
            self._worker.shutdown(wait=True)
            self._worker = None

    def _foresee(self, key: Key) -> None:
        if self._worker is None:
            self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead")
        self._waiting.append((key, self._worker.submit(self._work, key)))

    def _forget(self) -> None:
        for _, value in self._waiting:
            value.cancel()
        self._waiting.clear()
