"""Whatever a person gives: exit code 2, a sentence with a remedy, no traceback, nothing half-written."""

import fcntl
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import athanor
from tests.support.refusals import Case, assert_refused, everything_in, lines, written

GOOD_ROWS = [
    {"text": f"{word} number {n}", "label": label} for n in range(8) for word, label in (("yes", "a"), ("no", "b"))
]
TINY = ("--model", "encoder-tiny", "--epochs", "1", "--set", "vocab_size=300")


def rows_with(bad: Any) -> list[Any]:
    return [*GOOD_ROWS[:3], bad, *GOOD_ROWS[3:]]


def data(name: str, file: str, content: str | bytes | list[Any], *said: str, extra: tuple[object, ...] = ()) -> Case:
    return Case(name, lambda tmp: ["--dataset", written(tmp / file, content), *extra], said)


def given(name: str, *said: str, extra: tuple[object, ...]) -> Case:
    return Case(name, lambda tmp: ["--dataset", written(tmp / "good.json", GOOD_ROWS), *extra], said)


def with_good(name: str, make: Callable[[Path], list[object]], *said: str) -> Case:
    return Case(name, lambda tmp: [*make(tmp), "--dataset", written(tmp / "good.json", GOOD_ROWS)], said)


def _directory(tmp: Path, name: str) -> Path:
    (tmp / name).mkdir()
    return tmp / name


def _in_use(tmp: Path) -> Path:
    lock = (_directory(tmp, "busy") / "run.lock").open("a+")
    fcntl.flock(lock, fcntl.LOCK_EX)
    _in_use.held = lock  # type: ignore[attr-defined]  # stays locked while the test runs
    return tmp / "busy"


def _model(tmp: Path, **files: str) -> Path:
    directory = _directory(tmp, "model")
    for name, content in files.items():
        (directory / name.replace("_DOT_", ".")).write_text(content)
    return directory


SECURITY = ("--task", "security_classification")
DATA_CASES = [
    Case("missing file", lambda tmp: ["--dataset", tmp / "none.json"], ("none.json does not exist", "Check the path")),
    Case("directory without texts", lambda tmp: ["--dataset", _directory(tmp, "d")], ("directory without text",)),
    data("empty file", "e.json", "", "is empty", "Give a file"),
    data("empty gzip", "e.jsonl.gz", gzip.compress(b""), "has no rows"),
    data("blank file", "e.jsonl", "\n \n", "has no rows"),
    data("empty array", "e.json", [], "has no rows"),
    data("binary", "b.json", b"\x00\x01\x02" * 50, "is binary"),
    data("truncated gzip", "t.jsonl.gz", gzip.compress(lines(GOOD_ROWS).encode())[:-20], "damaged or cut off"),
    data("not gzip", "t.jsonl.gz", lines(GOOD_ROWS), "is not gzip"),
    data("some encoding", "l.jsonl", b'{"text": "caf\x81", "label": "a"}\n', "not UTF-8", "0x81", "--set encoding="),
    data("utf-16", "l.jsonl", lines(GOOD_ROWS).encode("utf-16-le"), "seems to be UTF-16", "encoding=utf-16-le"),
    data("object instead of array", "o.json", json.dumps({"rows": GOOD_ROWS}), "JSON object", "'rows'"),
    data("string instead of array", "o.json", '"hello"', "no JSON array"),
    data("broken line", "x.jsonl", lines(GOOD_ROWS) + '{"text": \n', "x.jsonl:17", "not JSON"),
    data("array not closed", "x.json", json.dumps(GOOD_ROWS)[:-1], "x.json:1", "not closed"),
    data("comma missing", "x.json", '[{"text": "a", "label": "a"} {"text": "b", "label": "b"}]', "comma"),
    data("row is a list", "x.json", rows_with([1, 2]), "an array, but must be an object"),
    data("row is null", "x.json", rows_with(None), "null, but must be an object"),
    data("missing text", "x.json", rows_with({"label": "a"}), "field 'text' is missing"),
    data("missing label", "x.json", rows_with({"text": "a"}), "field 'label' is missing"),
    data("null text", "x.json", rows_with({"text": None, "label": "a"}), "text is null, not a string"),
    data("null label", "x.json", rows_with({"text": "q", "label": None}), "label is empty"),
    data("list as text", "x.json", rows_with({"text": [5], "label": "a"}), "text is [5], not a string"),
    data("measured label", "x.json", rows_with({"text": "q", "label": 0.37}), "label is 0.37", "no regression task"),
    data("list as label", "x.json", rows_with({"text": "q", "label": ["a"]}), 'label is ["a"]'),
    data("empty text", "x.json", rows_with({"text": " \t", "label": "a"}), "text is empty"),
    data("empty label", "x.json", rows_with({"text": "q", "label": ""}), "label is empty"),
    data(
        "all texts empty",
        "x.json",
        [{"text": "", "label": "a"}] * 30,
        "30 faults in all, the first of each kind are shown",
    ),
    data("one class", "x.json", [{"text": f"t {n}", "label": "a"} for n in range(9)], "only the label 'a'"),
    data("a class of one row", "x.json", [*GOOD_ROWS, {"text": "only", "label": "c"}], "one row of label 'c'"),
    data("equal rows only", "x.json", [*GOOD_ROWS, *[{"text": "z", "label": "c"}] * 3], "too small to split", "'c'"),
    data(
        "a label of one family",
        "x.json",
        [{**row, "family": f"f{n}"} for n, row in enumerate(GOOD_ROWS)]
        + [{"text": f"z {n}", "label": "c", "family": "only"} for n in range(4)],
        "too small to split",
        "'c'",
    ),
    data("unknown label", "x.json", [{"code": "x=1", "label": "sqli"}], "'sqli' is not one of safe", extra=SECURITY),
    data("no known field", "x.json", [{"bdy": "x", "label": "a"}], "has the fields 'bdy'", "--set text_field="),
    data("csv without the column", "x.csv", "txt,label\nhello,a\n", "has the fields 'txt', 'label'", "text_field=txt"),
    data("csv with a long row", "x.csv", "text,label\na,b\nc,d,e\n", "x.csv:3", "but the header has 2"),
    data("csv with an open quote", "x.csv", 'text,label\n"a,b\n', "cannot be read"),
    data("csv of a header", "x.csv", "text,label\n", "has no rows"),
    data("broken parquet", "x.parquet", b"PAR1 nothing here", "no readable Parquet"),
    data("unknown ending", "x.docx", b"PK", "ending '.docx'"),
    data("no ending", "rows", "a", "ending ''"),
    data(
        "two files that share all rows",
        "x.json",
        GOOD_ROWS,
        "fewer than two labels left",
        extra=("--set", "eval_dataset=EVAL"),
    ),
    data(
        "an unknown label to score",
        "x.json",
        GOOD_ROWS,
        "labels that training had not",
        extra=("--set", "eval_dataset=OTHER"),
    ),
]

