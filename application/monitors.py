"""Those who watch a run, as one."""

from collections.abc import Sequence
from itertools import chain

from application.ports import RunMonitor
from domain.events import Event, Warned


class Monitors:
    """Tells observers one after the other and asks them in that order; none is no observer at all.

    None of them can break a run: one that raises is told nothing more. `faults` says so, and whatever else is not as it
    should be with those who watch; the others are told.
    """

    def __init__(self, *observers: RunMonitor) -> None:
        within = ((each._observers if isinstance(each, Monitors) else (each,)) for each in observers)
        self._observers: tuple[RunMonitor, ...] = tuple(chain.from_iterable(within))
        self.faults: list[str] = []

    @classmethod
    def of(cls, monitor: RunMonitor | None) -> "Monitors":
        """Watch with one observer, with none, or with several that are one already."""
        if monitor is None:
            return cls()
        return monitor if isinstance(monitor, Monitors) else cls(monitor)

    def join(self, *observers: RunMonitor) -> None:
        """Tell these too from now on, and before the others; at first, which of those have failed."""
        self._observers = (*observers, *self._observers)
        for observer in observers:
            for fault in self.faults:
                observer.notify(Warned(fault))

    def warn(self, fault: str) -> None:
        """Say of one of them what a person should know, now and in the summary."""
        self.faults.append(fault)
        self.notify(Warned(fault))

    def notify(self, event: Event) -> None:
        """Tell all that are heard."""
        failed: list[tuple[RunMonitor, Exception]] = []
        for observer in self._observers:
            try:
                observer.notify(event)
            except Exception as error:  # whatever a stranger's code raises
                failed.append((observer, error))
        self._give_up(failed)

    def stop_requested(self) -> str:
        """Give the first reason to stop; who raises has none."""
        failed: list[tuple[RunMonitor, Exception]] = []
        reason = ""
        for observer in self._observers:
            try:
                reason = observer.stop_requested()
            except Exception as error:  # whatever a stranger's code raises
                failed.append((observer, error))
            if reason:
                break
        self._give_up(failed)
        return reason

    def _give_up(self, failed: Sequence[tuple[RunMonitor, Exception]]) -> None:
        gone = [observer for observer, _ in failed]
        self._observers = tuple(each for each in self._observers if not any(each is observer for observer in gone))
        for observer, error in failed:
            name = type(observer).__name__
            self.warn(f"the monitor {name} failed ({type(error).__name__}: {error}) and is told nothing more.")
