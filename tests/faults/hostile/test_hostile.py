"""Hostile models, runs and data: nothing of them runs, nothing outside is touched, and the answer is a sentence."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.hostile import checkpoint_cases, code_cases, data_cases, model_cases, run_cases
from tests.faults.hostile.arena import Arena, Outcome, tree
from tests.faults.hostile.case import Case, complaints, train

CASES: list[Case] = [
    *code_cases.CASES,
    *model_cases.CASES,
    *run_cases.CASES,
    *checkpoint_cases.CASES,
    *data_cases.CASES,
]


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    made = Arena(tmp_path_factory.mktemp("hostile"))
    yield made
    made.close()


@pytest.mark.parametrize(("number", "case"), list(enumerate(CASES)), ids=[case.name for case in CASES])
def test_hostile_input_runs_nothing_touches_nothing_outside_and_is_answered(
    arena: Arena, number: int, case: Case
) -> None:
    place = arena.place(f"case{number}")
    words = case.build(place)
    before = tree(place.outside)
    outcome = arena.call(words, place, case.stdin, case.draws)
    found = list(complaints(case, outcome))
    if tree(place.outside) != before:
        found.append("something was written outside")
    found += [f"{path} was made: code ran" for path in sorted(place.work.parent.rglob("CODE-RAN"))]
    shutil.rmtree(place.work.parent)
    assert not found, "\n".join([*found, f"called: athanor {' '.join(words)}", outcome.stderr[-1500:]])


def test_the_corpus_has_no_two_cases_of_one_name() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 60


def test_the_guard_sees_what_is_read_and_written_outside(arena: Arena, tmp_path: Path) -> None:
    place = arena.place("guard")
    secret = shutil.move(place.work / "rows.jsonl", place.outside / "secret.jsonl")
    outcome = arena.call((*train(data=str(secret))[:-1], str(tmp_path / "there")), place)
    assert outcome.exit_code == 0, outcome.stderr
    assert any(offence.startswith("reads") and "secret.jsonl" in offence for offence in outcome.offences)
    assert any(offence.startswith("writes") and "there" in offence for offence in outcome.offences)


@pytest.mark.parametrize("offence", ["reads /x", "builtins.input", "runs code of evil.py"])
def test_an_offence_is_a_complaint(offence: str) -> None:
    outcome = Outcome(0, is_late=False, stdout="", stderr="", offences=(offence,))
    assert list(complaints(Case("any", lambda _: (), exits=(0,)), outcome)) == [f"does what it must not: {offence}"]


def test_a_traceback_a_late_end_a_bare_error_and_an_escape_are_complaints() -> None:
    case = Case("any", lambda _: (), says=("x.json",))
    outcome = Outcome(-9, is_late=True, stdout="\x1b", stderr="error: bad\nTraceback (", offences=())
    assert len(list(complaints(case, outcome))) == 6