SETTING_CASES = [
    given("misspelt task", "Did you mean text_classification?", extra=("--task", "text_clasification")),
    given("misspelt setting", "Did you mean 'eval_steps'?", extra=("--set", "eval_step=3")),
    given("set without value", "is not KEY=VALUE", extra=("--set", "seed")),
    given("text for a number", "epochs is 'three'", extra=("--set", "epochs=three")),
    given("zero epochs", "num_epochs is 0", extra=("--epochs", "0")),
    given("absurd rate", "learning_rate is 1e+30", extra=("--learning-rate", "1e30")),
    given("absurd length", "max_length is 99999999", extra=("--max-length", "99999999")),
    given("warm-up beyond the run", "warmup_steps is 500", extra=("--set", "warmup_steps=500")),
    given("labels miscounted", "num_labels is 7, but good.json has 2", extra=("--set", "num_labels=7")),
    given("weight of an unknown label", "names the label 'c'", extra=("--set", 'class_weights={"c": 2}')),
    given("unknown metric", "metric_name 'macro_f2'", "Did you mean", extra=("--set", "metric_name=macro_f2")),
    given("unknown device", "device 'cuda:99'", extra=("--set", "device=cuda:99")),
    given("unknown precision", "precision 'fp9'", extra=("--precision", "fp9")),
    given("precision without its GPU", "precision fp8 needs a GPU", extra=("--precision", "fp8")),
    given("unknown preset", "is no preset", extra=("--model", "encoder-huge")),
    given("hub id without network", "cannot be fetched", "hf download", extra=("--model", "microsoft/codebert-base")),
    given("hub id without owner", "'gpt2' is no preset", "hf download gpt2", "HF_HOME", extra=("--model", "gpt2")),
    given("name that no model has", "'a b' is no preset", "owner/name", extra=("--model", "a b")),
    given("name of 300 letters", "is no preset", "owner/name", extra=("--model", "x" * 300)),
    given("misspelt preset", "Did you mean encoder-tiny?", extra=("--model", "encoder-tinny")),
    given("rows at once that are none", "batch_size is 'some'", "'auto'", extra=("--batch-size", "some")),
    given("time that is none", "time_budget is 'soon'", "90s, 5m or 1h30m", extra=("--time-budget", "soon")),
    given("time of nothing", "time_budget is 0.0", extra=("--time-budget", "0s")),
    given("model that is not there", "does not exist", extra=("--model", "./no/such/model")),
    given("config that is not there", "run file no.yaml does not exist", extra=("--config", "no.yaml")),
    given("option that is not there", "No such option", extra=("--taks", "x")),
    given("setting given as an option", "Did you mean --set label_field=VALUE?", extra=("--label", "x")),
    given("column for field", "Did you mean 'text_field'?", extra=("--set", "text_column=x")),
    given("positional word", "unexpected extra argument", extra=("surplus",)),
    with_good("output is a file", lambda tmp: ["--output", written(tmp / "f", "x")], "is a file"),
    with_good("output below a file", lambda tmp: ["--output", written(tmp / "f", "x") / "run"], "cannot be created"),
    with_good("output on a read-only place", lambda tmp: ["--output", "/proc/nowhere/run"], "/proc"),
    with_good("output in use", lambda tmp: ["--output", _in_use(tmp)], "in use by another process"),
    with_good("yaml that is none", lambda tmp: ["--config", written(tmp / "c.yaml", "a: [1\nb: }")], "is not YAML"),
    with_good(
        "yaml with a typo", lambda tmp: ["--config", written(tmp / "c.yaml", "epoch: 3")], "Did you mean 'epochs'?"
    ),
    with_good("yaml without settings", lambda tmp: ["--config", written(tmp / "c.yaml", "- 1\n")], "holds no settings"),
    with_good("model directory without config", lambda tmp: ["--model", _model(tmp)], "no config.json"),
    with_good(
        "model directory with pickles",
        lambda tmp: ["--model", _model(tmp, config_DOT_json="{}", pytorch_model_DOT_bin="x")],
        "no .safetensors",
    ),
    with_good(
        "corrupt model directory",
        lambda tmp: ["--model", _model(tmp, config_DOT_json="{", model_DOT_safetensors="x")],
        "cannot be opened",
    ),
    with_good("model is a file", lambda tmp: ["--model", written(tmp / "m", "x")], "is a file, not a directory"),
]


