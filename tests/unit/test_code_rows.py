"""Projects stay on one side, and parts are as large as asked as far as that goes."""

from dataclasses import replace

import pytest

from domain.changed_lines import changed_lines
from domain.code_rows import FILE, PROJECT, TRAIN, VALIDATION, CodeRow, grouped, split_by_family

ROW = CodeRow("def f(): ...\n", "safe", "scanner", "p", "a.py", "f", 1, "", "MIT")


def rows(**sizes: int) -> list[CodeRow]:
    return [replace(ROW, project=name, line=line) for name, size in sizes.items() for line in range(size)]


@pytest.mark.parametrize("seed", range(5))
def test_a_project_stays_on_one_side_and_each_side_has_one(seed: int) -> None:
    split = split_by_family(grouped(rows(a=45, b=25, c=15, d=10, e=5), PROJECT), 0.2, seed)
    sides = {row.project: {other.split for other in split if other.project == row.project} for row in split}
    assert all(len(parts) == 1 for parts in sides.values())
    assert {part for parts in sides.values() for part in parts} == {TRAIN, VALIDATION}
    assert 5 <= sum(row.split == VALIDATION for row in split) <= 30


def test_the_seed_decides_which_projects_and_their_order_does_not() -> None:
    many = grouped(rows(**{f"p{number}": 10 for number in range(20)}), PROJECT)

    def chosen(given: list[CodeRow], seed: int) -> set[str]:
        return {row.project for row in split_by_family(given, 0.25, seed) if row.split == VALIDATION}

    assert chosen(many, 1) == chosen(many[::-1], 1)
    assert len(chosen(many, 1)) == 5
    assert chosen(many, 1) != chosen(many, 2)


@pytest.mark.parametrize(("share", "given"), [(0.0, rows(a=3, b=3)), (0.5, rows(a=3))])
def test_no_share_and_one_project_leave_everything_to_training(share: float, given: list[CodeRow]) -> None:
    assert {row.split for row in split_by_family(grouped(given, PROJECT), share, 0)} == {TRAIN}


def test_a_large_project_does_not_become_the_validation_part_beside_small_ones() -> None:
    split = split_by_family(grouped(rows(large=90, small=10), PROJECT), 0.2, 0)
    assert {row.project for row in split if row.split == VALIDATION} == {"small"}


def test_files_are_told_apart_within_their_projects() -> None:
    assert {row.family for row in grouped(rows(a=1, b=1), FILE)} == {"a/a.py", "b/a.py"}


def test_changed_lines_are_spans_of_what_differs_without_comments_and_blanks() -> None:
    before = "def f(x):\n    # old\n    return run(x)\n"
    after = "def f(x):\n    # new\n\n    x = quote(x)\n    return run(x)\n"
    removed, added = changed_lines(before, after)
    assert [before[start:end] for start, end in removed] == []
    assert [after[start:end] for start, end in added] == ["x = quote(x)"]


def test_only_what_stands_between_equal_lines_is_changed() -> None:
    before, after = "a\nb\nc\nd\nc\n", "a\nB\nc\nx\nd\nc\n"
    removed, added = changed_lines(before, after)
    assert ([before[slice(*span)] for span in removed], [after[slice(*span)] for span in added]) == (["b"], ["B", "x"])
    shorter, longer = changed_lines("a\na\n", "a\na\na\n")
    assert (len(shorter), len(longer)) == (0, 1)


def test_texts_of_a_hundred_thousand_equal_lines_are_compared_at_once() -> None:
    removed, added = changed_lines("first\n" + "x\n" * 100_000 + "y\nlast", "first\n" + "x\n" * 100_000 + "z\nlast")
    assert (len(removed), len(added)) == (1, 1)
    removed, added = changed_lines("a\n" + "x\n" * 100_000 + "b", "c\n" + "x\n" * 99_000 + "d")
    assert (len(removed), len(added)) == (100_002, 99_002)
