"""A model is asked about each content once, and where it objects it is asked again without lines."""

from pathlib import Path
from typing import Any, cast

import pytest

from domain.scan import SourceFile
from infrastructure.scan import judging
from infrastructure.scan.judging import FileAtHand, Judge, Judged
from infrastructure.scan.kept import KeptFindings
from infrastructure.scan.model import ScanModel
from infrastructure.scan.read_files import read_file
from infrastructure.scan.tree import SourceTree
from tests.fakes.scans import FakeModel
from tests.support.scans import tree

BAD = "def bad(x):\n    y = x\n    return eval(y)\n"
GOOD = "def good(x):\n    return x\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def files(**sources: str) -> list[FileAtHand]:
    tree(Path(), {f"{name}.py": source for name, source in sources.items()})
    found: tuple[SourceFile, ...] = SourceTree().gather(["."], None).files
    return [FileAtHand(file, read_file(file, None)) for file in found]


def verdicts(model: FakeModel, given: list[FileAtHand], min_score: float = 0.7) -> dict[str, Judged]:
    return Judge(cast(ScanModel, cast(Any, model)), KeptFindings()).verdicts(given, min_score)


def test_equal_pieces_are_asked_about_once_and_lines_are_found() -> None:
    model = FakeModel()
    given = files(a=BAD + "\n\n" + GOOD, b="x = 1\n\n\n" + BAD)
    judged = verdicts(model, given)
    assert model.asked.count(BAD) == 1
    (_, digest) = next(piece for piece in given[1].read.pieces if piece[0].name == "bad")
    assert judged[digest].lines == (3, 3)
    assert judged[digest].without == pytest.approx(0.1)
    piece = next(piece for piece, _ in given[1].read.pieces if piece.name == "bad")
    assert judged[digest].at(piece).lines == (6, 6)


def test_nothing_is_asked_again_wherever_the_code_has_gone() -> None:
    verdicts(FakeModel(), files(a=BAD, b=GOOD))
    model = FakeModel()
    again = verdicts(model, files(a="", b="\n\n" + GOOD + "\n\n" + BAD))
    assert model.asked == []
    assert sorted(one.score > 0.5 for one in again.values()) == [False, True]


def test_what_is_kept_does_not_depend_on_the_least_score() -> None:
    given = files(a=BAD)
    assert next(iter(verdicts(FakeModel(), given, 0.95).values())).lines is None
    model = FakeModel()
    assert next(iter(verdicts(model, given, 0.5).values())).lines == (3, 3)
    assert BAD not in model.asked  # only without some lines


def test_lines_are_sought_in_a_bounded_number_of_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "MOST_EXPLAINED", 2)
    given = files(**{f"f{number}": BAD.replace("bad", f"bad{number}") for number in range(5)})
    judged = verdicts(FakeModel(), given)
    assert sum(one.lines is not None for one in judged.values()) == 2


def test_another_model_is_asked_anew() -> None:
    given = files(a=BAD)
    verdicts(FakeModel(), given)
    other = FakeModel()
    other.digest = "other"
    verdicts(other, given)
    assert BAD in other.asked


@pytest.mark.parametrize(
    ("lines", "told"), [([5, 2, 6, 9], (5, 6)), ([3], (3, 3)), ([], None), (None, None), ([0], None), (["3"], None)]
)
def test_lines_that_a_model_names_are_taken_from_the_worst_on(lines: Any, told: tuple[int, int] | None) -> None:
    assert judging._lines({"lines": lines}) == told


@pytest.mark.parametrize(
    ("cwe", "told"), [("CWE-78", 78), (89, 89), ("cwe-22", 22), (None, None), ("x", None), (0, None), (-1, None)]
)
def test_a_kind_of_weakness_is_read_as_it_may_be_written(cwe: Any, told: int | None) -> None:
    assert judging._cwe({"cwe": cwe}) == told


def test_a_file_that_has_changed_meanwhile_is_left_out() -> None:
    given = files(a=BAD)
    Path("a.py").write_text(GOOD)
    assert verdicts(FakeModel(), given) == {}
