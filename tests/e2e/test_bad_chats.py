"""Chats that nobody can learn from, templates that fail, models that do not chat: a sentence, nothing left behind."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.adapted import base_of
from tests.support.command_line import Answer, athanor
from tests.support.refusals import assert_refused, everything_in, lines, written
from tests.support.tuned_bases import settings

CHATML = settings("chat_template=chatml")
Train = Callable[[list[Any], list[object]], Answer]


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def system(text: Any) -> dict[str, Any]:
    return {"role": "system", "content": text}


GOOD = [{"messages": [user(f"Add {n} and 1."), assistant(str(n + 1))]} for n in range(8)]
PICTURE = [{"type": "image_url", "image_url": {"url": "x"}}]
# Name: the turns of one bad chat among good ones, and words that are said of it.
BAD_CHATS: dict[str, tuple[list[Any], tuple[str, ...]]] = {
    "no answer": ([user("a")], ("no turn of the assistant", "Add an answer or remove the chat")),
    "a system alone": ([system("a")], ("no turn of the assistant",)),
    "no turns": ([], ("messages has no turns", "remove the row")),
    "an answer first": ([assistant("a"), user("b"), assistant("c")], ("turn 1 is of the assistant", "add a question")),
    "two questions": ([user("a"), user("b"), assistant("c")], ("turns 1 and 2 are both of the user", "by turns")),
    "two answers": ([user("a"), assistant("b"), assistant("c")], ("turns 2 and 3 are both of the assistant",)),
    "a late system": ([user("a"), system("b"), assistant("c")], ("turn 2 is of the system", "Move it to the front")),
    "an unknown role": ([{"role": "narrator", "content": "a"}, assistant("b")], ('"narrator"', "system, user or")),
    "no role": ([{"content": "a"}, assistant("b")], ("has no role", '"role": "user"')),
    "no content": ([{"role": "user"}, assistant("b")], ("has no content",)),
    "content of nothing": ([user(None), assistant("b")], ("has no content",)),
    "a number as content": ([user(5), assistant("b")], ("is 5, no text",)),
    "an empty question": ([user(" "), assistant("b")], ("turn 1 of messages, of the user, is empty",)),
    "an empty answer": ([user("a"), assistant("")], ("turn 2 of messages, of the assistant, is empty",)),
    "a picture": ([user(PICTURE), assistant("b")], ('"image_url"', "texts alone are learnt")),
    "an answer of a tool": ([user("a"), {"role": "tool", "content": "5"}, assistant("b")], ('"tool"', "not learnt")),
    "a call of a tool": ([user("a"), {**assistant(None), "tool_calls": [{}]}], ("tool_calls", "not learnt")),
    "turns that are texts": (["a", "b"], ('turn 1 of messages is "a", no object',)),
}
# Name: the rows of a whole file, and words that are said of it.
BAD_FILES: dict[str, tuple[list[Any], tuple[str, ...]]] = {
    "chats that are texts": ([{"messages": "hello"}] * 4, ("messages is not JSON", '"role": "user"')),
    "no chats at all": ([{"x": "y"}] * 4, ("'x' alone", "messages_field=NAME")),
    "instructions without answers": ([{"instruction": "a", "input": "b"}] * 4, ("target is looked for in 'output'",)),
    "an instruction with an empty answer": (
        [*({"instruction": f"a {n}", "output": "b"} for n in range(5)), {"instruction": "a", "output": ""}],
        (":6: output is empty",),
    ),
    "one chat": (GOOD[:1], ("has 1 chat", "eval_dataset=PATH")),
    "one question": (GOOD[:1] * 5, ("all begin with the same question", "Add chats")),
    "no rows": ([], ("is empty",)),
}
# Name: a template, and words that are said of it.
BAD_TEMPLATES: dict[str, tuple[str, tuple[str, ...]]] = {
    "no template": ("{% for m in messages %}{{ m.content }", ("the chat template fails: unexpected '}'",)),
    "a template that refuses": ("{{ raise_exception('no such chats') }}", ("says: no such chats", "Give another")),
    "a template that refuses in silence": ("{{ raise_exception('') }}", ("refuses a chat",)),
    "a template that divides by nothing": ("{{ 1 / 0 }}", ("fails: division by zero",)),
    "a template without the chat": ("hello", ("writes out an answer 0 times",)),
    "a template of other names": ("{{ messages[0].text.upper() }}", ("has no attribute 'text'",)),
    "a template that fills memory": ("{{ 'x' * 10**10 }}", ("more memory than it may",)),
    "a template that looks into Python": ("{{ ''.__class__.__mro__ }}", ("is unsafe",)),
    "a template that reads files": ("{% include '/etc/passwd' %}", ("fails",)),
}
# Name: what is typed beside good chats, and words that are said.
BAD_SETTINGS: dict[str, tuple[list[object], tuple[str, ...]]] = {
    "a template that is nowhere": (settings("chat_template=nowhere.jinja"), ("'nowhere.jinja' cannot be read",)),
    "a template of an unknown name": (settings("chat_template=alpaca"), ("'alpaca' is not known", "chatml or plain")),
    "a template of no name": (settings("chat_template="), ("chat_template is empty",)),
    "a template of bytes": (settings("chat_template=bytes.jinja"), ("'bytes.jinja' cannot be read", "not UTF-8")),
    "a model without a template": ([], ("has no chat template", "--set chat_template=chatml")),
    "a column that is not there": ([*CHATML, *settings("messages_field=chat")], ("names 'chat'", "=messages")),
    "two forms": ([*CHATML, *settings("messages_field=messages", "source_field=a")], ("Name one form",)),
    "no room for an answer": ([*CHATML, "--max-length", 4], ("no answer begins within max_length 4",)),
    "an encoder preset": ([*CHATML, "--model", "encoder-tiny"], ("'encoder-tiny' is no preset", "decoder-tiny")),
    "an encoder": ([*CHATML, "--model", "BERT"], ("is an encoder (bert)", "Give a decoder")),
    "a translator": ([*CHATML, "--model", "BART"], ("is an encoder-decoder (bart)",)),
    "4 bits without CUDA": (
        [*CHATML, *settings("adapter=lora", "quantize=4bit", "device=cpu")],
        ("CUDA device alone",),
    ),
    "layers that are not there": ([*CHATML, *settings("adapter=lora", "adapter_targets=[query]")], ("names 'query'",)),
    "more layers frozen than there are": ([*CHATML, *settings("freeze=9")], ("freeze is 9, but the model has 3",)),
}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    tmp = tmp_path_factory.mktemp("bases")
    return {name.upper(): base_of(name, tmp / name) for name in ("llama", "bert", "bart")}


@pytest.fixture
def train(bases: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Train on some rows with what is typed, and hold that nothing is left behind."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bytes.jinja").write_bytes(b"\xff\xfe\x00\x01" * 20)

    def tried(rows: list[Any], words: list[object]) -> Answer:
        path = written(tmp_path / "chats.jsonl", lines(rows))
        before = everything_in(tmp_path)
        named = [bases.get(str(word), word) for word in words]
        model = [] if "--model" in named else ["--model", bases["LLAMA"]]
        answer = athanor("train", "--task", "instruction_tuning", "--dataset", path, *model, *named)
        assert everything_in(tmp_path) == before
        return answer

    return tried


@pytest.mark.parametrize("name", BAD_CHATS)
def test_a_bad_chat_is_told_with_its_line(name: str, train: Train) -> None:
    turns, said = BAD_CHATS[name]
    assert_refused(train([*GOOD[:3], {"messages": turns}, *GOOD[3:]], CHATML), "chats.jsonl:4: ", *said)


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_without_chats_ends_in_a_sentence(name: str, train: Train) -> None:
    rows, said = BAD_FILES[name]
    assert_refused(train(rows, CHATML), *said)


@pytest.mark.parametrize("name", BAD_TEMPLATES)
def test_a_template_that_fails_ends_in_a_sentence(name: str, train: Train, tmp_path: Path) -> None:
    template, said = BAD_TEMPLATES[name]
    (tmp_path / "own.jinja").write_text(template)
    assert_refused(train(GOOD, settings("chat_template=own.jinja")), *said, "--set chat_template=chatml")


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_settings_of_chats_that_make_no_sense_end_in_a_sentence(name: str, train: Train) -> None:
    words, said = BAD_SETTINGS[name]
    assert_refused(train(GOOD, words), *said)


def test_a_template_means_nothing_to_a_task_without_chats() -> None:
    answer = athanor("train", "--task", "text_classification", *CHATML)
    assert_refused(answer, "chat_template means nothing to task text_classification", "Leave it out")


def test_all_bad_chats_are_told_at_once(train: Train) -> None:
    rows = [*GOOD, *({"messages": turns} for turns, _ in BAD_CHATS.values())]
    answer = train(rows, CHATML)
    assert_refused(answer)
    told = {line.partition(": ")[2].split(":")[1] for line in answer.stderr.splitlines() if "chats.jsonl:" in line}
    assert told == {str(len(GOOD) + 1 + number) for number in range(len(BAD_CHATS))}


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp = tmp_path_factory.mktemp("answering")
    rows = written(tmp / "chats.jsonl", lines(GOOD))
    quick = ("--max-length", 48, *settings("max_steps=1", "sample_rows=0"))
    words = ("--task", "instruction_tuning", "--model", "decoder-tiny", "--output", tmp / "run", *quick)
    answer = athanor("train", "--dataset", rows, *words)
    assert answer.exit_code == 0, answer.stderr
    return tmp / "run"


def test_a_finished_model_refuses_what_it_cannot_answer(answering: Path, tmp_path: Path) -> None:
    rows = written(tmp_path / "asked.jsonl", lines([{"messages": [user("a")]}, {"messages": [assistant("b")]}]))
    short = ("--max-new-tokens", 2)
    answer = athanor("predict", answering, "--input", rows, *short)
    assert answer.exit_code == 0, answer.stderr
    good, bad = map(json.loads, answer.stdout.splitlines())
    assert good["text"] is not None
    assert (bad["text"], "ends with no turn of the user" in bad["error"]) == (None, True)
    assert_refused_late(athanor("predict", answering, "--input", rows, "--strict", *short), "asked.jsonl:2: ends with")
    assert_refused(athanor("evaluate", answering, "--dataset", rows), "asked.jsonl:1: has no turn of the assistant")


def assert_refused_late(answer: Answer, *said: str) -> None:
    """Hold the same of a call that has answered some rows before it comes to a bad one."""
    assert_refused(Answer(answer.exit_code, "", answer.stderr), *said)


def test_chats_with_tests_are_scored_by_them_or_refused(answering: Path, tmp_path: Path) -> None:
    without = written(tmp_path / "chats.jsonl", lines(GOOD))
    assert_refused(athanor("evaluate", answering, "--dataset", without, "--run-tests"), "no tests in tests, test_list")
    rows = [{"messages": [user("Say nothing.")], "tests": [f"assert {right}"]} for right in (True, False)]
    path = written(tmp_path / "tested.jsonl", lines(rows))
    answer = athanor("evaluate", answering, "--dataset", path, "--run-tests", "--max-new-tokens", 4, "--json")
    if "runs programs apart alone" in answer.stderr:
        pytest.skip(answer.stderr)
    assert answer.exit_code == 0, answer.stderr
    assert json.loads(answer.stdout)["metrics"]["pass@1"] == 0.5
