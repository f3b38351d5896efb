"""What a scan has found, on a screen."""

from rich.padding import Padding
from rich.text import Text

from application.told_scan import told
from domain.scan import ScanReport
from presentation.cli.saying import say, screen

STYLES = {
    "place": "bold",
    "critical": "bold red",
    "high": "red",
    "medium": "yellow",
    "low": "cyan",
    "title": "bold",
    "note": "dim",
    "code": "dim",
}


def write_scan(report: ScanReport) -> None:
    """Write findings and facts: on a terminal with colours, folded at its width; elsewhere a line each, as it is."""
    console = screen()
    if not console.is_terminal:
        for line in told(report):
            say(line.text)
        return
    for line in told(report):
        text = Text.assemble(*((words, STYLES.get(kind, "")) for words, kind in line.parts))
        console.print(Padding(text, (0, 0, 0, line.indentation)) if line.indentation else text)