@pytest.mark.parametrize("case", [*DATA_CASES, *SETTING_CASES], ids=lambda case: case.name)
def test_bad_input_to_train_ends_in_a_sentence(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "eval.json", GOOD_ROWS)
    written(tmp_path / "other.json", [{"text": "new", "label": "c"}])
    words = [str(word).replace("EVAL", "eval.json").replace("OTHER", "other.json") for word in case.make(tmp_path)]
    before = everything_in(tmp_path)
    if "--task" not in words and "--config" not in words:
        words = ["--task", "text_classification", *words]
    answer = athanor("train", *TINY, *words)
    assert_refused(answer, *case.said)
    assert everything_in(tmp_path) == before


def test_a_refusal_leaves_what_stood_in_the_output_directory(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    words = ["--dataset", written(tmp_path / "good.json", GOOD_ROWS), "--output", tmp_path / "run"]
    before = everything_in(tmp_path)
    answer = athanor("train", "--task", "text_classification", *TINY, *words, "--set", 'class_weights={"c": 2}')
    assert_refused(answer, "names the label 'c'")
    assert everything_in(tmp_path) == before
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


LATER_CASES: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [
    ("resume nothing", ("resume", "nowhere"), ("nowhere holds no run",)),
    ("evaluate nothing", ("evaluate", "nowhere", "--dataset", "good.json"), ("nowhere is no directory",)),
    ("evaluate an empty directory", ("evaluate", "empty", "--dataset", "good.json"), ("holds no finished model",)),
    ("predict with nothing", ("predict", "nowhere", "--input", "good.json"), ("nowhere is no directory",)),
    ("show nothing", ("runs", "show", "nowhere"), ("nowhere holds no run",)),
    ("evaluate without data", ("evaluate", "nowhere"), ("Missing option '--dataset'",)),
    ("misspelt command", ("trian",), ("No such command 'trian'. Did you mean 'train'?",)),
    ("unknown command", ("xyzzy",), ("No such command 'xyzzy'. Choose one of train, resume,",)),
]


@pytest.mark.parametrize(("words", "said"), [case[1:] for case in LATER_CASES], ids=[case[0] for case in LATER_CASES])
def test_bad_input_to_other_commands_ends_in_a_sentence(
    words: tuple[str, ...], said: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "good.json", GOOD_ROWS)
    (tmp_path / "empty").mkdir()
    before = everything_in(tmp_path)
    assert_refused(athanor(*words), *said)
    assert everything_in(tmp_path) == before


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    bad = [{"label": "a"}, {"text": "x"}, {"text": "", "label": "a"}, {"text": "x", "label": [1]}]
    answer = athanor(
        "train", "--task", "text_classification", "--dataset", written(tmp_path / "x.json", [*GOOD_ROWS, *bad])
    )
    assert answer.stderr.count("x.json:") == 4


def test_with_json_a_refusal_is_one_json_object_too(tmp_path: Path) -> None:
    answer = athanor("train", "--json", "--epochs", "0")
    assert json.loads(answer.stdout)["errors"] == [answer.stderr.removeprefix("error: ").strip()]
    assert answer.exit_code == 2
