"""Write an audit: lines that fit the terminal, or data for programs."""

from textwrap import wrap

from presentation.cli.saying import say, say_data, screen

INDENT = "  "


def write_audit(text: str, form: str) -> None:
    """Write an audit on standard output; lines of text are folded where a terminal is narrow."""
    lines = text.splitlines()
    if form != "text":
        for line in lines:
            say_data(line)
        return
    console = screen()
    for line in lines:
        for piece in _folded(line, console.width) if console.is_terminal else [line]:
            say(piece)


def _folded(line: str, width: int) -> list[str]:
    """Fold a line at blanks; what follows stands a little further in."""
    indent = line[: len(line) - len(line.lstrip())]
    return wrap(line, max(width, 20), subsequent_indent=indent + INDENT, break_on_hyphens=False) or [""]
