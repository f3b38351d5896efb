"""Messages of commits that speak of weaknesses are told from those that do not."""

import pytest

from domain.security_fixes import WORDS, SecurityFix, security_fix


@pytest.mark.parametrize(
    ("message", "advisory", "cwe"),
    [
        ("Fix CVE-2024-12345", "CVE-2024-12345", None),
        ("fix: cve-2023-0001 and ghsa-23cf-jmpq-rvwx (CWE-79)", "CVE-2023-0001", 79),
        ("Merge advisory GHSA-23CF-jmpq-rvwx", "GHSA-23cf-jmpq-rvwx", None),
        ("PYSEC-2021-7: check lengths", "PYSEC-2021-7", None),
        ("Quote names\n\nThis was a SQL injection.", "", 89),
        ("prevent shell injection in hooks", "", 78),
        ("Render templates in a sandbox (SSTI)", "", 1336),
        ("Escape titles against XSS", "", 79),
        ("Stop path traversal in uploads", "", 22),
        ("ReDoS in the parser of dates", "", 1333),
        ("Compare in constant-time comparison", "", 208),
        ("Bound the header: denial of service", "", 400),
        ("Avoid a DoS by long lines", "", 400),
        ("CVE-2020-11111: path traversal", "CVE-2020-11111", 22),
        ("Command injection, see CWE-88", "", 88),
        ("Fix a vulnerability", "", None),
        ("security fix for sessions", "", None),
        ("Fixed a nasty security problem", "", None),
    ],
)
def test_a_message_that_speaks_of_a_weakness_is_a_fix(message: str, advisory: str, cwe: int | None) -> None:
    assert security_fix(message) == SecurityFix(advisory, cwe)


@pytest.mark.parametrize(
    "message",
    [
        "Add a page",
        "",
        "Read the source of resources",  # rce
        "Support MS-DOS line ends",
        "Traducir los dos archivos",
        "Update the security policy page",
        "Fix a typo in the security page",
        'Revert "Fix CVE-2024-12345"',
        "Reapply the fix of an SQL injection",
        "Inject services into controllers",
        "CVE-less cleanup",
        "Measure excess widths",
    ],
)
def test_other_messages_are_none(message: str) -> None:
    assert security_fix(message) is None


def test_every_pattern_is_documented_where_people_read_it() -> None:
    from tests.support.sources import ROOT

    page = (ROOT / "docs/build_a_dataset.md").read_text(encoding="utf-8")
    for _, cwe in WORDS:
        assert cwe is None or f"| {cwe} |" in page, cwe
