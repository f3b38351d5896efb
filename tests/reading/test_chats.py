"""Chats are read turn by turn as they were written; what is unusual is told, and no question stands on both sides."""

import json
import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exceptions import ConfigurationError, DatasetError
from infrastructure.data.chats.chat import Chat, chat_json, chat_of
from infrastructure.data.chats.forms import ChatSought, chat_sought
from infrastructure.data.chats.loading import load_chat_data
from infrastructure.data.chats.recognition import holds_chats
from infrastructure.data.chats.rows import ChatRows, chats_not_in, load_chats, split_chats
from infrastructure.data.sources.fields import sought
from tests.support.chats import ANY_FORM, FORMS, chat, flat
from tests.support.formats import FORMATS
from tests.support.texts import any_text

ASKS = {"role": "user", "content": "a"}
ANSWERS = {"role": "assistant", "content": "b"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def written(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def loaded(tmp_path: Path, *rows: Mapping[str, Any], **named: Any) -> ChatRows:
    return load_chats(written(tmp_path / "x.jsonl", rows), chat_sought(("instruction",), ("output",), **named))


def of_chats(path: Path, *chats: Chat) -> ChatRows:
    columns = FORMS["messages"](chats)
    FORMATS["JSON Lines"][1](path, columns)
    return load_chats(path, ANY_FORM)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"messages": [ASKS, ANSWERS]}, chat("a", "b")),
        ({"Messages": [ASKS, ANSWERS]}, chat("a", "b")),
        ({"conversation": [ASKS, ANSWERS]}, chat("a", "b")),
        ({"messages": [{"role": " Human", "content": "a"}, {"from": "GPT", "value": "b"}]}, chat("a", "b")),
        ({"messages": [{"role": "developer", "content": "s"}, ASKS, ANSWERS]}, chat("a", "b", system="s")),
        ({"conversations": [{"from": "prompter", "value": "a"}, {"from": "bot", "value": "b"}]}, chat("a", "b")),
        ({"messages": [ASKS, {"role": "model", "content": "b"}]}, chat("a", "b")),
        ({"messages": {"role": ["user", "assistant"], "content": ["a", "b"]}}, chat("a", "b")),
        ({"messages": [ASKS | {"from": None, "value": None}, ANSWERS]}, chat("a", "b")),
        ({"messages": [{"role": "system", "content": ""}, ASKS, ANSWERS]}, chat("a", "b", system="")),
        ({"messages": [ASKS, ANSWERS], "system": ""}, chat("a", "b")),
        ({"messages": [ASKS, ANSWERS], "system": None}, chat("a", "b")),
        ({"messages": [ASKS, ANSWERS], "System Prompt": "s"}, chat("a", "b", system="s")),
        ({"messages": [{"role": "system", "content": "s"}, ASKS, ANSWERS], "system": "s"}, chat("a", "b", system="s")),
        ({"messages": [ASKS, ANSWERS | {"weight": 1, "tool_calls": []}], "tools": "[]"}, chat("a", "b")),
        ({"messages": [ASKS, ANSWERS], "prompt": "a", "prompt_id": 7, "source": "x"}, chat("a", "b")),
        ({"messages": [ASKS, ANSWERS], "image": "debian:12", "images": []}, chat("a", "b")),
        ({"messages": [ASKS | {"content": [{"type": "text", "text": "a"}]}, ANSWERS]}, chat("a", "b")),
        ({"instruction": "a", "output": "b"}, chat("a", "b")),
        ({"instruction": "a", "input": "c", "output": "b"}, chat("a\nc", "b")),
        ({"instruction": "a", "input": " ", "output": "b"}, chat("a", "b")),
        ({"instruction": "a", "input": None, "output": "b"}, chat("a", "b")),
        ({"instruction": "a", "context": "c", "response": "b", "category": "x"}, chat("a\nc", "b")),
        ({"question": "a", "context": "c", "answer": "b"}, chat("a\nc", "b")),
        ({"instruction": "a", "input": 5, "output": 7}, chat("a\n5", "7")),
        ({"instruction": "c", "output": "d", "history": [["a", "b"]]}, chat("a", "b", "c", "d")),
        ({"instruction": "c", "output": "d", "history": '[["a", "b"]]', "system": "s"}, chat(*"abcd", system="s")),
        ({"prompt": "a", "completion": "b"}, chat("a", "b")),
        ({"prompt": [ASKS], "completion": [ANSWERS]}, chat("a", "b")),
        ({"prompt": [ASKS], "completion": "b"}, chat("a", "b")),
        ({"prompt": [ASKS, ANSWERS, ASKS], "response": [ANSWERS]}, chat("a", "b", "a", "b")),
        ({"system_prompt": "s", "question": "a", "response": "b"}, chat("a", "b", system="s")),
        ({"question": "a", "answer": "[1, 2]"}, chat("a", "[1, 2]")),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_row_gives_its_chat(tmp_path: Path, row: Mapping[str, Any], expected: Chat) -> None:
    assert list(loaded(tmp_path, row)) == [expected]


