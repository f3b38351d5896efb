"""A run in a notebook is shown below its cell, and its interrupt button stops it without a loss."""

import signal
from typing import Any

import pytest

from domain.events import Event, PhaseEnded, PhaseStarted, RunFinished, RunStarted, StepCompleted, Warned
from presentation import notebook

STARTED = RunStarted("run", "text_classification", "cpu", "fp32", 1000, 96, 24, 10, 0)
STEP = StepCompleted(5, 10, 0, 0.7, 0.7, 1.0, 1e-3, 100.0, 10.0, 1)
FINISHED = RunFinished(10, "completed", 3.0)


class Display:
    """Remembers what the notebook would show."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, html: Any) -> None:
        self.shown.append(html.data)


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Display:
    found = Display()
    monkeypatch.setattr("IPython.display.display", lambda *words, **names: found)
    monkeypatch.setattr(notebook, "SECONDS_BETWEEN_PICTURES", 0.0)
    return found


def told(*events: Event) -> notebook.NotebookMonitor:
    monitor = notebook.NotebookMonitor()
    for event in events:
        monitor.notify(event)
    return monitor


def test_phases_steps_and_sentences_are_shown_and_the_bar_goes_at_the_end(display: Display) -> None:
    monitor = told(PhaseStarted("reading rows.csv", 0, ""), PhaseEnded("reading rows.csv", 0, "", 1.0), STARTED, STEP)
    assert any("reading rows.csv" in shown for shown in display.shown)
    assert "step 5 of 10" in display.shown[-1]
    assert "<progress value='0.5000'" in display.shown[-1]
    monitor.notify(FINISHED)
    monitor.close()
    assert "completed after 10 steps" in display.shown[-1]
    assert "<progress" not in display.shown[-1]


def test_what_is_told_is_text(display: Display) -> None:
    told(Warned("<script>alert(1)</script>\u202e"))
    assert "<script>" not in display.shown[-1]
    assert "\u202e" not in display.shown[-1]


@pytest.mark.parametrize(("events", "doing"), [((STARTED,), "saving"), ((STARTED, FINISHED), "its report follows")])
def test_an_interrupt_asks_first_and_insists_then(display: Display, events: tuple[Event, ...], doing: str) -> None:
    monitor = told(*events)
    monitor.interrupt(signal.SIGINT, None)
    assert monitor.stop_requested() == "SIGINT"
    assert doing in display.shown[-1]
    with pytest.raises(KeyboardInterrupt):
        monitor.interrupt(signal.SIGINT, None)


def test_an_interrupt_before_the_training_ends_at_once(display: Display) -> None:
    with pytest.raises(KeyboardInterrupt):
        told(PhaseStarted("reading", 0, "")).interrupt(signal.SIGINT, None)


def test_a_notebook_that_is_gone_does_not_stop_the_run(display: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(html: Any) -> None:
        raise OSError("gone")

    monkeypatch.setattr(display, "update", refuse)
    monitor = told(STARTED, STEP, FINISHED)
    monitor.close()
    assert monitor.stop_requested() == ""


def test_this_program_is_no_notebook() -> None:
    assert not notebook.is_notebook()


def test_the_button_is_given_back(display: Display) -> None:
    before = signal.getsignal(signal.SIGINT)
    with notebook.watched() as monitor:
        assert signal.getsignal(signal.SIGINT) == monitor.interrupt
    assert signal.getsignal(signal.SIGINT) == before
