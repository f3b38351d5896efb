"""Columns are found by the names that people give them, and a file that leaves a choice is told of once."""

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError, DatasetError
from domain.task import task_named
from infrastructure.data.labels.loading import schema_of
from infrastructure.data.labels.rows import LabelledRows, load_rows
from infrastructure.data.pairs.rows import load_pairs
from infrastructure.data.sources.fields import Sought, columns_of, sought
from infrastructure.data.text.loading import pair_fields

TASK = task_named("text_classification")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def loaded(path: Path, **named: Any) -> LabelledRows:
    fields = {"text_field": None, "label_field": None, "group_field": None, **named}
    return load_rows(path, schema_of(TASK, **fields))


def csv_of(path: Path, columns: str) -> Path:
    """Write two rows whose cells say which column they stand in."""
    names = columns.split(",")
    path.write_text("\n".join([columns, *(",".join(f"{name}{row}" for name in names) for row in (1, 2))]), "utf-8")
    return path


@pytest.mark.parametrize(
    ("columns", "text", "label"),
    [
        ("text,label", "text", "label"),
        ("Text,LABEL", "Text", "LABEL"),
        ("Body,Category", "Body", "Category"),
        ("review,sentiment", "review", "sentiment"),
        ("title,text,label,class", "text", "label"),
        ("Message,target", "Message", "target"),
        ("id,sentence,intent", "sentence", "intent"),
        ("code,labels", "code", "labels"),
        ("class,content", "content", "class"),
        ("TITLE,Topic", "TITLE", "Topic"),
    ],
)
def test_columns_are_found_by_usual_names_without_regard_to_case(
    tmp_path: Path, columns: str, text: str, label: str
) -> None:
    rows = loaded(csv_of(tmp_path / "x.csv", columns))
    assert (rows.text_field, rows.label_field) == (text, label)
    assert list(rows.texts) == [f"{text}1", f"{text}2"]
    roles = (("text", text), ("label", label))
    guesses = [f"the {role} in {name!r}" for role, name in roles if name not in (*TASK.text_fields, "label")]
    assert rows.warnings == ((f"x.csv: found {', '.join(guesses)}.",) if guesses else ())


@pytest.mark.parametrize(
    ("columns", "named", "said"),
    [
        ("v1,v2", {}, "the text is looked for in 'text' or .* and the label is looked for in 'label'"),
        ("Title,Body,Category", {}, "the text may be in 'Title' or 'Body'"),
        ("text,Category,Sentiment", {}, "the label may be in 'Category' or 'Sentiment'"),
        ("text,label", {"label_field": "labl"}, "label_field names 'labl'"),
        ("text,category", {"label_field": "label"}, "label_field names 'label'"),
        ("text,label,body", {"text_field": "bdoy"}, "text_field names 'bdoy'"),
        ("Subject,Body,label", {"text_field": ("Subjct", "Body")}, "text_field names 'Subjct'"),
        ("text,label,autor", {"group_field": "author"}, "group_field names 'author'"),
    ],
)
def test_a_file_that_leaves_a_choice_lists_its_columns_once_and_the_remedy_works(
    tmp_path: Path, columns: str, named: Mapping[str, Any], said: str
) -> None:
    path = csv_of(tmp_path / "x.csv", columns)
    with pytest.raises(DatasetError, match=said) as caught:
        loaded(path, **named)
    message = str(caught.value)
    assert message.count("x.csv has the fields") == 1
    assert all(message.count(repr(name)) >= 1 for name in columns.split(","))
    settings = dict(word.split("=", 1) for word in shlex.split(re.sub(r"\(.*\)", "", message)) if "_field=" in word)
    if "NAME" not in settings.values():
        request = TrainModelRequest(**{**named, **settings})
        again = {name: getattr(request, name) for name in ("text_field", "label_field", "group_field")}
        assert len(loaded(path, **again)) == 2


@pytest.mark.parametrize(("columns", "said"), [("text", "column named label"), ("label", "column named text")])
def test_a_column_that_is_not_there_at_all_is_asked_for(tmp_path: Path, columns: str, said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        loaded(csv_of(tmp_path / "x.csv", columns))
    with pytest.raises(DatasetError, match="Add the column 'author', or drop group_field"):
        loaded(csv_of(tmp_path / "y.csv", "text,label"), group_field="author")


def test_a_named_column_is_met_without_regard_to_case_when_one_goes_by_it(tmp_path: Path) -> None:
    assert loaded(csv_of(tmp_path / "x.csv", "Body,label"), text_field="body").text_field == "Body"
    with pytest.raises(DatasetError, match="text_field names 'body'"):
        loaded(csv_of(tmp_path / "y.csv", "Body,BODY,label"), text_field="body")


def test_a_field_that_the_first_rows_lack_is_found_in_the_next(tmp_path: Path) -> None:
    rows = [{"text": "a"}, {"text": "b", "label": "x"}]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DatasetError, match=r"x\.jsonl:1: field 'label' is missing"):
        loaded(path)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_several_columns_are_joined_in_their_order_without_the_blank_ones(tmp_path: Path, kind: str) -> None:
    rows = [
        {"Subject": "hello", "Body": "there", "label": "a"},
        {"Subject": "", "Body": "alone", "label": "b"},
        {"Subject": "short", "Body": " ", "label": "a"},
    ]
    path = tmp_path / f"x.{kind}"
    lines = (",".join(row.values()) for row in rows)
    path.write_text("\n".join(["Subject,Body,label", *lines] if kind == "csv" else map(json.dumps, rows)))
    found = loaded(path, text_field=("Subject", "Body"))
    assert list(found.texts) == ["hello\nthere", "alone", "short"]
    assert found.text_field == ("Subject", "Body")
    assert loaded(path, text_field=("Body", "Subject")).texts[0] == "there\nhello"


