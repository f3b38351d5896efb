"""A report of a scan as one page of HTML."""

from collections.abc import Iterator
from shlex import quote

from application.told_scan import place_of, told
from domain.scan import ScanFinding, ScanReport
from domain.weaknesses import name_of_cwe
from infrastructure.reports.page.blocks import Block, Column, Facts, Page, Paragraph, Section, Table, Texts

MOST_SHOWN = 200  # with their code; the table has them all
_COLUMNS = (
    Column("place"),
    Column("severity"),
    Column("weakness", "prose"),
    Column("found by"),
    Column("score", "number"),
)


def page_of(report: ScanReport) -> Page:
    """Give a table of all findings, each with its code and why, and what was left out."""
    *_, last = (line.text for line in told(report) if line.parts and line.parts[0][1] == "title")
    findings: list[Block] = [Table("Findings", _COLUMNS, [_row(report, finding) for finding in report.findings])]
    if not report.findings:
        findings = [Paragraph("Nothing was found.")]
    shown = report.findings[:MOST_SHOWN]
    one_by_one: list[Block] = [_texts(report, finding) for finding in shown]
    if len(report.findings) > len(shown):
        one_by_one.append(Paragraph(f"{len(report.findings) - len(shown):,} more are in the table above.", "note"))
    sections = [Section("Findings", findings)]
    if one_by_one:
        sections.append(Section("One by one", one_by_one))
    sections.append(Section("What was looked at", [*_notes(report), *_looked_at(report)]))
    return Page(f"Scan of {report.base}", f"{last}.", sections)


def _row(report: ScanReport, finding: ScanFinding) -> list[str | float | None]:
    kind = f"{finding.title} (CWE-{finding.cwe}, {name_of_cwe(finding.cwe)})" if finding.cwe else finding.title
    by = f"{finding.found_by}, {finding.rule}"
    return [f"{place_of(report, finding.path)}:{finding.first_line}", finding.severity, kind, by, finding.score]


def _texts(report: ScanReport, finding: ScanFinding) -> Texts:
    lines = f"line {finding.first_line}"
    if finding.last_line > finding.first_line:
        lines = f"lines {finding.first_line} to {finding.last_line}"
    heading = f"{place_of(report, finding.path)}:{finding.first_line} {finding.severity}: {finding.title}"
    return Texts(
        heading, {f"why ({finding.found_by})": "\n".join(finding.why), f"{lines} of {finding.piece}": finding.code}
    )


def _notes(report: ScanReport) -> Iterator[Block]:
    for note in report.notes:
        yield Paragraph(note, "warning")


def _looked_at(report: ScanReport) -> Iterator[Block]:
    facts = {
        "directory": report.base,
        "files": f"{report.num_files:,}",
        "pieces of code": f"{report.num_pieces:,}",
        "scanner": report.scanner or "none",
        "known by the baseline": f"{report.num_known:,}",
        f"below {report.min_severity}": f"{report.num_mild:,}",
    }
    if report.since is not None:
        facts["changed since"] = report.since
    if report.model is not None:
        model = report.model
        facts["model"] = quote(model.run)
        facts[f"pieces of which it says nothing, sure of neither at {report.min_score:g}"] = f"{report.num_unsure:,}"
        facts["temperature and shift of its scores"] = f"{model.temperature:.3g}, {model.shift:+.3g}"
        facts["expected share of weak pieces"] = f"{model.expected_share:.3g}"
        if model.ece is not None:
            before = "" if model.ece_before is None else f", {model.ece_before:.3f} before"
            facts["expected calibration error"] = f"{model.ece:.3f}{before}, on {model.num_rows:,} rows"
    yield Facts(facts)
    rows = [[reason, path] for reason, paths in report.skipped.items() for path in paths]
    rows += [[reason, path] for path, reason in report.unreadable.items()]
    if rows:
        yield Table("Left out, or read in part", [Column("why", "prose"), Column("path")], rows)
