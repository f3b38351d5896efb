"""The page about tickets is a transcript: its commands run as they stand, on fewer tickets and for a few steps."""

import csv
import re
import shlex
from collections import Counter
from pathlib import Path

import openpyxl
import pytest

from data.generator.ticket_words import SHARES
from data.generator.tickets import tickets, write_tickets
from tests.support.command_line import athanor

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tickets_from_a_spreadsheet.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = FENCE.findall(PAGE)
COMMANDS = [
    shlex.split(line)
    for language, block in BLOCKS
    if language == "sh"
    for line in block.replace("\\\n", " ").splitlines()
]
REFUSAL, PLAN, SCORES, WRITTEN, ANSWERS = (block for language, block in BLOCKS if language == "output")


def test_a_spreadsheet_becomes_answers_in_five_commands_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ((_, code),) = [block for block in BLOCKS if block[0] == "python"]
    fewer = code.replace("tickets(2000)", "tickets(160)").replace("tickets(500,", "tickets(12,")
    exec(compile(fewer, "page", "exec"), {})
    first, dry, train, opened, predict = COMMANDS

    refused = athanor(*first[1:])
    assert refused.exit_code == 2
    assert refused.stderr.splitlines()[-1] in " ".join(REFUSAL.split())
    asked_for = re.findall(r"--set '(.+?)'", refused.stderr)
    assert [word for word in dry if "=" in word] == [word for word in train if "=" in word] == asked_for

    planned = athanor(*dry[1:])
    assert planned.exit_code == 0
    assert facts_in(PLAN) <= facts_in(planned.stdout)
    assert {path.name for path in tmp_path.iterdir()} == {"tickets.xlsx", "new_tickets.xlsx"}

    trained = athanor(*train[1:], "--quick", "--model", "encoder-tiny")
    assert trained.exit_code == 0
    assert facts_in(SCORES) - set(SHARES) <= facts_in(trained.stdout)
    assert SCORES.splitlines()[-1] == next(line for line in trained.stdout.splitlines() if line.startswith(" next"))

    assert opened[0] == "xdg-open"
    report = Path(opened[1]).read_text(encoding="utf-8")
    _, _, sections = PAGE.partition("| section |")
    for section in re.findall(r"^\| ([A-Z][a-z ]+) \|", sections, re.MULTILINE):
        assert f">{section}</h2>" in report

    answered = athanor(*predict[1:])
    assert answered.exit_code == 0
    assert "wrote answers.csv: 12 rows" in answered.stderr
    with Path("answers.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [f"TCK-{number:05d}" for number in range(2001, 2013)]
    assert list(rows[0])[:7] == ["Ticket", "Received", "Customer no.", "Customer", "Subject", "Body", "Priority"]
    assert list(rows[0])[7:] == ANSWERS.splitlines()[0].split(",")[2:]

    assert athanor("predict", "runs/tickets", "--input", "new_tickets.xlsx", "--output", "answers.xlsx").exit_code == 0
    sheet = openpyxl.load_workbook("answers.xlsx").active
    assert sheet is not None
    assert sheet.column_dimensions["B"].width >= len("2026-02-25 18:31:00")
    scored = athanor("evaluate", "runs/tickets", "--dataset", "tickets.xlsx", "--report", "again.html")
    assert scored.stderr.splitlines()[-1] == "wrote again.html"
    assert Path("again.html").is_file()


def facts_in(block: str) -> set[str]:
    """Give the names at the beginning of the lines that are indented by one."""
    return set(re.findall(r"^ (\w+(?: \w+)*)  ", block, re.MULTILINE))


def test_the_tickets_are_as_the_page_says(tmp_path: Path) -> None:
    drawn = tickets(2000)
    assert drawn == tickets(2000)
    assert len({ticket.number for ticket in drawn}) == 2000
    assert set(Counter(ticket.queue for ticket in drawn)) == set(SHARES)
    assert all(ticket.subject or ticket.body for ticket in drawn)
    assert any(ticket.subject is None for ticket in drawn)
    assert any(ticket.body is None for ticket in drawn)
    assert not {ticket.body for ticket in tickets(500, first=2001)} <= {ticket.body for ticket in drawn}

    write_tickets(tmp_path / "x.xlsx", drawn)
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx").active
    assert sheet is not None
    cells = [cell for row in sheet.iter_rows(min_row=2) for cell in row]
    assert "f" not in {cell.data_type for cell in cells}
    assert any(str(cell.value).startswith("=SUM(") for cell in cells)
    assert any(str(cell.value).startswith("00") for cell in cells)
