"""A scan finds fault with what is asked before it looks at anything, and tells what is new."""

import pytest

from application.use_cases.scan_tree import ScanTreeRequest, ScanTreeUseCase
from domain.exceptions import ConfigurationError
from domain.findings import Finding
from domain.known_findings import KnownFinding
from domain.scan import ExaminedFile, Piece, Verdict
from tests.fakes.scans import FakeBaselines, FakeExaminers, FakeReports, FakeTrees


def finding(line: int, severity: str = "high") -> Finding:
    return Finding(line, line, "bandit", f"B{line}", "title", severity, "high", None, "message")


PIECE, UNSURE, TEXT = Piece("f", ((1, 9),)), Verdict({"safe": 0.5, "high": 0.5}), ("x",) * 9
FILES = (
    ExaminedFile("a.py", ((PIECE, UNSURE),), (finding(1), finding(2)), text=TEXT),
    ExaminedFile("b.py", (), (finding(3, "low"),), "unreadable", TEXT),
)


class Scan:
    """A use case among fakes."""

    def __init__(self, **known: list[KnownFinding]) -> None:
        self.trees, self.examiners = FakeTrees("a.py", "b.py", skipped={"link": ("c.py",)}), FakeExaminers(*FILES)
        self.baselines, self.reports = FakeBaselines(**known), FakeReports()
        self.use_case = ScanTreeUseCase(self.trees, self.examiners, self.baselines, self.reports)

    def __call__(self, **asked: object) -> object:
        return self.use_case.execute(ScanTreeRequest.model_validate({"paths": ("src",), **asked}))


def test_a_report_says_what_was_found_and_what_was_not_told() -> None:
    scan = Scan()
    report = scan.use_case.execute(ScanTreeRequest(paths=("src",), run="run", since="main", device="cpu"))
    assert [found.rule for found in report.findings] == ["B1", "B2"]
    assert (report.num_files, report.num_pieces, report.num_mild, report.num_unsure, report.num_known) == (
        2,
        1,
        1,
        1,
        0,
    )
    assert report.unreadable == {"b.py": "unreadable"}
    assert report.skipped == {"link": ("c.py",)}
    assert report.notes == ("a note",)
    assert scan.trees.asked == [(("src",), "main")]
    assert scan.examiners.opened == [("run", "cpu")]


def test_a_baseline_is_written_of_all_and_read_before_anything_is_looked_at() -> None:
    scan = Scan()
    scan(write_baseline="new", output="out", form="json")
    assert [entry.path for entry in scan.baselines.known["new"]] == ["a.py", "a.py"]
    assert scan.reports.written == {"out": "json: 2"}
    assert scan.reports.required == ["out", "new"]
    again = Scan(new=list(scan.baselines.known["new"]))
    assert again.use_case.execute(ScanTreeRequest(paths=("src",), baseline="new")).num_known == 2


@pytest.mark.parametrize(
    ("output", "form"),
    [
        ("a.html", "html"),
        ("a.HTM", "html"),
        ("a.sarif", "sarif"),
        ("a.sarif.json", "sarif"),
        ("a.json", "json"),
        ("a.txt", "text"),
        ("html", "text"),
    ],
)
def test_a_report_is_written_as_its_name_ends_unless_a_form_is_named(output: str, form: str) -> None:
    scan = Scan()
    scan(output=output)
    assert scan.reports.written == {output: f"{form}: 2"}
    scan(output=output, form="text")
    assert scan.reports.written == {output: "text: 2"}


@pytest.mark.parametrize(("path", "num_known"), [("gone.py", 1), ("kept.py", 0), ("b.py", 1)])
def test_what_went_from_a_path_is_known_elsewhere_and_what_stays_is_not(path: str, num_known: int) -> None:
    first = Scan()
    first(write_baseline="new")
    entry = KnownFinding(path, first.baselines.known["new"][0].fingerprint)
    report = Scan(old=[entry]).use_case.execute(ScanTreeRequest(paths=("src",), baseline="old"))
    assert report.num_known == num_known


def test_a_request_that_cannot_be_is_refused_before_anything_is_opened() -> None:
    scan = Scan()
    with pytest.raises(ConfigurationError) as refused:
        scan(paths=(), min_severity="x", min_score=2.0, form="x", since="r", write_baseline="w")
    assert len(refused.value.messages) == 5
    assert scan.trees.asked == scan.examiners.opened == []
