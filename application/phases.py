"""Parts of a job that may take long, told while they last by whoever carries them out, however deep.

What is read, tokenised or scored is the same whether anybody listens or not.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

from domain.events import Event, PhaseAdvanced, PhaseEnded, PhaseStarted

Item = TypeVar("Item")

SECONDS_BETWEEN = 1.0
ITEMS_AT_ONCE = 256


@dataclass
class _Listener:
    notify: Callable[[Event], None]
    seconds_between: float
    ended: list[PhaseEnded] = field(default_factory=list)
    now: "Phase | None" = None


_listener: ContextVar[_Listener | None] = ContextVar("listener", default=None)
_waited_since: ContextVar[float | None] = ContextVar("waited_since", default=None)


class Phase:
    """One part of a job: tells how far it has come, at most once in `SECONDS_BETWEEN`; without a listener nothing."""

    def __init__(self, name: str, total: int, unit: str, listener: _Listener | None) -> None:
        self._name = name
        self._total = total
        self._unit = unit
        self._listener = listener
        self._done = 0
        self._began = self._told = time.monotonic()

    def advance(self, count: int = 1) -> None:
        """Count what has been gone through."""
        self._done += count
        if self._listener is None:
            return
        now = time.monotonic()
        if now - self._told >= self._listener.seconds_between:
            self._told = now
            self._listener.notify(PhaseAdvanced(self._name, self._done, self._total, self._unit))

    def began(self) -> PhaseStarted:
        """Give what is told at first."""
        return PhaseStarted(self._name, self._total, self._unit)

    def ended(self) -> PhaseEnded:
        """Give what is told at last."""
        return PhaseEnded(self._name, self._done, self._unit, time.monotonic() - self._began)


@contextmanager
def telling_phases(notify: Callable[[Event], None], seconds_between: float = SECONDS_BETWEEN) -> Iterator[None]:
    """Let `notify` be told of every phase within the block, in this thread."""
    token = _listener.set(_Listener(notify, seconds_between))
    try:
        with waiting():
            yield
    finally:
        _listener.reset(token)


@contextmanager
def waiting() -> Iterator[None]:
    """Let `seconds_waited` count from the beginning of the outermost of such blocks."""
    before = _waited_since.get()
    token = _waited_since.set(time.monotonic() if before is None else before)
    try:
        yield
    finally:
        _waited_since.reset(token)


@contextmanager
def phase(name: str, total: int = 0, unit: str = "rows") -> Iterator[Phase]:
    """Call the block a phase, which goes through `total` of a unit, 0 where that is not known before.

    A phase may lie within another one.
    """
    listener = _listener.get()
    made = Phase(name, total, unit, listener)
    if listener is None:
        yield made
        return
    around, listener.now = listener.now, made
    listener.notify(made.began())
    try:
        yield made
    finally:
        listener.now = around
        listener.ended.append(made.ended())
        listener.notify(listener.ended[-1])


def counting(items: Iterable[Item]) -> Iterator[Item]:
    """Give the items, and count them for the phase that they are gone through in, if there is one."""
    listener = _listener.get()
    made = None if listener is None else listener.now
    if made is None:
        yield from items
        return
    number = 0
    for number, item in enumerate(items, 1):
        if number % ITEMS_AT_ONCE == 0:
            made.advance(ITEMS_AT_ONCE)
        yield item
    made.advance(number % ITEMS_AT_ONCE)


def advance(count: int) -> None:
    """Count for the phase that is on, if there is one."""
    listener = _listener.get()
    if listener is not None and listener.now is not None:
        listener.now.advance(count)


def phases_so_far() -> tuple[PhaseEnded, ...]:
    """Give the phases that are over, for who comes to listen later."""
    listener = _listener.get()
    return () if listener is None else tuple(listener.ended)


def seconds_waited() -> float:
    """Give the seconds that somebody has waited for the job so far; 0 where nobody does."""
    since = _waited_since.get()
    return 0.0 if since is None else time.monotonic() - since
