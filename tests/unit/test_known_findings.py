"""A baseline hides as much as it knows, and nothing that is new."""

from hypothesis import given
from hypothesis import strategies as st

from domain.known_findings import KnownFinding, fingerprint_of, not_known
from domain.scan import ScanFinding


def found(path: str, fingerprint: str = "f") -> ScanFinding:
    return ScanFinding(path, 1, 1, "", "bandit", "high", "B1", "t", fingerprint=fingerprint)


def new(findings: list[ScanFinding], known: list[KnownFinding], *gone: str) -> list[str]:
    return [finding.path for finding in not_known(findings, known, lambda path: path in gone)]


def test_what_is_known_at_its_path_is_hidden() -> None:
    assert new([found("a"), found("b")], [KnownFinding("a", "f")], "a", "b") == ["b"]


def test_a_second_equal_one_is_new() -> None:
    assert new([found("a"), found("a")], [KnownFinding("a", "f")], "a") == ["a"]


def test_one_that_went_elsewhere_is_known() -> None:
    assert new([found("b")], [KnownFinding("a", "f")], "a") == []


def test_one_that_stays_where_nobody_looked_stands_for_no_other() -> None:
    assert new([found("b")], [KnownFinding("a", "f")]) == ["b"]


def test_its_own_path_comes_first() -> None:
    assert new([found("b"), found("a")], [KnownFinding("a", "f")], "a", "b") == ["b"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("fg"))))
def test_a_baseline_of_the_same_findings_hides_them_all(pairs: list[tuple[str, str]]) -> None:
    findings = [found(*pair) for pair in pairs]
    assert new(findings, [KnownFinding(*pair) for pair in pairs]) == []
    assert len(new([*findings, found("a")], [KnownFinding(*pair) for pair in pairs])) == 1


def test_a_fingerprint_heeds_no_indentation_and_no_blank_lines() -> None:
    assert fingerprint_of("B1", "", ["x = 1", "y"]) == fingerprint_of("B1", "", ["\tx  =  1", "", "  y "])
    assert fingerprint_of("B1", "", ["x = 1"]) != fingerprint_of("B1", "f", ["x = 1"])
