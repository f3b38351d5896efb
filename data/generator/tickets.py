"""Write a spreadsheet of support tickets to a shop that sells bicycles and lamps, as a person would export it.

`python -m data.generator.tickets` writes `tickets.xlsx`, 2,000 tickets with the queue that each was put into, and
`new_tickets.xlsx`, 500 that nobody has sorted yet. They are drawn from the wordings of `ticket_words.py`: half of the
subjects say nothing, many bodies tell of another matter that is settled, some only say that something is wrong, a few
cells are empty, and people put one ticket in forty into the wrong queue. So no model gets all of them right.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from string import Template

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from data.generator.ticket_words import (
    ASIDES,
    CLOSINGS,
    NAMES,
    OCCASIONS,
    OPENINGS,
    SETTLED,
    SHARES,
    SLOTS,
    VAGUE,
    Occasion,
)

SEED = 42
# Shares of the tickets that are drawn so.
MISSORTED, VAGUE_SUBJECT, WITH_ASIDE, WITH_SETTLED, VAGUE_BODY = 0.025, 0.5, 0.3, 0.55, 0.08
WIDTHS = {"Ticket": 12, "Received": 17, "Customer no.": 13, "Customer": 20, "Subject": 34, "Body": 80}


@dataclass(frozen=True)
class Ticket:
    """One row of the sheet; None is an empty cell."""

    number: str
    received: datetime
    customer_number: str
    customer: str
    subject: str | None
    body: str | None
    priority: str | None
    queue: str


def main() -> None:
    """Write both spreadsheets into the current directory."""
    write_tickets(Path("tickets.xlsx"), tickets(2_000))
    write_tickets(Path("new_tickets.xlsx"), tickets(500, first=2_001), with_queue=False)


def tickets(count: int, first: int = 1, seed: int = SEED) -> list[Ticket]:
    """Draw `count` tickets, numbered from `first` on; the same ones for the same arguments."""
    rng = random.Random(f"{seed}/tickets/{first}")
    received = datetime(2026, 1, 5, 8, 0) + timedelta(minutes=37 * first)
    drawn = []
    for number in range(first, first + count):
        received += timedelta(minutes=rng.randint(1, 70))
        drawn.append(_ticket(number, received, rng))
    return drawn


def write_tickets(path: Path | str, rows: list[Ticket], with_queue: bool = True) -> None:
    """Write one sheet with a header; every text as text, so that `=SUM(B2:B9)` and `00417` stay what they are."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Tickets"
    header = ["Ticket", "Received", "Customer no.", "Customer", "Subject", "Body", "Priority", *["Queue"] * with_queue]
    sheet.append(header)
    for row in rows:
        values = (row.number, row.received, row.customer_number, row.customer, row.subject, row.body, row.priority)
        sheet.append([_cell(sheet, value) for value in (*values, *[row.queue] * with_queue)])
    for place, name in enumerate(header, start=1):
        sheet.cell(1, place).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(place)].width = WIDTHS.get(name, 12)
    sheet.freeze_panes = "A2"
    book.save(path)


def _ticket(number: int, received: datetime, rng: random.Random) -> Ticket:
    queue = rng.choices(list(SHARES), list(SHARES.values()))[0]
    occasion = rng.choice([occasion for occasion in OCCASIONS if occasion.queue == queue])
    words = {name: rng.choice(choices) for name, choices in sorted(SLOTS.items())}
    words["order"] = f"{rng.randint(40_000, 99_999)}"
    name = rng.choice(NAMES)
    subject = Template(rng.choice(VAGUE if rng.random() < VAGUE_SUBJECT else occasion.subjects)).substitute(words)
    body = Template(_body(occasion, rng)).substitute(words, name=name)
    if rng.random() < MISSORTED:
        queue = rng.choice([other for other in SHARES if other != queue])
    return Ticket(
        number=f"TCK-{number:05d}",
        received=received,
        customer_number=f"{rng.randint(100, 9_999):05d}",
        customer=name,
        subject=subject or None,
        body=body if rng.random() < 0.99 or not subject else None,
        priority=rng.choice(("low", "normal", "normal", "normal", "high", None)),
        queue=queue,
    )


def _body(occasion: Occasion, rng: random.Random) -> str:
    told = [rng.choice(occasion.facts), rng.choice(occasion.wishes)]
    if rng.random() < VAGUE_BODY:
        told = told[1:]
    elif rng.random() < WITH_SETTLED:
        other = rng.choice([other for other in OCCASIONS if other.queue != occasion.queue])
        told.insert(rng.randint(0, 2), Template(rng.choice(SETTLED)).safe_substitute(matter=rng.choice(other.facts)))
    if rng.random() < WITH_ASIDE:
        told.append(rng.choice(ASIDES))
    return "\n".join(part for part in (rng.choice(OPENINGS), " ".join(told), rng.choice(CLOSINGS)) if part)


def _cell(sheet: object, value: object) -> object:
    """Give a text its own cell that says it is text: a bare `=...` would be written as a formula."""
    if not isinstance(value, str):
        return value
    cell = Cell(sheet, value=value)
    cell.data_type = "s"
    return cell


if __name__ == "__main__":
    main()
