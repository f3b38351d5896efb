"""Answers beside their rows: which columns are repeated, under which names, and that no cell is lost."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.answers import INTEGER, TEXT, Column
from application.joining import ALL, NONE, Joining, Keep
from domain.exceptions import ConfigurationError
from tests.support.texts import any_text

COLUMNS = ("ticket_id", "subject", "a,b", "label")
ANSWER = (Column("label", TEXT), Column("score"))


def kept(wanted: str | tuple[str, ...], columns: tuple[str, ...] = COLUMNS) -> tuple[str, ...]:
    return Keep(wanted, was_said=True).among(columns, ("picture",), "x.csv")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (ALL, COLUMNS),
        (NONE, ()),
        ((), ()),
        ("subject, ticket_id", ("subject", "ticket_id")),
        ("subject,subject", ("subject",)),
        ("a,b", ("a,b",)),
        ('["a,b", "label"]', ("a,b", "label")),
        (("label", "a,b"), ("label", "a,b")),
    ],
)
def test_columns_are_kept_as_named_and_in_that_order(wanted: str | tuple[str, ...], found: tuple[str, ...]) -> None:
    assert kept(wanted) == found


def test_all_are_all_columns_even_where_one_is_called_so() -> None:
    assert kept(ALL, ("all", "b")) == ("all", "b")
    assert kept('["all"]', ("all", "b")) == ("all",)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("subjct", "keep names 'subjct', but x.csv has the columns .* Did you mean 'subject'?"),
        ("id", "Did you mean 'ticket_id'?"),
        ("picture", "keep names 'picture', whose cells in x.csv are neither text nor number"),
        ("", "keep names ''"),
        ("x\x1b[31m", r"keep names 'x\\x1b\[31m'"),
    ],
)
def test_a_column_that_is_not_there_is_refused_with_the_nearest_that_is(wanted: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        kept(wanted)


def test_every_column_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        kept("one,label,two")
    assert len(caught.value.messages) == 2


def test_what_was_in_the_input_stands_before_its_number_and_its_answer() -> None:
    joining = Joining(("subject",), Keep(), "ticket_id", ANSWER)
    row = joining.joined(7, {"ticket_id": "007", "subject": "s", "n": 1}, {"label": "a", "score": 0.5}, "ticket_id")
    assert list(row.items()) == [("subject", "s"), ("row", 7), ("id", "007"), ("label", "a"), ("score", 0.5)]
    table = joining.table([Column("ticket_id", INTEGER, True), Column("subject", TEXT)])
    assert [column.name for column in table] == ["subject", "row", "id", "label", "score", "error"]
    assert table[2] == Column("id", INTEGER, True)


def test_a_name_of_the_answers_gives_way_to_that_of_a_kept_column_and_says_so() -> None:
    joining = Joining(("label", "answer_label", "row"), Keep(), None, ANSWER)
    row = joining.joined(1, {"label": "gold", "answer_label": "b", "row": "r"}, {"label": "a", "score": 1.0}, None)
    assert row == {
        **{"label": "gold", "answer_label": "b", "row": "r", "answer_row": 1},
        **{"answer_answer_label": "a", "score": 1.0},
    }
    (fact,) = joining.facts()
    assert fact.endswith("those of the answers are 'answer_row', 'answer_answer_label'.")


def test_an_id_that_is_kept_under_that_name_stands_there_once() -> None:
    joining = Joining(("id", "text"), Keep(), "id", ANSWER)
    assert [column.name for column in joining.table([Column("id"), Column("text")])].count("id") == 1
    assert not list(joining.facts())


def test_a_cell_that_a_row_lacks_stays_absent() -> None:
    joining = Joining(("a", "b"), Keep(), None, ANSWER)
    assert joining.joined(1, {"b": None}, {"label": "x"}, None) == {"b": None, "row": 1, "label": "x"}


NAMES = st.sampled_from(["label", "answer_label", "score", "row", "id", "error", "scores", "text", "x", ""])
ANSWERS = st.dictionaries(NAMES.filter(lambda name: name not in ("row", "id")), any_text(), min_size=1)
CELLS = st.dictionaries(NAMES, st.integers(), max_size=8)


@given(cells=CELLS, answer=ANSWERS, all_alike=st.booleans())
def test_no_cell_and_no_answer_is_lost_whatever_they_are_called(
    cells: Mapping[str, Any], answer: Mapping[str, Any], all_alike: bool
) -> None:
    answered = tuple(Column(name) for name in answer)
    joining = Joining(tuple(cells) if all_alike else None, Keep(ALL), None, answered)
    row = joining.joined(3, cells, answer, None)
    assert {name: row[name] for name in cells} == cells
    others = [value for name, value in row.items() if name not in cells]
    assert sorted(map(str, others)) == sorted(map(str, [3, *answer.values()]))
