"""A report of a scan as one JSON object, whose fields docs/scan_a_tree.md names."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from domain.scan import ScanReport
from domain.version import VERSION
from domain.weaknesses import name_of_cwe

FORMAT = 1


def json_of(report: ScanReport) -> Mapping[str, Any]:
    """Give what a program reads; a field is never taken away while `format` is the same."""
    return {
        "format": FORMAT,
        "athanor": VERSION,
        "base": printable(report.base),
        "findings": [
            {**asdict(finding), "path": printable(finding.path), "cwe_name": name_of_cwe(finding.cwe) or None}
            for finding in report.findings
        ],
        "num_files": report.num_files,
        "num_pieces": report.num_pieces,
        "num_known": report.num_known,
        "num_mild": report.num_mild,
        "num_unsure": report.num_unsure,
        "min_severity": report.min_severity,
        "min_score": report.min_score,
        "since": report.since,
        "scanner": report.scanner,
        "model": None if report.model is None else asdict(report.model),
        "skipped": {reason: list(map(printable, paths)) for reason, paths in report.skipped.items()},
        "unreadable": {printable(path): reason for path, reason in report.unreadable.items()},
        "notes": list(report.notes),
        "seconds": round(report.seconds, 3),
    }


def printable(path: str) -> str:
    r"""Give a path that every parser takes: bytes of a name that are no UTF-8 are spelt out, as `\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
