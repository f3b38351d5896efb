"""How far answers are, on a terminal and in a pipe."""

import io
import re

import pytest
from rich.console import Console

from presentation.cli.answering import AnswerProgress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def told(seconds: float, rows: int, total: int | None, terminal: bool = False, is_told: bool = True) -> str:
    """Answer rows at an even pace; gives what was written."""
    out, clock = io.StringIO(), Clock()
    console = Console(file=out, force_terminal=terminal, width=60, highlight=False)
    progress = AnswerProgress(console, is_told, clock)
    for number in range(1, rows + 1):
        progress.answered(number, total)
        clock.now += seconds / rows
    progress.close()
    return out.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_what_is_soon_done_is_not_worth_a_word(terminal: bool) -> None:
    assert told(1.5, 100, 100, terminal) == ""


def test_a_pipe_gets_plain_lines_with_the_time_of_day_every_five_seconds() -> None:
    lines = told(22, 220, 440).splitlines()
    assert len(lines) == 4
    assert re.fullmatch(r"\d\d:\d\d:\d\d  5\d of 440 rows \(1[12]%\)  10 rows/s  39 s left", lines[0])


def test_without_a_total_there_is_a_rate_alone() -> None:
    assert re.search(r"  5\d rows  10 rows/s\n", told(11, 110, None))


def test_long_waits_are_told_in_minutes_and_hours() -> None:
    assert "2 min left" in told(6, 60, 1_000)
    assert "2 h 47 min left" in told(6, 60, 100_000)


def test_a_terminal_has_one_live_line_that_fits_and_vanishes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    shown = told(30, 300, 1_000_000, terminal=True)
    assert "of 1,000,000 rows" in shown
    assert shown.endswith("\x1b[2K")


def test_a_terminal_that_can_do_nothing_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in told(11, 110, 200, terminal=True)


def test_a_terminal_that_shows_the_answers_needs_no_count() -> None:
    assert told(60, 60, 60, is_told=False) == ""
