"""Whatever is wrong with a chat is told with its line, the rule and the way out, all faults of a file together."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exceptions import DatasetError
from domain.reading import MIB, Reading
from infrastructure.data.chats.check import ChatCheck
from infrastructure.data.chats.forms import ChatSought, chat_sought
from infrastructure.data.chats.rows import load_chats
from infrastructure.data.files.row import Row
from infrastructure.data.labels.rows import RowSchema, load_rows
from infrastructure.data.sources.fields import sought
from tests.support.chats import ANY_FORM

ASKS = {"role": "user", "content": "a"}
ANSWERS = {"role": "assistant", "content": "b"}
SYSTEM = {"role": "system", "content": "s"}
GOOD = [ASKS, ANSWERS]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def written(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def refused(path: Path, wanted: ChatSought = ANY_FORM, reading: Reading | None = None) -> str:
    with pytest.raises(DatasetError) as caught:
        load_chats(path, wanted, reading or Reading())
    return str(caught.value)


def says(content: Any, **others: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **others}


BAD_TURNS: list[tuple[Any, str, str]] = [
    # The list.
    ([], "messages has no turns", "Fill it in"),
    (None, "messages has no turns", "Fill it in"),
    ("", "messages has no turns", "Fill it in"),
    ("hello", "messages is not JSON", 'Write [{"role"'),
    ('[{"role": "user", "content": "a"}', "messages is not JSON", 'Write [{"role"'),
    ("[{'role': 'user', 'content': 'a'}]", "as Python shows a list, not as JSON", "json.dumps"),
    ('[{"role": "user", "role": "user", "content": "a"}]', "has the key 'role' twice", "Rename"),
    ("[" * 100_000, "messages is not JSON", 'Write [{"role"'),
    ('"text"', 'messages is "text", no list of turns', 'Write [{"role"'),
    (7, "messages is 7, no list of turns", 'Write [{"role"'),
    ({"role": "user", "content": "a"}, "messages is an object, no list of turns", "Write the list alone"),
    ({"role": ["user"], "content": ["a", "b"]}, "messages has lists of different lengths", "a role and a text"),
    (["a", "b"], 'turn 1 of messages is "a", no object', 'Write {"role"'),
    ([["user", "a"], ["assistant", "b"]], 'turn 1 of messages is ["user", "a"], no object', 'Write {"role"'),
    # Who speaks.
    ([{"role": "usr", "content": "a"}, ANSWERS], 'is of "usr", which is no role that is known', "Did you mean user?"),
    (
        [{"role": "narrator", "content": "a"}, ANSWERS],
        'is of "narrator", which is no role that is known',
        "Write system, user or",
    ),
    ([{"role": 1, "content": "a"}, ANSWERS], "the role of turn 1 of messages is 1, no text", "Write system, user or"),
    ([{"content": "a"}, ANSWERS], "turn 1 of messages has no role (or from), but 'content'", 'Write {"role"'),
    ([{"role": "user", "text": "a"}, ANSWERS], "no content (or value), but 'role', 'text'", 'Write {"role"'),
    ([{}, ANSWERS], "has no role (or from) and no content (or value), but nothing", 'Write {"role"'),
    ([says("a") | {"from": "human"}, ANSWERS], "has both 'role' and 'from'", "Write one of them"),
    ([says("a") | {"value": "b"}, ANSWERS], "has both 'content' and 'value'", "Write one of them"),
    # Tools, pictures and weights.
    ([ASKS, {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}], "has 'tool_calls'", "not learnt"),
    ([ASKS, ANSWERS, {"role": "tool", "content": "1"}, ANSWERS], 'turn 3 of messages is of "tool"', "not learnt"),
    ([ASKS, {"from": "function_call", "value": "{}"}], 'is of "function_call"', "not learnt"),
    ([ASKS, {"role": "tool", "tool_call_id": "1"}], "has 'tool_call_id'", "not learnt"),
    ([says([{"type": "image_url", "image_url": {"url": "u"}}]), ANSWERS], 'is of type "image_url"', "texts alone"),
    ([says("a", images=["x.png"]), ANSWERS], "has 'images'", "texts alone"),
    ([ASKS, ANSWERS | {"weight": 0}], "has weight 0", "cut the chat"),
    ([ASKS, ANSWERS | {"train": False}], "has train false", "cut the chat"),
    # What is said.
    ([{"role": "user", "content": None}, ANSWERS], "no content (or value), but 'role'", 'Write {"role"'),
    ([says(5), ANSWERS], "content of turn 1 of messages is 5, no text", "Write a text"),
    ([says({"text": "a"}), ANSWERS], 'is {"text": "a"}, no text', "Write a text"),
    ([says([]), ANSWERS], "is [], no text", "Write a text"),
    ([says(["a"]), ANSWERS], 'part 1 of content of turn 1 of messages is "a", no object', '{"type": "text"'),
    ([says([{"type": "text", "text": 3}]), ANSWERS], "has the text 3", "Write a text"),
    ([says([{"text": "a"}]), ANSWERS], "is of type null, no text", "texts alone"),
    ([says(" \n"), ANSWERS], "turn 1 of messages, of the user, is empty", "remove the chat"),
    ([ASKS, ANSWERS | {"content": ""}], "turn 2 of messages, of the assistant, is empty", "remove the chat"),
    ([says("\ud83d"), ANSWERS], "half of a surrogate pair", "Write the character whole"),
    ([says("a\0"), ANSWERS], "has a NUL", "Remove it"),
    # In what order.
    ([ASKS], "has no turn of the assistant", "Add an answer"),
    ([SYSTEM, ASKS], "has no turn of the assistant", "Add an answer"),
    ([ANSWERS], "turn 1 is of the assistant, but the user speaks first", "add a question"),
    ([SYSTEM, ANSWERS, ASKS, ANSWERS], "turn 2 is of the assistant, but the user speaks first", "add a question"),
    ([ASKS, ASKS, ANSWERS], "turns 1 and 2 are both of the user", "by turns"),
    ([ASKS, ANSWERS, ANSWERS], "turns 2 and 3 are both of the assistant", "by turns"),
    ([ASKS, SYSTEM, ANSWERS], "turn 2 is of the system, which only speaks first", "to the front"),
    ([SYSTEM, SYSTEM, ASKS, ANSWERS], "turn 2 is of the system, which only speaks first", "to the front"),
    ([ASKS, ANSWERS, SYSTEM], "ends with a turn of the system", "end with an answer"),
    ([ASKS, ANSWERS, ASKS, ASKS], "turns 3 and 4 are both of the user", "by turns"),
]


@pytest.mark.parametrize(("turns", "problem", "remedy"), BAD_TURNS, ids=lambda value: str(value)[:50])
def test_bad_turns_are_told_with_their_line(tmp_path: Path, turns: Any, problem: str, remedy: str) -> None:
    path = written(tmp_path / "x.jsonl", [{"messages": GOOD}, {"id": 1, "messages": turns}])
    message = refused(path)
    assert message.startswith("x.jsonl:2: ")
    assert problem in message
    assert remedy in message


BAD_ROWS: list[tuple[Mapping[str, Any], Mapping[str, Any], str, str]] = [
    ({"messages": GOOD}, {"text": "a"}, "field 'messages' is missing", "Add it"),
    ({"messages": GOOD}, {"conversations": GOOD}, "chats may be in 'messages' or 'conversations'", "messages_field="),
    ({"messages": GOOD}, {"prompt": "a", "completion": "b"}, "or in 'prompt' and 'completion'", "messages_field="),
    ({"question": "a", "answer": "b"}, {"messages": GOOD}, "holds the chats in 'messages', and the rows", "one form"),
    ({"messages": GOOD}, {"messages": GOOD, "tools": [{"name": "f"}]}, "tools is an array", "not learnt"),
    ({"messages": GOOD}, {"messages": GOOD, "tools": '[{"name": "f"}]'}, "tools is ", "not learnt"),
    ({"messages": GOOD}, {"messages": GOOD, "images": ["x.png"]}, "images holds pictures", "texts alone"),
    ({"messages": GOOD}, {"messages": GOOD, "system": 5}, "system is 5, no text", "leave it empty"),
    (
        {"messages": GOOD},
        {"messages": [SYSTEM, *GOOD], "system": "other"},
        "both are the system's and differ",
        "one of",
    ),
    ({"messages": GOOD}, {"messages": GOOD, "system": "a\0"}, "system has a NUL", "Remove it"),
    ({"instruction": "a", "output": "b"}, {"instruction": "a"}, "field 'output' is missing", "Add it"),
    ({"instruction": "a", "output": "b"}, {"instruction": "", "output": "b"}, "instruction is empty", "Fill it in"),
    ({"instruction": "a", "output": "b"}, {"instruction": "a", "output": " "}, "output is empty", "Fill it in"),
    ({"instruction": "a", "output": "b"}, {"instruction": "a", "output": None}, "output is null", "Write a string"),
    ({"instruction": "a", "output": "b"}, {"instruction": "a", "output": "\ud800"}, "output has half", "whole"),
    (
        {"instruction": "a", "output": "b"},
        {"instruction": "a", "output": "b", "history": "x"},
        "history is not JSON",
        "Write",
    ),
    (
        {"instruction": "a", "output": "b"},
        {"instruction": "a", "output": "b", "history": [["a"]]},
        'item 1 of history is ["a"], no pair of texts',
        'Write ["question", "answer"]',
    ),
    (
        {"instruction": "a", "output": "b"},
        {"instruction": "a", "output": "b", "history": [["a", ""]]},
        "item 1 of history has an empty text",
        "Fill it in",
    ),
    (
        {"prompt": "a", "completion": "b"},
        {"prompt": [ASKS], "completion": "b"},
        "prompt is a list of turns",
        "one form",
    ),
    ({"prompt": [ASKS], "completion": [ANSWERS]}, {"prompt": "a", "completion": [ANSWERS]}, "prompt is a text", "one"),
    (
        {"prompt": [ASKS], "completion": [ANSWERS]},
        {"prompt": [ASKS], "completion": [ASKS]},
        "both of the user",
        "turns",
    ),
]


@pytest.mark.parametrize(("first", "second", "problem", "remedy"), BAD_ROWS, ids=lambda value: str(value)[:40])
def test_bad_rows_are_told_with_their_line(
    tmp_path: Path, first: Mapping[str, Any], second: Mapping[str, Any], problem: str, remedy: str
) -> None:
    message = refused(written(tmp_path / "x.jsonl", [first, second]))
    assert message.startswith("x.jsonl:2: ")
    assert problem in message
    assert remedy in message


BAD_COLUMNS: list[tuple[Sequence[str], str, str]] = [
    (("messages", "conversations"), "chats may be in 'messages' or 'conversations'", "--set messages_field=messages"),
    (("messages", "instruction", "output"), "'messages' or in 'instruction' and 'output'", "--set source_field="),
    (("instruction", "input"), "the target is looked for in 'output'", "--set messages_field=NAME"),
    (("output",), "the source is looked for in 'instruction' or 'prompt'", "messages_field=NAME"),
    (("en", "de"), "no column is named 'messages' or 'conversations'", "--set messages_field=NAME"),
    (("instruction", "input", "context", "output"), "both 'input' and 'context' may go on", "source_field="),
    (("messages", "system", "system_prompt"), "has both 'system' and 'system_prompt'", "Remove one"),
    (("role", "content"), "each of its rows is a turn, and must be a chat", 'in one row: {"messages": [{"role"'),
    (("chat_id", "From", "Value"), "each of its rows is a turn", "in one row"),
    (("prompt", "chosen", "rejected"), "the target is looked for in 'output'", "target_field="),
]


@pytest.mark.parametrize(("columns", "problem", "remedy"), BAD_COLUMNS, ids=str)
def test_columns_that_leave_the_form_open_are_refused(
    tmp_path: Path, columns: Sequence[str], problem: str, remedy: str
) -> None:
    cells = {"messages": GOOD, "conversations": GOOD}
    message = refused(written(tmp_path / "x.jsonl", [{name: cells.get(name, "a") for name in columns}] * 2))
    assert problem in message
    assert remedy in message
    assert "x.jsonl has" in message


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (
            chat_sought((), (), messages_field="mesages"),
            "messages_field names 'mesages'. --set messages_field=messages",
        ),
        (chat_sought((), (), source_field="x", target_field="y"), "source_field names 'x'"),
    ],
)
def test_a_named_column_that_is_not_there_is_refused(tmp_path: Path, wanted: ChatSought, said: str) -> None:
    assert said in refused(written(tmp_path / "x.jsonl", [{"messages": GOOD}]), wanted)


def test_all_faults_of_a_file_are_told_together(tmp_path: Path) -> None:
    turns = [{"role": "usr", "content": 5}, {"role": "assistant", "content": ""}]
    message = refused(written(tmp_path / "x.jsonl", [{"messages": turns}, {"messages": GOOD}, {"messages": [ASKS]}]))
    lines = message.splitlines()
    assert [line.split(": ")[0] for line in lines] == ["x.jsonl:1", "x.jsonl:1", "x.jsonl:1", "x.jsonl:3"]


def test_many_faults_are_counted(tmp_path: Path) -> None:
    message = refused(written(tmp_path / "x.jsonl", [{"messages": [ASKS]}] * 100))
    assert message.splitlines()[-1] == "x.jsonl: 100 faults in all, the first of each kind are shown."


def test_a_chat_longer_than_a_row_may_be_is_refused(tmp_path: Path) -> None:
    long = [says("a" * (2 << 20)), ANSWERS]
    message = refused(
        written(tmp_path / "x.jsonl", [{"messages": GOOD}, {"messages": long}]), reading=Reading(max_row_mib=1)
    )
    assert "x.jsonl:2: the row that begins here is longer than 1 MiB" in message


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    assert "has no rows" in refused(tmp_path / "x.json")


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow"])
def test_a_chat_of_few_bytes_that_stands_for_many_is_refused(tmp_path: Path, name: str) -> None:
    said = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 40, pyarrow.int32()), pyarrow.array(["a" * MIB]))
    role = pyarrow.array(["user", "assistant"] * 20).dictionary_encode()
    turns = pyarrow.StructArray.from_arrays([role, said], ["role", "content"])
    for ends, fault in (
        ([0, 2, 40], "row that begins here is longer than 3 MiB"),
        (range(0, 41, 2), "unpacks to more"),
    ):
        table = pyarrow.table({"messages": pyarrow.ListArray.from_arrays(pyarrow.array(ends, pyarrow.int32()), turns)})
        write = pyarrow.parquet.write_table if name.endswith(".parquet") else pyarrow.feather.write_feather
        write(table, str(tmp_path / name))
        message = refused(tmp_path / name, reading=Reading(max_row_mib=3, max_unpacked_mib=8))
        assert fault in message


def test_a_list_of_very_many_nothings_is_refused(tmp_path: Path) -> None:
    turns = pyarrow.StructArray.from_arrays([pyarrow.nulls(1 << 20, pyarrow.string())], ["role"])
    lists = pyarrow.ListArray.from_arrays(pyarrow.array([0, 1 << 20], pyarrow.int32()), turns)
    pyarrow.parquet.write_table(pyarrow.table({"messages": lists}), tmp_path / "x.parquet")
    message = refused(tmp_path / "x.parquet", reading=Reading(max_row_mib=1))
    assert "x.parquet:1: the row that begins here is longer than 1 MiB" in message


def test_a_nested_column_stays_refused_where_a_text_is_wanted(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"text": [GOOD], "label": ["a"]}), tmp_path / "x.parquet")
    with pytest.raises(DatasetError, match=r"column 'text' is of type list<.*, which is neither text nor number"):
        load_rows(tmp_path / "x.parquet", RowSchema(sought("text", ("text",))))


@pytest.mark.parametrize(
    "content", ["{}", '{"data": [{"messages": []}]}', '{"a": {"messages": []}, "b": {"messages": []}}']
)
def test_rows_that_are_wrapped_stay_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    assert "x.json holds a" in refused(tmp_path / "x.json")


# Values that come close to turns, and anything that JSON can hold in their places.
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-1, 2)
    | st.floats()
    | st.sampled_from(["", " ", "a", "[]", '[{"role": "user"}]'])
)
ROLES = st.sampled_from(["user", "assistant", "system", "gpt", "human", "tool", "usr", "", 1, None])
CONTENTS = SCALARS | st.lists(
    st.dictionaries(st.sampled_from(["type", "text", "image_url"]), st.sampled_from(["text", "a"]) | SCALARS) | SCALARS,
    max_size=2,
)
KEYS = ["role", "from", "content", "value", "weight", "name", "tool_calls", "images"]
TURNS = (
    SCALARS
    | st.fixed_dictionaries({"role": ROLES, "content": CONTENTS})
    | st.dictionaries(st.sampled_from(KEYS), ROLES | CONTENTS, max_size=4)
)
CELLS = (
    SCALARS
    | st.lists(TURNS, max_size=5)
    | st.dictionaries(st.sampled_from(KEYS), st.lists(SCALARS, max_size=2) | SCALARS)
)
COLUMNS = ["messages", "system", "tools", "images", "prompt", "completion", "instruction", "input", "output", "history"]


@given(
    rows=st.lists(st.dictionaries(st.sampled_from(COLUMNS), CELLS | CELLS.map(json.dumps)), min_size=1, max_size=3),
    is_asked=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_any_row_is_a_chat_in_order_or_told_what_is_wrong(rows: list[dict[str, Any]], is_asked: bool) -> None:
    check = ChatCheck("x", ANY_FORM, is_asked)
    try:
        check.look(list(rows[0]), lambda word: None)
    except DatasetError:  # no columns, or those of several forms
        return
    for number, row in enumerate(rows, 1):
        found = check(Row(number, row))
        if isinstance(found, list):
            assert found
            assert all(fault.problem and fault.remedy and fault.line == number for fault in found)
            continue
        line, chat = found
        spoken = [turn.role for turn in chat if turn.role != "system"]
        assert line == number
        assert [turn.role for turn in chat[1:]].count("system") == 0
        assert spoken == (["user", "assistant"] * len(chat))[: len(spoken)]
        assert spoken[-1] == ("user" if is_asked else "assistant")
        assert all(turn.content.strip() for turn in chat if turn.role != "system")
    assert all(word.startswith("x: ") for word in check.words())
