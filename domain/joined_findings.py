"""What a scanner and a model say of a file, as one list: what both object to is one finding."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from domain.findings import FINDING_SEVERITIES, Finding
from domain.known_findings import fingerprint_of
from domain.scan import BANDIT, BOTH, EXPECTED_SHARE, MODEL, SAFE, ExaminedFile, Piece, ScanFinding, Verdict
from domain.weaknesses import name_of_cwe

MOST_LINES_SHOWN = 8
# The rule of what a model alone has found, with the severity behind it.
MODEL_RULE = "model"


@dataclass(frozen=True)
class Thresholds:
    """What is told: findings of at least `severity`, and verdicts of a model that is at least `score` sure.

    A verdict joins what a scanner found already where it is above `expected_share`: there it speaks for a weakness.
    """

    severity: str
    score: float
    expected_share: float = EXPECTED_SHARE

    def is_told(self, severity: str) -> bool:
        """Tell whether a severity is among those that are told."""
        return rank(severity) >= rank(self.severity)

    def agrees(self, verdict: Verdict) -> bool:
        """Tell whether a model holds a piece to be weak rather than not, as far as it can see."""
        return verdict.score > self.expected_share or self.is_sure(verdict)

    def is_sure(self, verdict: Verdict) -> bool:
        """Tell whether a model is sure enough of a weakness."""
        return verdict.score >= self.score

    def is_unsure(self, verdict: Verdict) -> bool:
        """Tell whether it is sure enough of neither, so that it says nothing."""
        return verdict.score < self.score and verdict.scores[SAFE] < self.score


def rank(severity: str) -> int:
    """Give the place of a severity in their order, the least first."""
    return FINDING_SEVERITIES.index(severity)


def findings_of(file: ExaminedFile, thresholds: Thresholds) -> tuple[list[ScanFinding], int]:
    """Give what is told of a file, and the number of findings that are milder than what is told."""
    told = [finding for finding in file.findings if thresholds.is_told(finding.severity)]
    num_mild = len(file.findings) - len(told)
    objections: dict[int, tuple[Piece, Verdict]] = {}  # by the place in `told` of what the model objects to as well
    found = []
    for piece, verdict in file.pieces:
        if verdict is None or not thresholds.agrees(verdict):
            continue
        shared = _shared(piece, verdict, told, objections)
        if shared is not None:
            objections[shared] = piece, verdict
        elif not thresholds.is_sure(verdict):
            continue
        elif thresholds.is_told(verdict.severity):
            found.append(_of_model(file, piece, verdict))
        else:
            num_mild += 1
    found += [_of_scanner(file, finding, objections.get(at), thresholds) for at, finding in enumerate(told)]
    return found, num_mild


def in_order(findings: Sequence[ScanFinding]) -> list[ScanFinding]:
    """Sort findings: the most severe first, of these what both found, the likeliest first, then as they stand."""
    return sorted(
        findings,
        key=lambda finding: (
            -rank(finding.severity),
            finding.found_by != BOTH,
            -(finding.score or 0.0) if finding.found_by == BOTH else 0.0,
            finding.path,
            finding.first_line,
            finding.rule,
        ),
    )


def _shared(
    piece: Piece, verdict: Verdict, told: Sequence[Finding], taken: "dict[int, tuple[Piece, Verdict]]"
) -> int | None:
    """Choose what a scanner found in a piece to join with the verdict on it: at the model's lines, else the worst."""
    within = [at for at, finding in enumerate(told) if at not in taken and piece.holds(finding.first_line)]

    def preference(at: int) -> tuple[bool, int, int]:
        finding, lines = told[at], verdict.lines
        meets = lines is not None and finding.first_line <= lines[1] and lines[0] <= finding.last_line
        return not meets, -rank(finding.severity), at

    return min(within, key=preference, default=None)


def _of_scanner(
    file: ExaminedFile, finding: Finding, objection: tuple[Piece, Verdict] | None, thresholds: Thresholds
) -> ScanFinding:
    first, last = _bounded(file, finding.first_line, finding.last_line)
    code = list(_code(file, first, last))
    name = next((piece.name for piece, _ in file.pieces if piece.holds(first)), "")
    made = ScanFinding(
        path=file.path,
        first_line=first,
        last_line=last,
        piece=name,
        found_by=BANDIT,
        severity=finding.severity,
        rule=finding.rule,
        title=finding.title or name_of_cwe(finding.cwe) or finding.rule,
        cwe=finding.cwe,
        confidence=finding.confidence,
        why=(finding.message or finding.title,),
        code="\n".join(code),
        fingerprint=fingerprint_of(finding.rule, "", code),
    )
    if objection is None:
        return made
    piece, verdict = objection
    severity = finding.severity
    if thresholds.is_sure(verdict):
        severity = max(severity, verdict.severity, key=rank)
    why = (*made.why, _reason(verdict, piece))
    return replace(made, found_by=BOTH, severity=severity, cwe=finding.cwe or verdict.cwe, score=verdict.score, why=why)


def _of_model(file: ExaminedFile, piece: Piece, verdict: Verdict) -> ScanFinding:
    first, last = _bounded(file, *(verdict.lines or (piece.first_line, piece.last_line)))
    code = list(_code(file, first, last))
    rule = f"CWE-{verdict.cwe}" if verdict.cwe else f"{MODEL_RULE}-{verdict.severity}"
    return ScanFinding(
        path=file.path,
        first_line=first,
        last_line=last,
        piece=piece.name,
        found_by=MODEL,
        severity=verdict.severity,
        rule=rule,
        title=name_of_cwe(verdict.cwe) or "code like that of weaknesses",
        cwe=verdict.cwe,
        score=verdict.score,
        why=(_reason(verdict, piece),),
        code="\n".join(code),
        fingerprint=fingerprint_of(MODEL_RULE, piece.name, code),
    )


def _reason(verdict: Verdict, piece: Piece) -> str:
    """Say what a model gives and what it rests on."""
    severity = verdict.severity
    told = f"the model gives {verdict.score:.2f} to a weakness"
    if len(verdict.scores) > 2:
        told += f", {verdict.scores[severity]:.2f} of it to {severity}"
    if verdict.lines is None or verdict.lines == (piece.first_line, piece.last_line):
        return f"{told}, of {piece.name} as a whole"
    first, last = verdict.lines
    lines = f"line {first}" if first == last else f"lines {first} to {last}"
    return (
        f"{told}, most of all for {lines}"
        if verdict.without is None
        else f"{told}; without {lines} {verdict.without:.2f}"
    )


def _bounded(file: ExaminedFile, first: int, last: int) -> tuple[int, int]:
    """Keep lines within the file."""
    most = max(len(file.text), 1)
    first = min(max(first, 1), most)
    return first, min(max(last, first), most)


def _code(file: ExaminedFile, first: int, last: int) -> Iterator[str]:
    yield from file.text[first - 1 : min(last, first + MOST_LINES_SHOWN - 1)]
