"""Those who watch a run, as one."""

from itertools import chain

from application.ports import RunMonitor
from domain.events import Event, Warned


class Monitors:
    """Tells observers one after the other and asks them in that order; none is no observer at all.

    None of them can break a run: one that raises is told nothing more, which `faults` says and the others are told.
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

    def notify(self, event: Event) -> None:
        """Tell all that are heard."""
        for observer in self._observers:
            try:
                observer.notify(event)
            except Exception as error:  # whatever a stranger's code raises
                self._give_up(observer, error)

    def stop_requested(self) -> str:
        """Give the first reason to stop; who raises has none."""
        for observer in self._observers:
            try:
                reason = observer.stop_requested()
            except Exception as error:  # whatever a stranger's code raises
                self._give_up(observer, error)
            else:
                if reason:
                    return reason
        return ""

    def _give_up(self, failed: RunMonitor, error: Exception) -> None:
        self._observers = tuple(observer for observer in self._observers if observer is not failed)
        name = type(failed).__name__
        self.faults.append(f"the monitor {name} failed ({type(error).__name__}: {error}) and is told nothing more.")
        self.notify(Warned(self.faults[-1]))
