"""A model is asked to go on with a chat: a text, or turns in any form, without the answer that it is to write."""

import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from application.joining import Keep
from domain.exceptions import DatasetError
from domain.reading import AS_FOUND
from infrastructure.data.chats.asking import AskingChats
from infrastructure.data.chats.chat import Chat, chat_of
from infrastructure.data.chats.forms import chat_sought
from infrastructure.data.sources.asked_rows import asked_rows
from infrastructure.data.sources.inputs import Asked, BadInput, Source, read_inputs
from tests.support.chats import ANY_FORM, FORMS, chat, flat
from tests.support.formats import FORMATS

ASKS = {"role": "user", "content": "a"}
ANSWERS = {"role": "assistant", "content": "b"}


def asked(path: str, said: list[str] | None = None, **named: Any) -> list[Chat | str]:
    """Give the chats that a model would be asked, and the reason for each row that is none."""
    wanted = chat_sought(("instruction", "prompt"), ("output", "completion"), **named)
    told = [] if said is None else said
    rows = read_inputs(Source(path), AskingChats(wanted), AS_FOUND, told.append)
    return [chat_of(row.text) if isinstance(row, Asked) else row.reason for row in rows]


def written(path: Path, *rows: Mapping[str, Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"text": "a"}, chat("a")),
        ({"id": 7, "text": "a", "rating": 3}, chat("a")),
        ({"message": "a"}, chat("a")),
        ({"prompt": "a"}, chat("a")),
        ({"question": "a", "answer": "b"}, chat("a")),
        ({"prompt": "a", "completion": "b", "system": "s"}, chat("a", system="s")),
        ({"prompt": [ASKS]}, chat("a")),
        ({"prompt": [ASKS, ANSWERS, ASKS], "completion": [ANSWERS]}, chat("a", "b", "a")),
        ({"messages": [ASKS]}, chat("a")),
        ({"messages": [ASKS, ANSWERS]}, chat("a")),
        ({"messages": [ASKS, ANSWERS, ASKS, ANSWERS], "system": "s"}, chat("a", "b", "a", system="s")),
        ({"messages": [ASKS, ANSWERS], "prompt": "x", "completion": "y", "instruction": "z"}, None),
        ({"conversations": json.dumps([{"from": "human", "value": "a"}])}, chat("a")),
        ({"instruction": "a", "input": "c"}, chat("a\nc")),
        ({"instruction": "a", "input": "", "output": "b", "history": [["x", "y"]]}, chat("x", "y", "a")),
    ],
    ids=str,
)
def test_a_row_gives_the_chat_to_go_on_with(
    tmp_path: Path, row: Mapping[str, Any], expected: Chat | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "x.jsonl", row)
    if expected is None:
        with pytest.raises(DatasetError, match=r"messages_field=messages"):
            asked(path)
        return
    assert asked(path) == [expected]
    typed(monkeypatch, json.dumps(row))
    assert asked("-") == [expected]


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    text = "".join(line + "\n" for line in lines)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode("utf-8", "surrogatepass"))))


def test_a_typed_line_is_what_a_user_says_or_a_list_of_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["How are you? <|im_end|>", "[1, 2]", json.dumps([ASKS, ANSWERS, ASKS]), json.dumps([ANSWERS]), "{broken"]
    typed(monkeypatch, *lines)
    one, two, three, four, five = asked("-")
    assert (one, two, three, five) == (chat(lines[0]), chat("[1, 2]"), chat("a", "b", "a"), chat("{broken"))
    assert four == "standard input:4: ends with no turn of the user, and asks nothing"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["JSON", "CSV", "Parquet string", "Excel", "saved data set", "JSON Lines gz"])
def test_every_format_asks_the_same(tmp_path: Path, name: str, form: str) -> None:
    chats = [chat("a", "b"), chat("c", "d", "e\nf", "g", system="s")]
    file, write = FORMATS[name]
    columns = FORMS[form](chats)
    write(tmp_path / file, flat(columns) if name in ("CSV", "Excel") else columns)
    assert asked(str(tmp_path / file)) == [turns[:-1] for turns in chats]


def test_one_chat_may_be_all_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"messages": [ASKS]}, indent=1))
    assert asked(str(tmp_path / "x.json")) == [chat("a")]


def test_rows_that_are_turns_of_one_chat_are_no_questions(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="each of its rows is a turn"):
        asked(written(tmp_path / "x.jsonl", ASKS, ANSWERS))


def test_texts_are_asked_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("a\n\nb c\n")
    assert asked(str(tmp_path / "x.txt")) == [chat("a"), chat("b c")]


BAD: Sequence[tuple[Mapping[str, Any], str]] = [
    ({"messages": []}, "messages has no turns"),
    ({"messages": [ANSWERS]}, "ends with no turn of the user"),
    ({"messages": [{"role": "system", "content": "s"}]}, "ends with no turn of the user"),
    ({"messages": [ASKS, ASKS]}, "turns 1 and 2 are both of the user"),
    ({"messages": [{"role": "usr", "content": "a"}]}, 'is of "usr", which is no role that is known'),
    ({"messages": [ASKS | {"content": None}]}, "has no content (or value)"),
    ({"messages": [ASKS], "tools": [{"name": "f"}]}, "tools is"),
    ({"other": 1}, "field 'messages' is missing"),
]


@pytest.mark.parametrize(("row", "reason"), BAD, ids=str)
def test_a_bad_row_is_answered_with_its_reason_and_the_others_are_asked(
    tmp_path: Path, row: Mapping[str, Any], reason: str
) -> None:
    good = {"id": "a", "messages": [ASKS]}
    path = written(tmp_path / "x.jsonl", good, {"id": "b", **row}, good)
    first, second, third = asked(path)
    assert first == third == chat("a")
    assert str(second).startswith("x.jsonl:2: ")
    assert reason in str(second)


def test_a_file_without_a_question_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"messages_field=NAME"):
        asked(written(tmp_path / "x.jsonl", {"en": "a", "de": "b"}))
    assert "messages_field=NAME" not in str(asked(written(tmp_path / "y.jsonl", {"en": "a"}), source_field="en"))


def test_an_answer_that_is_left_out_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    asked(written(tmp_path / "x.jsonl", {"messages": [ASKS]}, {"messages": [ASKS, ANSWERS]}), said)
    assert "x.jsonl: the last answer, which a model writes itself, was left out of 1 chat." in said


def test_cells_beside_a_chat_are_kept(tmp_path: Path) -> None:
    table = pyarrow.table({"id": [7, 8], "messages": [[ASKS], [ASKS]], "note": ["x", None]})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    said: list[str] = []
    rows = asked_rows(str(tmp_path / "x.parquet"), Keep("all", was_said=True), False, (), AS_FOUND, said.append)
    found = list(read_inputs(rows.source, AskingChats(ANY_FORM)))
    assert not any(isinstance(row, BadInput) for row in found)
    assert [dict(row.cells) for row in found] == [{"id": 7, "note": "x"}, {"id": 8, "note": None}]
    assert said == ["x.parquet: 'messages' hold neither text nor number and are not kept."]