@pytest.mark.parametrize(
    ("named", "row"),
    [
        ({"messages_field": "talk"}, {"talk": [ASKS, ANSWERS], "messages": [ASKS], "prompt": "x", "completion": "y"}),
        ({"source_field": "q", "target_field": "r"}, {"q": "a", "r": "b", "messages": [ASKS]}),
        ({"source_field": "instruction", "target_field": "output"}, {"instruction": "a", "input": "x", "output": "b"}),
    ],
)
def test_what_is_named_is_what_is_read(tmp_path: Path, named: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    assert list(loaded(tmp_path, row, **named)) == [chat("a", "b")]


def test_two_forms_cannot_be_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"messages_field names .* and target_field .* Name one form"):
        loaded(tmp_path, {"m": [ASKS, ANSWERS], "b": "c"}, messages_field="m", target_field="b")


def test_columns_that_a_model_learnt_from_come_before_those_that_are_found(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", [{"q": "a", "r": "b", "messages": [ASKS]}])
    own = ChatSought(sought("messages", ()), sought("source", (), None, "q"), sought("target", (), None, "r"))
    assert list(load_chats(path, own)) == [chat("a", "b")]
    path = written(tmp_path / "y.jsonl", [{"q": "x", "talk": [ASKS, ANSWERS], "messages": [ASKS]}])
    own = ChatSought(sought("messages", (), None, "talk"), sought("source", ()), sought("target", ()))
    assert list(load_chats(path, own)) == [chat("a", "b")]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"messages": [ASKS, ANSWERS]}], "x.jsonl: found the chats in 'messages'."),
        ([{"messages": [ASKS, ANSWERS], "system": "s"}], "found the chats in 'messages', the system's in 'system'."),
        (
            [{"instruction": "a", "input": "c", "output": "b"}],
            "found the user's turn in 'instruction' and 'input', the assistant's in 'output'.",
        ),
        ([{"messages": [ASKS, ANSWERS, ASKS]}], "the last question, which nobody answers, was left out of 1 chat."),
        (
            [{"messages": [ASKS | {"name": "Al", "id": 1}, ANSWERS | {"id": 2}]}],
            "turns have keys that are not read: 'id' (2), 'name' (1).",
        ),
        (
            [{"messages": [ASKS | {"content": [{"type": "text", "text": "a"}] * 2}, ANSWERS]}],
            "1 turn has several parts of text, joined by line ends.",
        ),
        ([{"instruction": 5, "output": "b"}], "1 cell of 'instruction' is a number and was read as text."),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_unusual_is_told(tmp_path: Path, rows: Sequence[Mapping[str, Any]], said: str) -> None:
    assert any(said in warning for warning in loaded(tmp_path, *rows).warnings)


def test_an_input_that_only_later_rows_have_is_read_and_told(tmp_path: Path) -> None:
    plain = {"instruction": "a", "output": "b"}
    rows = loaded(tmp_path, plain, plain | {"input": "c"}, plain | {"system": "s", "input": ""}, plain)
    assert list(rows) == [chat("a", "b"), chat("a\nc", "b"), chat("a", "b", system="s"), chat("a", "b")]
    assert "'instruction' and 'input'" in rows.warnings[-2]
    assert "the system's in 'system'" in rows.warnings[-1]


