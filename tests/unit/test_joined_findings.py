"""What a scanner and a model say becomes one list, in which each says what it alone knows."""

from typing import Any

import pytest

from domain.findings import Finding
from domain.joined_findings import Thresholds, findings_of, in_order
from domain.scan import ExaminedFile, Piece, ScanFinding, Verdict

TEXT = tuple(f"line {number}" for number in range(1, 31))
OUTER, INNER = Piece("outer", ((1, 10),)), Piece("inner", ((11, 20),))


def finding(line: int, severity: str = "medium", rule: str = "B1", last: int | None = None) -> Finding:
    return Finding(line, last or line, "bandit", rule, f"title of {rule}", severity, "high", 78, f"message of {rule}")


def verdict(weak: float, severity: str = "high", **known: Any) -> Verdict:
    rest = {"low": 0.0, "high": 0.0, "critical": 0.0, severity: weak}
    return Verdict({"safe": 1 - weak, **rest}, **known)


def told(
    findings: tuple[Finding, ...] = (), outer: Verdict | None = None, inner: Verdict | None = None, **thresholds: Any
) -> list[ScanFinding]:
    return with_mild(findings, outer, inner, **thresholds)[0]


def with_mild(
    findings: tuple[Finding, ...] = (),
    outer: Verdict | None = None,
    inner: Verdict | None = None,
    severity: str = "medium",
    score: float = 0.7,
) -> tuple[list[ScanFinding], int]:
    file = ExaminedFile("a.py", ((OUTER, outer), (INNER, inner)), findings, text=TEXT)
    return findings_of(file, Thresholds(severity, score))


def test_each_says_alone_what_the_other_passes() -> None:
    one, other = told((finding(3),), inner=verdict(0.9, lines=(15, 16), without=0.2))
    assert (one.found_by, one.first_line, one.piece) == ("model", 15, "inner")
    assert one.score == pytest.approx(0.9)
    assert one.why == ("the model gives 0.90 to a weakness, 0.90 of it to high; without lines 15 to 16 0.20",)
    assert one.rule == "model-high"
    assert (other.found_by, other.first_line, other.piece, other.score) == ("bandit", 3, "outer", None)
    assert other.why == ("message of B1",)


def test_a_verdict_that_leans_to_a_weakness_joins_and_is_not_told_alone() -> None:
    (one,) = told((finding(3),), verdict(0.2, lines=(3, 3)), verdict(0.2, lines=(15, 15)))
    assert (one.found_by, one.rule, one.severity) == ("both", "B1", "medium")
    assert one.score == pytest.approx(0.2)
    (other,) = told((finding(3),), verdict(0.02, lines=(3, 3)))
    assert other.found_by == "bandit"


def test_a_verdict_joins_the_finding_at_its_lines() -> None:
    found = told((finding(3, "high"), finding(7, rule="B2"), finding(9, rule="B3")), verdict(0.9, lines=(7, 8)))
    assert [(one.rule, one.found_by) for one in found] == [("B1", "bandit"), ("B2", "both"), ("B3", "bandit")]
    assert found[1].severity == "high"
    assert len(found[1].why) == 2


def test_without_lines_in_common_it_joins_the_most_severe_and_keeps_the_greater_severity() -> None:
    found = told((finding(3), finding(7, "critical", "B2")), verdict(0.9, "high", lines=(5, 5)))
    assert [(one.rule, one.found_by, one.severity) for one in found] == [
        ("B1", "bandit", "medium"),
        ("B2", "both", "critical"),
    ]


def test_the_model_is_silent_below_the_score_and_both_sides_of_doubt_are_counted() -> None:
    thresholds = Thresholds("medium", 0.7)
    assert told((), verdict(0.69)) == []
    assert [thresholds.is_unsure(verdict(weak)) for weak in (0.9, 0.7, 0.69, 0.31, 0.29, 0.0)] == [
        False, False, True, True, False, False,
    ]  # fmt: skip


def test_what_is_milder_is_counted_and_not_told() -> None:
    found, num_mild = with_mild((finding(3, "low"), finding(4, "high")), None, verdict(0.9, "low"))
    assert ([one.first_line for one in found], num_mild) == ([4], 2)


def test_a_mild_finding_takes_no_verdict_away() -> None:
    (found,) = told((finding(3, "low"),), verdict(0.9))
    assert found.found_by == "model"


def test_a_kind_of_weakness_that_the_model_names_is_its_rule() -> None:
    (found,) = told((), verdict(0.9, cwe=89))
    assert (found.rule, found.cwe, found.title) == ("CWE-89", 89, "SQL injection")


def test_lines_beyond_the_file_are_kept_within_it() -> None:
    (found,) = told((finding(25, last=900),))
    assert (found.first_line, found.last_line) == (25, 30)
    assert found.code.split("\n")[-1] == "line 30"


def test_the_fingerprint_of_a_finding_is_that_of_its_code() -> None:
    lines = list(TEXT)
    lines[3] = "    line   3"  # as line 3, elsewhere and indented
    file = ExaminedFile("b.py", ((OUTER, None),), (finding(3), finding(4)), text=lines)
    (one, other), _ = findings_of(file, Thresholds("low", 0.7))
    assert one.fingerprint == other.fingerprint == told((finding(3),))[0].fingerprint
    assert told((finding(5),))[0].fingerprint != one.fingerprint
    assert told((finding(3, rule="B9"),))[0].fingerprint != one.fingerprint


def test_the_most_severe_and_those_of_both_come_first() -> None:
    found = told(
        (finding(3), finding(12, "critical", "B2"), finding(13, "critical", "B3")), None, verdict(0.9, lines=(13, 13))
    )
    assert [(one.rule, one.found_by) for one in in_order(found)] == [("B3", "both"), ("B2", "bandit"), ("B1", "bandit")]
