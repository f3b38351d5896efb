"""Labels that nobody checked: how severe code is taken to be by what a scanner says of it, or by what a fix says."""

from collections.abc import Iterable

from domain.findings import Finding
from domain.task import SEVERITIES
from domain.weaknesses import SEVERITY_OF_WEAKNESS

SAFE = SEVERITIES[0]
# Severity of a finding, then its confidence. What a scanner itself doubts counts a step less, and the worst is kept for
# what it is certain of.
LABEL_OF_FINDING = {
    "low": {"low": "safe", "medium": "low", "high": "low"},
    "medium": {"low": "low", "medium": "medium", "high": "medium"},
    "high": {"low": "medium", "medium": "high", "high": "critical"},
    "critical": {"low": "high", "medium": "critical", "high": "critical"},
}
# A fix that names no kind of weakness, of code of which no scanner says anything.
LABEL_OF_UNKNOWN = "medium"


def label_of(findings: Iterable[Finding]) -> str:
    """Give the worst label that a finding stands for; "safe" without any."""
    labels = [LABEL_OF_FINDING[found.severity][found.confidence] for found in findings]
    return max(labels, key=SEVERITIES.index, default=SAFE)


def label_of_fixed(cwe: int | None, findings: Iterable[Finding]) -> str:
    """Label code that a fix changed: by the kind of weakness that it names, else by findings, else `LABEL_OF_UNKNOWN`.

    `findings` are those of the code before the fix that point to lines it changed.
    """
    if cwe in SEVERITY_OF_WEAKNESS:
        return SEVERITY_OF_WEAKNESS[cwe]
    label = label_of(findings)
    return LABEL_OF_UNKNOWN if label == SAFE else label


def weakness_of(findings: Iterable[Finding]) -> int | None:
    """Give the number of the kind of weakness of the worst finding that names one; of equal ones the first."""
    named = [found for found in findings if found.cwe is not None]
    worst = max(named, key=lambda found: SEVERITIES.index(label_of([found])), default=None)
    return None if worst is None else worst.cwe
