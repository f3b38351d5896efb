from application.monitors import Monitors
from domain.events import CheckpointSaved, Event, Warned
from tests.fakes.ports import FakeMonitor

SAVED = CheckpointSaved(2, "step-00000002", 10)


class Failing(FakeMonitor):
    def __init__(self, at: str) -> None:
        super().__init__()
        self.at, self.asked = at, 0

    def notify(self, event: Event) -> None:
        self._fail("notify")

    def stop_requested(self) -> str:
        self._fail("stop_requested")
        return "cancelled"

    def _fail(self, at: str) -> None:
        self.asked += 1
        if at == self.at:
            raise ZeroDivisionError("a bug")


def told(*observers: FakeMonitor) -> list[list[Event]]:
    return [observer.events for observer in observers]


def test_nobody_watches_and_nobody_stops() -> None:
    nobody = Monitors()
    nobody.notify(SAVED)
    assert (nobody.stop_requested(), nobody.faults) == ("", [])


def test_all_are_told_and_the_first_reason_to_stop_counts() -> None:
    one, two, three = FakeMonitor(), FakeMonitor("SIGINT"), FakeMonitor("cancelled")
    monitors = Monitors(one, two, three)
    monitors.notify(SAVED)
    assert told(one, two, three) == [[SAVED]] * 3
    assert monitors.stop_requested() == "SIGINT"


def test_one_that_fails_when_it_is_told_is_heard_no_more_and_the_others_know_why() -> None:
    one, failing, other = FakeMonitor(), Failing("notify"), FakeMonitor()
    monitors = Monitors(one, failing, other)
    for _ in range(2):
        monitors.notify(SAVED)
    (fault,) = monitors.faults
    assert fault == "the monitor Failing failed (ZeroDivisionError: a bug) and is told nothing more."
    assert failing.asked == 1
    assert told(one, other) == [[SAVED, Warned(fault), SAVED]] * 2
    assert monitors.stop_requested() == ""


def test_one_that_fails_when_it_is_asked_has_no_reason_and_hides_none() -> None:
    failing, other = Failing("stop_requested"), FakeMonitor("cancelled")
    monitors = Monitors(failing, other)
    assert [monitors.stop_requested() for _ in range(2)] == ["cancelled"] * 2
    assert (failing.asked, len(monitors.faults)) == (1, 1)


def test_all_may_fail() -> None:
    monitors = Monitors(Failing("notify"), Failing("notify"))
    monitors.notify(SAVED)
    assert len(monitors.faults) == 2


def test_observers_within_others_are_heard_by_the_outermost_which_knows_their_faults() -> None:
    failing, other = Failing("notify"), FakeMonitor()
    within = Monitors(failing, other)
    monitors = Monitors(FakeMonitor(), within)
    monitors.notify(SAVED)
    assert len(monitors.faults) == 1
    assert Monitors.of(monitors) is monitors
    assert Monitors.of(None).faults == []


def test_who_joins_is_told_from_then_on_and_before_the_others() -> None:
    order: list[str] = []

    class Named(FakeMonitor):
        def __init__(self, name: str) -> None:
            super().__init__()
            self._name = name

        def notify(self, event: Event) -> None:
            order.append(self._name)

    monitors = Monitors(Named("first"))
    monitors.notify(SAVED)
    monitors.join(Named("joined"))
    monitors.notify(SAVED)
    assert order == ["first", "joined", "first"]


def test_what_is_said_of_an_observer_is_told_to_all_and_kept() -> None:
    one = FakeMonitor()
    monitors = Monitors(one)
    monitors.warn("it is late")
    assert (one.events, monitors.faults) == ([Warned("it is late")], ["it is late"])


def test_an_interrupt_is_no_failure_of_the_observer() -> None:
    class Interrupting(FakeMonitor):
        def notify(self, event: Event) -> None:
            raise KeyboardInterrupt

    monitors = Monitors(Interrupting())
    try:
        monitors.notify(SAVED)
    except KeyboardInterrupt:
        assert monitors.faults == []
    else:
        raise AssertionError("swallowed")