CHATS = st.lists(
    st.tuples(
        st.none() | any_text("\0", max_size=5),
        st.lists(any_text("\0", min_size=1).filter(str.strip)),
    )
    .filter(lambda drawn: len(drawn[1]) >= 2)
    .map(lambda drawn: chat(*drawn[1][: len(drawn[1]) // 2 * 2], system=drawn[0])),
    min_size=1,
    max_size=4,
)


@settings(max_examples=25, deadline=None)
@given(chats=CHATS, name=st.sampled_from(["JSON", "JSON Lines", "CSV", "Parquet string", "Arrow stream"]))
def test_chats_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, chats: list[Chat], name: str
) -> None:
    folder = tmp_path_factory.mktemp("x")
    file, write = FORMATS[name]
    columns = FORMS["messages"](chats)
    write(folder / file, flat(columns) if name == "CSV" else columns)
    assert list(load_chats(folder / file, ANY_FORM)) == chats


@given(chats=CHATS)
def test_a_chat_comes_back_from_its_json(chats: list[Chat]) -> None:
    for each in chats:
        line = chat_json(each)
        assert "\n" not in line
        assert chat_of(line) == each


@pytest.mark.parametrize("line", ["", "a", "[1]", '[["tool", "a"]]', '[["user"]]', "{}", "null"])
def test_what_is_no_chat_is_no_chat(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # of JSON, or ours
        chat_of(line)


def test_keys_are_equal_for_what_is_equal_before_the_first_answer(tmp_path: Path) -> None:
    rows = of_chats(
        tmp_path / "x.jsonl",
        chat("a b", "c", system="s"),
        chat("ab\n", "d", "e", "f", system=" s"),
        chat("a b", "c"),
        chat("a b", "x"),
        chat("s", "c"),
        chat("b", "c", system="sa"),
    )
    assert [np.flatnonzero(rows.keys == key).tolist() for key in rows.keys] == [
        [0, 1],
        [0, 1],
        [2, 3],
        [2, 3],
        [4],
        [5],
    ]


def test_a_question_stands_on_one_side_of_a_split(tmp_path: Path) -> None:
    chats = [chat(f"q {number % 10}", f"r {number}") for number in range(100)]
    path = tmp_path / "x.jsonl"
    rows = of_chats(path, *chats)
    data = load_chat_data(str(path), None, ANY_FORM, 0.2, seed=0)
    train, evaluation = ({rows[row][0].content for row in part} for part in (data.train, data.evaluation))
    assert not train & evaluation
    assert (data.num_train, data.num_eval) == (80, 20)
    assert any("90 chats begin with the question of another" in warning for warning in data.warnings)
    again = split_chats(rows, 0.2, 0)
    assert np.array_equal(again[0], data.train)
    assert not np.array_equal(split_chats(rows, 0.2, 1)[0], data.train)


def test_texts_to_learn_words_from_are_those_of_the_training_part(tmp_path: Path) -> None:
    chats = [chat(*(f"{number}.{turn}" for turn in range(2 + 2 * (number % 3)))) for number in range(12)]
    path = tmp_path / "x.jsonl"
    of_chats(path, *chats)
    data = load_chat_data(str(path), None, ANY_FORM, 0.3, seed=3)
    assert list(data.train_texts()) == [turn.content for row in data.train for turn in chats[row]]


def test_chats_of_the_evaluation_file_are_not_learnt(tmp_path: Path) -> None:
    rows = of_chats(tmp_path / "x.jsonl", chat("a", "b"), chat("c", "d"), chat("e", "f"))
    scored = of_chats(tmp_path / "y.jsonl", chat("c ", "other"))
    assert chats_not_in(rows, scored).tolist() == [0, 2]
    data = load_chat_data(str(rows.path), str(scored.path), ANY_FORM, 0.2, seed=0)
    assert (data.train.tolist(), data.evaluation.tolist()) == ([0, 2], [0])
    assert any("1 chat of x.jsonl begins with a question" in warning for warning in data.warnings)
    with pytest.raises(DatasetError, match=r"every question of y.jsonl also stands in x.jsonl"):
        load_chat_data(str(scored.path), str(rows.path), ANY_FORM, 0.2, seed=0)


def test_one_question_cannot_be_split(tmp_path: Path) -> None:
    rows = of_chats(tmp_path / "x.jsonl", chat("a", "b"), chat("a ", "c"))
    with pytest.raises(DatasetError, match=r"2 chats that all begin with the same question.*eval_dataset"):
        split_chats(rows, 0.5, 0)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"messages": [ASKS, ANSWERS]}, True),
        ({"conversations": json.dumps([ASKS, ANSWERS])}, True),
        ({"prompt": [ASKS], "completion": [ANSWERS]}, True),
        ({"instruction": "a", "input": "c", "output": "b"}, True),
        ({"instruction": "a", "input": "", "output": "b"}, False),
        ({"prompt": "a", "completion": "b", "system": "s"}, True),
        ({"prompt": "a", "completion": "b"}, False),
        ({"docstring": "a", "code": "b", "chat": "c"}, False),
        ({"description": "a", "code": "[1, 2]"}, False),
        ({"en": "a", "de": "b"}, False),
    ],
    ids=str,
)
def test_a_file_of_chats_is_told_from_one_of_pairs(tmp_path: Path, row: Mapping[str, Any], expected: bool) -> None:
    path = written(tmp_path / "x.jsonl", [row])
    wanted = chat_sought(("description", "prompt", "docstring"), ("code", "completion", "body"))
    assert holds_chats(path, wanted) == expected


def test_a_file_of_several_forms_is_refused_before_it_is_taken_for_one(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", [{"messages": [ASKS, ANSWERS], "prompt": "a", "completion": "b"}])
    with pytest.raises(DatasetError, match="--set messages_field=messages"):
        holds_chats(path, ANY_FORM)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    turns = pyarrow.array(
        [[{"role": "user", "content": "q" * 500}, {"role": "assistant", "content": "r" * 500}]] * 1000
    )
    peaks = []
    for count in (2, 12):
        path = tmp_path / f"{count}.parquet"
        with pyarrow.parquet.ParquetWriter(path, pyarrow.schema({"messages": turns.type})) as writer:
            for _ in range(count):
                writer.write_table(pyarrow.table({"messages": turns}))
        tracemalloc.start()
        rows = load_chats(path, ANY_FORM)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(rows) == 1000 * count
    assert peaks[1] < peaks[0] + 10_000 * 100  # columns of numbers alone
