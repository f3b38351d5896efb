"""A report of a scan as lines for people: `parts` of a text and what each is, for who gives them colours."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.scan import BOTH, MODEL, ScanFinding, ScanReport
from domain.showing import harmless
from domain.words import counted

MOST_NAMED = 3


@dataclass(frozen=True)
class Told:
    """A line: texts, each with what it is ("place", a severity, "title", "note", "code", ""), and its indentation."""

    parts: tuple[tuple[str, str], ...]
    indentation: int = 0

    @property
    def text(self) -> str:
        """The line without colours."""
        return " " * self.indentation + "".join(text for text, _ in self.parts)


def told(report: ScanReport) -> Iterator[Told]:
    """Tell findings, a place that an editor opens first, and then what was done and left out."""
    for finding in report.findings:
        yield from _finding(report, finding)
        yield Told(())
    yield Told(((_result(report), "title"),))
    for fact in _facts(report):
        yield Told(((fact, "note"),))


def place_of(report: ScanReport, path: str) -> str:
    """Give a path as it is opened from here: as it stands where the base is this directory, else from the root."""
    return path if os.path.realpath(os.curdir) == report.base else os.path.join(report.base, path)


def _finding(report: ScanReport, finding: ScanFinding) -> Iterator[Told]:
    place = f"{place_of(report, finding.path)}:{finding.first_line}"
    kind = f" (CWE-{finding.cwe})" if finding.cwe else ""
    yield Told(
        (
            (harmless(place), "place"),
            (" ", ""),
            (finding.severity, finding.severity),
            (f" {harmless(finding.title)}{kind}", "title"),
        )
    )
    within = f" in {harmless(finding.piece)}" if finding.piece else ""
    yield Told(((f"{_found_by(finding)}{within}", "note"),), 4)
    for sentence in finding.why:
        yield Told(((harmless(" ".join(sentence.split())), ""),), 4)
    if finding.code:
        line, *rest = finding.code.split("\n")
        yield Told(((harmless(line.strip()) + (" ..." if rest else ""), "code"),), 8)


def _found_by(finding: ScanFinding) -> str:
    bandit = f"bandit {finding.rule}" + (f", {finding.confidence} confidence" if finding.confidence else "")
    model = f"model, score {finding.score:.2f}" if finding.score is not None else "model"
    if finding.found_by == BOTH:
        return f"{bandit}; {model}"
    return model if finding.found_by == MODEL else bandit


def _result(report: ScanReport) -> str:
    found = counted(len(report.findings), "findings") if report.findings else "no findings"
    new = "new " if report.num_known and report.findings else ""
    by = {name: sum(finding.severity == name for finding in report.findings) for name in _severities(report)}
    which = f": {', '.join(f'{number:,} {name}' for name, number in by.items())}" if by else ""
    if new:
        found = found.replace(" ", f" {new}", 1)
    return (
        f"{found}{which}, in {counted(report.num_files, 'files')} with"
        f" {counted(report.num_pieces, 'pieces')} of code, {report.seconds:.1f} s"
    )


def _severities(report: ScanReport) -> list[str]:
    return list(dict.fromkeys(finding.severity for finding in report.findings))


def _facts(report: ScanReport) -> Iterator[str]:
    """Say what looked, what is not told, and what was not looked at."""
    yield f"looked with: {' and '.join(_lookers(report))}"
    if report.num_known:
        yield f"known by the baseline: {report.num_known:,}"
    if report.num_mild:
        yield f"below {report.min_severity}, not told: {report.num_mild:,}"
    if report.num_unsure:
        unsure = counted(report.num_unsure, "pieces")
        yield f"the model says nothing of {unsure}, sure of neither at {report.min_score:g}"
    for reason, paths in report.skipped.items():
        yield f"left out, {reason}: {_named(paths)}"
    by_reason: dict[str, list[str]] = {}
    for path, reason in report.unreadable.items():
        by_reason.setdefault(reason, []).append(path)
    for reason, places in by_reason.items():
        yield f"read in part or not at all, {harmless(reason.rstrip('.'))}: {_named(places)}"
    for note in report.notes:
        yield f"note: {harmless(note)}"


def _lookers(report: ScanReport) -> list[str]:
    found = [report.scanner] if report.scanner else []
    if report.model is not None:
        model = report.model
        sure = ""
        if model.ece is not None:
            sure = f", calibrated: expected error of its score {model.ece:.3f} on {counted(model.num_rows, 'rows')}"
        found.append(f"the model of {harmless(model.run)}{sure}")
    return found


def _named(paths: Sequence[str]) -> str:
    """Name the first of some paths, and say how many there are."""
    names = ", ".join(harmless(path) for path in paths[:MOST_NAMED])
    more = f" and {len(paths) - MOST_NAMED:,} more" if len(paths) > MOST_NAMED else ""
    return f"{names}{more}"
