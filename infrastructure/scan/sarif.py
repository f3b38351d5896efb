"""A report of a scan as SARIF 2.1.0, in the form that GitHub's code scanning takes.

Sources: OASIS, Static Analysis Results Interchange Format, version 2.1.0 with errata 01; GitHub, SARIF support for code
scanning, for `security-severity`, `precision` and `primaryLocationLineHash`.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from domain.joined_findings import rank
from domain.scan import MODEL, ScanFinding, ScanReport
from domain.showing import harmless
from domain.version import VERSION
from domain.weaknesses import address_of_cwe, name_of_cwe

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"
LEVELS = {"low": "note", "medium": "warning", "high": "error", "critical": "error"}
# From the bands that GitHub shows: above 9.0 critical, above 7.0 high, above 4.0 medium.
SECURITY_SEVERITY = {"low": "3.0", "medium": "5.5", "high": "8.0", "critical": "9.5"}
RULES_OF_BANDIT = "https://bandit.readthedocs.io/en/latest/plugins/index.html"
HOW_TO_READ_SCORES = (
    "A model has judged the function as a whole: its score is the calibrated probability of a weakness, and the lines"
    " are those without which it falls most. It may be wrong. Follow the values that come from outside to where they"
    " are used, and see what checks them on the way."
)


def sarif_of(report: ScanReport) -> Mapping[str, Any]:
    """Give a log with one run; every finding has a rule with words that help."""
    rules = _rules(report.findings)
    places = {rule["id"]: at for at, rule in enumerate(rules)}
    seen: Counter[tuple[str, str]] = Counter()
    results = []
    for finding in sorted(report.findings, key=lambda found: (found.path, found.first_line, found.rule)):
        seen[finding.path, finding.fingerprint] += 1
        results.append(_result(finding, places[finding.rule], seen[finding.path, finding.fingerprint]))
    notes = [_notification("note", note) for note in report.notes]
    notes += [_notification("warning", reason, path) for path, reason in report.unreadable.items()]
    notes += [_notification("note", f"left out, {reason}: {len(paths)}") for reason, paths in report.skipped.items()]
    run: dict[str, Any] = {
        "tool": {"driver": {"name": "Athanor", "semanticVersion": VERSION, "version": VERSION, "rules": rules}},
        "originalUriBaseIds": {ROOT: {"uri": f"{Path(report.base).as_uri().rstrip('/')}/"}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}],
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {"scanner": report.scanner, "minSeverity": report.min_severity, "minScore": report.min_score},
    }
    if report.model is not None:
        model = report.model
        run["properties"]["model"] = {
            "temperature": model.temperature,
            "shift": model.shift,
            "expectedCalibrationError": model.ece,
            "expectedCalibrationErrorBefore": model.ece_before,
            "rows": model.num_rows,
        }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rules(findings: Sequence[ScanFinding]) -> list[dict[str, Any]]:
    """Describe each rule once, as severe as the worst that it found."""
    by_rule: dict[str, ScanFinding] = {}
    for finding in findings:
        worst = by_rule.get(finding.rule)
        if worst is None or rank(finding.severity) > rank(worst.severity):
            by_rule[finding.rule] = finding
    return [_rule(by_rule[rule]) for rule in sorted(by_rule)]


def _rule(finding: ScanFinding) -> dict[str, Any]:
    kind = name_of_cwe(finding.cwe)
    title = harmless(finding.title)
    known = f" ({title})" if finding.found_by != MODEL else ""
    about = f"{kind[:1].upper()}{kind[1:]}, CWE-{finding.cwe}." if kind else f"{title[:1].upper()}{title[1:]}."
    advice = (
        HOW_TO_READ_SCORES if finding.found_by == MODEL else f"Bandit's rule {finding.rule}{known} objects to this."
    )
    addresses = [address_of_cwe(finding.cwe)] if finding.cwe else []
    if finding.found_by != MODEL:
        addresses.append(RULES_OF_BANDIT)
    tags = ["security", *([f"external/cwe/cwe-{finding.cwe:03d}"] if finding.cwe else [])]
    rule: dict[str, Any] = {
        "id": finding.rule,
        "name": _pascal(finding.title),
        "shortDescription": {"text": title},
        "fullDescription": {"text": about},
        "help": {
            "text": " ".join((about, advice, *addresses)),
            "markdown": "\n\n".join((f"**{about}**", advice, *(f"[{address}]({address})" for address in addresses))),
        },
        "defaultConfiguration": {"level": LEVELS[finding.severity]},
        "properties": {
            "tags": tags,
            "precision": finding.confidence or "medium",
            "problem.severity": {"note": "recommendation"}.get(LEVELS[finding.severity], LEVELS[finding.severity]),
            "security-severity": SECURITY_SEVERITY[finding.severity],
        },
    }
    if addresses:
        rule["helpUri"] = addresses[-1]
    return rule


def _result(finding: ScanFinding, rule: int, number: int) -> dict[str, Any]:
    properties = {
        "foundBy": finding.found_by,
        "severity": finding.severity,
        "score": finding.score,
        "confidence": finding.confidence,
    }
    region: dict[str, Any] = {"startLine": finding.first_line, "endLine": finding.last_line}
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": _artifact(finding.path), "region": region},
    }
    if finding.piece:
        location["logicalLocations"] = [{"fullyQualifiedName": harmless(finding.piece)}]
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": LEVELS[finding.severity],
        "message": {"text": _sentences(finding)},
        "locations": [location],
        "partialFingerprints": {
            "primaryLocationLineHash": f"{finding.fingerprint}:{number}",
            "athanorFinding/v1": f"{finding.fingerprint}:{number}",
        },
        "properties": {name: value for name, value in properties.items() if value is not None},
    }
    if finding.score is not None:
        result["rank"] = round(100 * finding.score, 1)
    return result


def _sentences(finding: ScanFinding) -> str:
    told = (harmless(" ".join(sentence.split())).rstrip(".") for sentence in finding.why)
    return " ".join(f"{sentence[:1].upper()}{sentence[1:]}." for sentence in told if sentence)


def _artifact(path: str) -> dict[str, str]:
    return {"uri": quote(os.fsencode(path)), "uriBaseId": ROOT}


def _notification(level: str, text: str, path: str = "") -> dict[str, Any]:
    told: dict[str, Any] = {"level": level, "message": {"text": harmless(text)}}
    if path:
        told["locations"] = [{"physicalLocation": {"artifactLocation": _artifact(path)}}]
    return told


def _pascal(title: str) -> str:
    """Write a title as SARIF wants names: HashlibInsecureFunctions."""
    words = "".join(letter if letter.isalnum() else " " for letter in title).split()
    return "".join(f"{word[:1].upper()}{word[1:]}" for word in words) or "Weakness"
