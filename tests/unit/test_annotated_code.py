"""Code with what was found in it: what a model reads, and where its characters went."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.findings import CONFIDENCES, FINDING_SEVERITIES, Finding
from infrastructure.data.labels.annotating import MAX_HEADERS, SIGN, annotated
from infrastructure.data.labels.finding_cells import num_lines_of

LINES = st.lists(st.text(alphabet=st.sampled_from("ab \t\f\u2028\x0b§\r\n"), max_size=8), max_size=6).map("\n".join)


def finding(line: int, rule: str = "B602", severity: str = "high", confidence: str = "high") -> Finding:
    return Finding(line, line, "bandit", rule, "", severity, confidence, 78)


def test_findings_stand_in_front_and_at_their_lines() -> None:
    code = "def run(x):\n    call(x, shell=True)\n"
    assert annotated(code, [finding(2)]).text == (
        "§ bandit B602 high high CWE-78 line 2\ndef run(x):\n    § B602 call(x, shell=True)\n"
    )


def test_the_worst_stands_first_and_many_are_counted() -> None:
    findings = [finding(1, f"B{number}", "low") for number in range(MAX_HEADERS)]
    lines = annotated("x", [*findings, finding(1, "B9")]).text.split("\n")
    assert lines[0] == "§ bandit B9 high high CWE-78 line 1"
    assert lines[MAX_HEADERS] == "§ and 1 more"
    assert lines[-1].endswith(" B9 x")


def test_no_other_character_becomes_the_sign() -> None:
    # Those that do not fall into parts stay as they are.
    others = "".join(filter(unicodedata.decomposition, map(chr, range(0x110000))))
    assert len(others) > 5000
    assert SIGN not in others
    assert not any(SIGN in unicodedata.normalize(form, others) for form in ("NFC", "NFD", "NFKC", "NFKD"))


def test_code_without_findings_stands_as_it_is() -> None:
    assert annotated("x = 1\r\n", []).text == "x = 1\r\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_python_ends_them(end: str) -> None:
    code = f"a\u2028b{end}\x0cc{end}d"
    assert annotated(code, [finding(2), finding(3)]).text.endswith(f"a\u2028b{end}\x0c§ B602 c{end}§ B602 d")


@given(code=LINES, lines=st.lists(st.integers(1, 9), max_size=4))
def test_each_character_is_found_again_and_no_code_looks_like_a_finding(code: str, lines: list[int]) -> None:
    findings = [finding(line) for line in lines]
    text = annotated(code, findings)
    plain = code.replace(SIGN, "?")
    assert "".join(text.text[text.offset_of(place)] for place in range(len(code))) == plain
    assert text.offset_of(len(code)) == len(text.text)
    marked = {line for line in lines if line <= num_lines_of(code)}
    assert text.text.count(SIGN) == len(lines) + len(marked)
    for start in range(len(code)):
        first, end = text.span_of(start, len(code))
        assert text.text[first] == plain[start]
        assert text.text[end - 1] == plain[-1]


@given(
    st.lists(
        st.builds(
            finding,
            st.integers(1, 5),
            severity=st.sampled_from(FINDING_SEVERITIES),
            confidence=st.sampled_from(CONFIDENCES),
        ),
        max_size=20,
    )
)
def test_the_order_of_findings_changes_nothing(findings: list[Finding]) -> None:
    assert annotated("a\nb\nc", findings).text == annotated("a\nb\nc", findings[::-1]).text
