"""Long parts of a job are told while they last, and what is gone through is the same whether anybody listens."""

import threading
from itertools import count

import pytest

from application.monitors import Monitors
from application.phases import counting, phase, phases_so_far, telling_phases
from domain.events import Event, PhaseAdvanced, PhaseEnded, PhaseStarted, Warned
from tests.fakes.ports import FakeMonitor


def heard(events: list[Event]) -> list[tuple[str, str]]:
    """Give kind and phase of what was told."""
    return [(type(event).__name__, getattr(event, "phase", "")) for event in events]


def test_what_is_counted_is_the_same_with_and_without_a_listener() -> None:
    items = list(range(1000))
    assert list(counting(items)) == items
    with telling_phases(lambda event: None), phase("reading"):
        assert list(counting(items)) == items


def test_a_phase_tells_its_beginning_its_progress_and_its_end() -> None:
    monitor = FakeMonitor()
    with telling_phases(monitor.notify, seconds_between=0), phase("tokenising", 600, "texts"):
        list(counting(range(600)))
    began, *between, over = monitor.events
    assert began == PhaseStarted("tokenising", 600, "texts")
    assert between == [PhaseAdvanced("tokenising", done, 600, "texts") for done in (256, 512, 600)]
    assert isinstance(over, PhaseEnded)
    assert (over.phase, over.done, over.unit) == ("tokenising", 600, "texts")


def test_progress_is_told_no_more_often_than_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("application.phases.time.monotonic", count(step=0.25).__next__)
    monitor = FakeMonitor()
    with telling_phases(monitor.notify), phase("scoring", 12) as so_far:
        for _ in range(12):
            so_far.advance()
    assert [event.done for event in monitor.events if isinstance(event, PhaseAdvanced)] == [4, 8, 12]


def test_phases_lie_within_one_another_as_brackets_do() -> None:
    monitor = FakeMonitor()
    with telling_phases(monitor.notify, seconds_between=0), phase("report"):
        with phase("scoring"):
            list(counting(range(3)))
        list(counting(range(2)))
    assert heard(monitor.events) == [
        ("PhaseStarted", "report"),
        ("PhaseStarted", "scoring"),
        ("PhaseAdvanced", "scoring"),
        ("PhaseEnded", "scoring"),
        ("PhaseAdvanced", "report"),
        ("PhaseEnded", "report"),
    ]


def test_a_phase_that_fails_is_over_too() -> None:
    monitor = FakeMonitor()
    with pytest.raises(ZeroDivisionError), telling_phases(monitor.notify), phase("reading"):
        raise ZeroDivisionError
    assert heard(monitor.events) == [("PhaseStarted", "reading"), ("PhaseEnded", "reading")]


def test_another_thread_is_not_listened_to() -> None:
    def work() -> None:
        with phase("elsewhere"):
            list(counting(range(3)))

    monitor = FakeMonitor()
    with telling_phases(monitor.notify, seconds_between=0):
        other = threading.Thread(target=work)
        other.start()
        other.join()
    assert monitor.events == []


def test_who_comes_later_can_ask_which_phases_are_over() -> None:
    assert phases_so_far() == ()
    with telling_phases(lambda event: None):
        with phase("reading"):
            pass
        with phase("checking"):
            assert [ended.phase for ended in phases_so_far()] == ["reading"]


def test_who_joins_is_told_first_which_observers_have_failed() -> None:
    class Failing(FakeMonitor):
        def notify(self, event: Event) -> None:
            raise ZeroDivisionError("a bug")

    late, monitors = FakeMonitor(), Monitors(Failing())
    monitors.notify(Warned("one"))
    monitors.join(late)
    monitors.notify(Warned("two"))
    first, second = late.events
    assert isinstance(first, Warned)
    assert "ZeroDivisionError" in first.message
    assert second == Warned("two")
