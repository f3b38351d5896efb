"""What a scanner says of source code."""

from dataclasses import dataclass

# From the least; a scanner that knows fewer uses some of them.
FINDING_SEVERITIES = ("low", "medium", "high", "critical")
CONFIDENCES = ("low", "medium", "high")


@dataclass(frozen=True, order=True)
class Finding:
    """One place at which a scanner objects.

    Lines count from 1 within the code that was given, both included. `rule` is its short name within `tool` ("B602"),
    `title` the same in words. `cwe` is the number of the kind of weakness, None where the scanner names none.
    """

    first_line: int
    last_line: int
    tool: str
    rule: str
    title: str
    severity: str
    confidence: str
    cwe: int | None = None
    message: str = ""


@dataclass(frozen=True)
class Examination:
    """What a scanner found in a piece of code, or why it could not read it: a sentence, empty where it could."""

    findings: tuple[Finding, ...] = ()
    unreadable: str = ""
