"""A run that goes on is told in plain lines with the time of day, and on a terminal in one line that fits."""

import io
import re
import signal
from collections.abc import Callable

import pytest
from rich.console import Console

from domain.events import (
    EvaluationCompleted,
    Event,
    PhaseAdvanced,
    PhaseEnded,
    PhaseStarted,
    RunFinished,
    RunOpened,
    RunStarted,
    StepCompleted,
    Warned,
)
from presentation.cli import saying, watching
from presentation.cli.interrupting import Interrupted
from presentation.cli.live_line import Line, fitting
from presentation.cli.watching import ConsoleMonitor, watched

STARTED = RunStarted("run", "text_classification", "cpu", "fp32", 1_000, 2_000, 60, 1_000, 0, 100)
FACTS = ("  45%", "12 min left", "loss 0.512", "epoch 1", "12,345 tokens/s", "lr 1.0e-04")


def step(number: int) -> StepCompleted:
    return StepCompleted(number, 1_000, 0, 0.5, 0.5, 1.0, 1e-3, 200.0, 20.0, 0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(watching.time, "monotonic", clock)  # type: ignore[attr-defined]  # what it reads time with
    return clock


def lines(*events: Event | Callable[[], None]) -> list[str]:
    """Give the plain lines of some events, without their time of day, which each of them has."""
    stream = io.StringIO()
    monitor = ConsoleMonitor(Console(file=stream, force_terminal=False))
    for event in events:
        event() if callable(event) else monitor.notify(event)
    written = stream.getvalue().splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d  \S", line) for line in written)
    return [line[10:] for line in written]


class TestPlainLines:
    def test_tell_when_a_phase_begins_and_every_five_seconds_how_far_it_is(self, clock: Clock) -> None:
        def later(seconds: float) -> Callable[[], None]:
            return lambda: setattr(clock, "now", clock.now + seconds)

        told = lines(
            PhaseStarted("tokenising", 600, "texts"),
            later(1),
            PhaseAdvanced("tokenising", 100, 600, "texts"),
            later(4),
            PhaseAdvanced("tokenising", 240, 600, "texts"),
            later(1),
            PhaseAdvanced("tokenising", 300, 600, "texts"),
            PhaseEnded("tokenising", 600, "texts", 12.0),
        )
        assert told == ["tokenising ...", "tokenising ... 40%", "tokenising: 600 texts in 12 s"]

    def test_tell_numbers_where_the_end_is_not_known(self, clock: Clock) -> None:
        clock.now += 10
        assert lines(PhaseAdvanced("reading a.csv", 120_000, 0, "rows")) == ["reading a.csv ... 120,000 rows"]

    def test_say_the_beginning_once(self) -> None:
        stream = io.StringIO()
        monitor = ConsoleMonitor(Console(file=stream, force_terminal=False))
        monitor.begin("reading a.csv")
        monitor.notify(PhaseStarted("reading a.csv", 0, "rows"))
        assert stream.getvalue().count("reading a.csv ...") == 1

    def test_tell_within_a_training_only_of_phases_that_last(self, clock: Clock) -> None:
        scoring = PhaseStarted("scoring", 60, "rows"), PhaseEnded("scoring", 60, "rows", 0.1)
        assert lines(STARTED, *scoring)[1:] == []
        clock.now += 10

        def later() -> None:
            clock.now += 10

        assert lines(STARTED, scoring[0], later, PhaseAdvanced("scoring", 30, 60, "rows"))[1:] == ["scoring ... 50%"]

    def test_have_the_time_that_is_left(self, clock: Clock) -> None:
        def later() -> None:
            clock.now += 60

        told = lines(STARTED, later, step(100), EvaluationCompleted(100, 0, {"macro_f1": 0.5}, True, 30.0))
        assert told[1] == "step 100/1,000  epoch 1  loss 0.500  lr 1.0e-03  200 tokens/s  9 min left"
        assert told[2] == "epoch 1, step 100: macro F1 0.5000  (best so far)"

    def test_say_at_the_last_step_of_no_time_that_is_left(self, clock: Clock) -> None:
        assert "left" not in lines(STARTED, step(1_000))[1]


class TestTheLiveLine:
    @pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
    def test_fits_and_drops_the_least_important_facts_first(self, width: int) -> None:
        chosen, bar = fitting("training", FACTS, width, True)
        assert tuple(chosen) == FACTS[: len(chosen)]
        assert len("training") + 2 + bar + 2 + sum(len(fact) + 2 for fact in chosen) < width + 3

    def test_of_60_columns_has_a_bar_the_time_left_and_the_loss(self) -> None:
        chosen, bar = fitting("training", FACTS, 60, True)
        assert bar >= 10
        assert chosen[:3] == list(FACTS[:3])

    @pytest.mark.parametrize("share", [None, 0.45])
    def test_is_one_line_whatever_the_width(self, share: float | None) -> None:
        for width in (10, 30, 60, 100):
            console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
            line = Line("reading a file with a name of some length.csv", share, FACTS[1:])
            assert len(console.render_lines(line, console.options)) == 1


@pytest.mark.parametrize(
    ("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb"), ("CI", "true"), ("NO_COLOR", "anything")]
)
def test_a_terminal_that_wants_plain_text_gets_lines_alone(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    for other in ("NO_COLOR", "CI"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    written = {}
    for setting in ("", value):
        terminal = Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        if setting:
            monkeypatch.setenv(name, setting)
        monitor = ConsoleMonitor(saying.error_screen())
        for event in (PhaseStarted("reading a.csv", 0, "rows"), STARTED, step(1_000), Warned("x")):
            monitor.notify(event)
        monitor.close()
        written[setting] = terminal.getvalue()
    assert "\x1b" in written[""]
    assert not set(written[value]) & set("\x1b\r")
    assert "reading a.csv ..." in written[value]


class TestASignal:
    def interrupted_by(self, *events: Event, resumed: str = "") -> str:
        """Give what is said last when a signal comes after some events, and ends the job."""

        def job() -> None:
            with watched("reading a.csv", resumed) as monitor:
                for event in events:
                    monitor.notify(event)
                signal.raise_signal(signal.SIGINT)

        with pytest.raises(Interrupted) as caught:
            job()
        assert caught.value.exit_code == 130
        return caught.value.message

    def test_before_the_training_ends_the_job_at_once_for_nothing_is_saved(self) -> None:
        said = self.interrupted_by(PhaseStarted("tokenising", 600, "texts"))
        assert said == "SIGINT: interrupted before anything was saved."

    def test_before_a_run_goes_on_says_how_to_resume_it(self) -> None:
        assert "athanor resume runs/a" in self.interrupted_by(resumed="runs/a")

    def test_behind_the_opening_of_a_run_says_how_to_resume_it(self) -> None:
        assert "no checkpoint is saved yet" in self.interrupted_by(RunOpened("runs/a", ""))
        assert "step-00000004" in self.interrupted_by(RunOpened("runs/a", "step-00000004"))

    def test_in_a_training_lets_it_save_first(self) -> None:
        with watched() as monitor:
            monitor.notify(STARTED)
            signal.raise_signal(signal.SIGINT)
            assert monitor.stop_requested() == "SIGINT"

    def twice(self, *, by_torchrun: bool, monkeypatch: pytest.MonkeyPatch) -> str:
        """Signal a training, of one process or of a rank, two times; gives why it is to stop."""
        for name, value in {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"}.items():
            monkeypatch.setenv(name, value) if by_torchrun else monkeypatch.delenv(name, raising=False)
        with watched() as monitor:
            monitor.notify(STARTED)
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            return monitor.stop_requested()

    def test_that_comes_twice_insists(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(Interrupted):
            self.twice(by_torchrun=False, monkeypatch=monkeypatch)

    def test_that_comes_twice_to_a_rank_at_once_was_passed_on_by_torchrun(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.twice(by_torchrun=True, monkeypatch=monkeypatch) == "SIGTERM"

    def test_that_comes_to_a_rank_again_after_a_while_insists(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watching, "SECONDS_OF_ONE_WISH", 0.0)
        with pytest.raises(Interrupted):
            self.twice(by_torchrun=True, monkeypatch=monkeypatch)

    def test_while_a_library_is_loaded_in_a_phase_ends_the_job_at_the_next_event(self) -> None:
        with watched() as monitor:
            monitor.notify(PhaseStarted("reading a.csv", 0, "rows"))
            importing = compile("frame = __import__('sys')._getframe()", "<frozen importlib._bootstrap>", "exec")
            names: dict[str, object] = {}
            exec(importing, names)
            monitor.receive(signal.SIGINT, names["frame"])  # type: ignore[arg-type]  # a frame of that file
            with pytest.raises(Interrupted):
                monitor.notify(RunFinished(1, "completed", 1.0))