def test_columns_that_are_all_blank_are_an_empty_text(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"Subject": null, "Body": " ", "label": "a"}\n')
    with pytest.raises(DatasetError, match=r"x\.jsonl:1: Subject and Body are empty"):
        loaded(path, text_field=("Subject", "Body"))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("body", "body"),
        ("[Subject,Body]", ("Subject", "Body")),
        ("[Subject, 'Body']", ("Subject", "Body")),
        (["Subject", "Body"], ("Subject", "Body")),
        ("last, first", "last, first"),
        (0, "0"),
        ([0, 1], ("0", "1")),
    ],
)
def test_a_setting_names_one_column_or_a_list_of_them(given: Any, kept: Any) -> None:
    for name in ("text_field", "source_field", "target_field"):
        assert getattr(TrainModelRequest(**{name: given}), name) == kept


@pytest.mark.parametrize(("given", "said"), [("", "must name a column"), ("[]", "must name"), ("[a,a]", "twice")])
def test_a_setting_that_names_no_column_is_refused(given: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"text_field is .*{said}"):
        TrainModelRequest(task="text_classification", text_field=given).resolved()


@pytest.mark.parametrize(
    ("task", "name", "said"),
    [
        ("sequence_to_sequence", "text_field", "source_field and target_field"),
        ("text_classification", "source_field", "text_field and label_field"),
        ("language_modeling", "group_field", "with text_field"),
        ("quantile_forecasting", "text_field", "with columns"),
    ],
)
def test_a_setting_that_a_task_does_not_read_is_refused(task: str, name: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} means nothing to task {task}.*{said}"):
        TrainModelRequest(task=task, **{name: "x"}).resolved()


def test_the_columns_of_a_model_come_before_a_guess() -> None:
    words: list[str] = []
    text = sought("text", ("text",), own=("Subject", "Body"))
    assert columns_of("x", ["text", "body", "subject"], [text], words.append) == [("subject", "body")]
    assert columns_of("x", ["Text", "body"], [text], words.append) == [("Text",)]
    assert words == ["x: found the text in 'Text'."]


@pytest.mark.parametrize(
    ("fields", "remedy"),
    [
        (["Ticket", "Subject"], "--set text_field=Subject"),
        (["Ticket", "Subject", "Message"], "(or together: --set 'text_field=[Subject,Message]')"),
    ],
)
def test_half_of_the_columns_of_a_model_is_not_taken_for_the_whole(fields: list[str], remedy: str) -> None:
    text = sought("text", ("text",), own=("Subject", "Body"))
    with pytest.raises(
        DatasetError, match="learnt the text from 'Subject' and 'Body', and 'Body' is not there"
    ) as caught:
        columns_of("x", fields, [text], print)
    assert str(caught.value).endswith(remedy)


def test_the_queue_of_a_ticket_is_its_label() -> None:
    words: list[str] = []
    wanted = [sought("text", ("text",)), sought("label", ("label",))]
    assert columns_of("x", ["Ticket", "Body", "Priority", "Queue"], wanted, words.append) == [("Body",), ("Queue",)]


@pytest.mark.parametrize(
    ("task", "columns", "fields"),
    [
        ("sequence_to_sequence", "source,target", ("source", "target")),
        ("sequence_to_sequence", "Question,Answer", ("Question", "Answer")),
        ("sequence_to_sequence", "id,prompt,completion", ("prompt", "completion")),
        ("code_generation", "Instruction,Output", ("Instruction", "Output")),
        ("code_generation", "docstring,code", ("docstring", "code")),
        ("code_generation", "description,body,title", ("description", "body")),
    ],
)
def test_pairs_are_found_likewise(tmp_path: Path, task: str, columns: str, fields: tuple[str, str]) -> None:
    rows = load_pairs(csv_of(tmp_path / "x.csv", columns), *pair_fields(task_named(task), None, None))
    assert (rows.sources[0], rows.targets[0]) == tuple(f"{name}1" for name in fields)
    assert rows.fields == fields


def test_sides_of_pairs_may_stand_in_several_columns(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "x.csv", "instruction,input,output")
    rows = load_pairs(path, sought("source", (), ("instruction", "input")), Sought("target", ("output",)))
    assert rows.sources[0] == "instruction1\ninput1"


def test_rows_that_are_blank_in_every_cell_are_skipped_with_their_number(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": "x"}, {"text": "", "label": None}, {"text": None, "label": " "}]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = loaded(path)
    assert (len(found), found.lines.tolist()) == (1, [1])
    assert found.warnings == ("x.jsonl: 2 rows are blank in every cell and left out, the first at line 2.",)


def test_faults_of_text_and_label_come_in_one_report(tmp_path: Path) -> None:
    rows = [
        {"text": "", "label": "", "n": 1},
        {"text": "a", "label": "x"},
        {"text": ["a"]},
        {"text": "b", "label": 0.5},
    ]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DatasetError) as caught:
        loaded(path)
    told = [line.split(": ")[0:2] for line in str(caught.value).splitlines()]
    assert told == [
        ["x.jsonl:1", "text is empty"],
        ["x.jsonl:1", "label is empty"],
        ["x.jsonl:3", 'text is ["a"], not a string'],
        ["x.jsonl:3", "field 'label' is missing"],
        ["x.jsonl:4", "label is 0.5, a measured value and no label"],
    ]


def test_numbers_among_texts_are_read_as_they_are_written_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": 10, "label": "a"}\n{"text": 1.5, "label": "b"}\n{"text": "c", "label": "b"}\n')
    rows = loaded(path)
    assert list(rows.texts) == ["10", "1.5", "c"]
    assert rows.warnings == ("x.jsonl: 2 cells of 'text' are numbers and were read as text.",)
