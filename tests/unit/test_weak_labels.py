"""Labels follow from findings by one table, and those of fixes from what they name."""

import json
from itertools import pairwise, product

import pytest

from domain.findings import CONFIDENCES, FINDING_SEVERITIES, Finding
from domain.security_fixes import WORDS
from domain.task import SEVERITIES
from domain.weak_labels import LABEL_OF_FINDING, LABEL_OF_UNKNOWN, label_of, label_of_fixed, weakness_of
from domain.weaknesses import SEVERITY_OF_WEAKNESS
from tests.support.sources import ROOT


def finding(severity: str, confidence: str, cwe: int | None = None) -> Finding:
    return Finding(1, 1, "bandit", "B1", "rule", severity, confidence, cwe)


def test_the_table_knows_every_severity_and_confidence_and_never_falls_as_they_rise() -> None:
    assert set(LABEL_OF_FINDING) == set(FINDING_SEVERITIES)
    for row in LABEL_OF_FINDING.values():
        assert tuple(row) == CONFIDENCES
    ranks = [[SEVERITIES.index(LABEL_OF_FINDING[s][c]) for c in CONFIDENCES] for s in FINDING_SEVERITIES]
    assert all(one <= other for row in ranks for one, other in pairwise(row))
    assert all(one <= other for column in zip(*ranks, strict=True) for one, other in pairwise(column))
    assert {SEVERITIES[rank] for row in ranks[:3] for rank in row} == set(SEVERITIES)  # Bandit knows no "critical"


@pytest.mark.parametrize(("severity", "confidence"), list(product(FINDING_SEVERITIES, CONFIDENCES)))
def test_the_page_states_the_table(severity: str, confidence: str) -> None:
    page = (ROOT / "docs/build_a_dataset.md").read_text(encoding="utf-8")
    assert f"| {severity} | {' | '.join(LABEL_OF_FINDING[severity].values())} |" in page


def test_code_has_the_worst_label_of_its_findings() -> None:
    assert label_of([]) == "safe"
    assert label_of([finding("low", "high"), finding("high", "high"), finding("medium", "low")]) == "critical"
    assert label_of([finding("low", "low")]) == "safe"


def test_the_worst_finding_that_names_a_weakness_names_it() -> None:
    assert weakness_of([]) is None
    assert weakness_of([finding("high", "high"), finding("low", "low", 20), finding("medium", "high", 89)]) == 89


def test_a_fix_is_labelled_by_its_weakness_then_by_findings_then_by_the_default() -> None:
    assert label_of_fixed(79, [finding("high", "high")]) == SEVERITY_OF_WEAKNESS[79]
    assert label_of_fixed(99_999, [finding("high", "high")]) == "critical"
    assert label_of_fixed(None, [finding("low", "low")]) == LABEL_OF_UNKNOWN
    assert label_of_fixed(None, []) == LABEL_OF_UNKNOWN


def test_the_shipped_data_is_labelled_by_the_same_severities() -> None:
    shipped = json.loads((ROOT / "data/generator/severity.json").read_text(encoding="utf-8"))
    assert {int(number): severity for number, severity in shipped.items()}.items() <= SEVERITY_OF_WEAKNESS.items()


def test_every_weakness_that_words_name_has_a_severity() -> None:
    assert {cwe for _, cwe in WORDS if cwe is not None} <= set(SEVERITY_OF_WEAKNESS)
    assert set(SEVERITY_OF_WEAKNESS.values()) <= set(SEVERITIES) - {"safe"}
