"""One line at the foot of a terminal: what is being done, a bar where its end is known, and what there is room for."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from domain.showing import duration, harmless

NARROWEST_BAR, WIDEST_BAR = 10, 40
GAP = 2
SECONDS_UNTOLD = 2.0  # of what is done in a moment nobody wants to know how long it takes


@dataclass(frozen=True)
class Line:
    """What the line says: `share` of 1 that is done, None where the end is not known; facts by their importance."""

    doing: str
    share: float | None = None
    facts: tuple[str, ...] = ()
    since: float = field(default_factory=time.monotonic)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Fit into one line: facts are left out from the least important on, and the bar stays."""
        facts, bar = fitting(self.doing, self._told(), options.max_width, self.share is not None)
        table = Table.grid(padding=(0, GAP, 0, 0))
        cells: list[Text | ProgressBar] = [Text(harmless(self.doing), no_wrap=True, overflow="ellipsis")]
        if bar:
            cells.append(ProgressBar(total=1.0, completed=self.share or 0.0, width=bar))
        cells += [Text(harmless(fact), no_wrap=True) for fact in facts]
        table.add_row(*cells)
        yield table

    def _told(self) -> tuple[str, ...]:
        if self.share is not None:
            return (f"{self.share:4.0%}", *self.facts)
        took = time.monotonic() - self.since
        return (*self.facts, *([duration(took)] if took >= SECONDS_UNTOLD else []))


def fitting(doing: str, facts: Iterable[str], width: int, has_bar: bool) -> tuple[list[str], int]:
    """Choose the facts that have room beside the narrowest bar, and give the bar what is then left."""
    # The last cell has a gap too, and a full line may wrap on some terminals.
    room = width - 1 - len(doing) - GAP - (NARROWEST_BAR + GAP if has_bar else 0)
    chosen = []
    for fact in facts:
        if len(fact) + GAP > room:
            break
        room -= len(fact) + GAP
        chosen.append(fact)
    bar = min(WIDEST_BAR, NARROWEST_BAR + max(0, room)) if has_bar and room > -NARROWEST_BAR else 0
    return chosen, bar


class LiveLine:
    """Draws the line until it is told to stop; what is printed on the console meanwhile stands above it."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, transient=True, redirect_stdout=False, refresh_per_second=5)
        self._live.start()

    def show(self, line: Line) -> None:
        """Draw another line. A terminal that is gone is no matter."""
        with suppress(OSError, ValueError):
            self._live.update(line)

    def stop(self) -> None:
        """Leave the terminal as it was."""
        with suppress(OSError, ValueError):
            self._live.stop()
