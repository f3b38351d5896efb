"""The command `athanor dataset audit`: what it writes, how it ends, and what it refuses."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import TypeAdapter

from domain.audit import Audit
from tests.support.audited_rows import Rows, clean_rows, file_of, with_column
from tests.support.command_line import Answer, athanor
from tests.support.refusals import Case, assert_refused, everything_in, lines, written

GUIDE = Path(__file__).resolve().parents[2] / "docs/audit_a_dataset.md"
GOOD = clean_rows(80)
OTHER = clean_rows(40, seed=1)


def audit(*words: object) -> Answer:
    return athanor("dataset", "audit", *words)


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, Path]:
    """Give a training file and one to score on that shares a row with it."""
    return file_of(tmp_path / "train.jsonl", GOOD), file_of(tmp_path / "eval.jsonl", [*OTHER, GOOD[7]])


def test_it_ends_with_one_only_when_asked_to_fail_and_there_is_an_alarm(parts: tuple[Path, Path]) -> None:
    train, scored = parts
    assert audit(train, "--eval", scored).exit_code == 0
    failed = audit(train, "--eval", scored, "--fail")
    assert failed.exit_code == 1
    assert "! exact clones: 1 of 41 evaluation rows stands in the training part too" in failed.stdout
    assert "eval.jsonl:41 = train.jsonl:8" in failed.stdout
    assert audit(train, "--fail").exit_code == 0


def test_what_programs_get_keeps_its_schema(parts: tuple[Path, Path]) -> None:
    train, scored = parts
    answer = audit(train, "--eval", scored, "--format", "json")
    told = json.loads(answer.stdout)
    jsonschema.validate(told, TypeAdapter(Audit).json_schema())
    assert set(told) == {field.name for field in fields(Audit)}
    assert (told["num_train"], told["num_eval"]) == (80, 41)
    assert [found["kind"] for found in told["clones"]] == ["exact", "renamed", "near"]


def test_the_guide_names_every_field_of_the_schema() -> None:
    table = GUIDE.read_text(encoding="utf-8").partition("| field |")[2].partition("\n\n")[0]
    named = re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines()[2:]))
    assert named == [field.name for field in fields(Audit)]


def test_a_page_and_other_files_are_written_as_they_end(parts: tuple[Path, Path], tmp_path: Path) -> None:
    train, scored = parts
    for name in ("new/audit.html", "audit.json", "audit.txt"):
        answer = audit(train, "--eval", scored, "--output", tmp_path / name)
        assert (answer.exit_code, answer.stdout) == (0, "")
        assert "exact clones: 1 of 41" in answer.stderr
    page = (tmp_path / "new/audit.html").read_text(encoding="utf-8")
    for heading in ("Alarms", "Clones", "Labels", "Shortcuts", "Leaks", "Scores without what training knows"):
        assert f">{heading}</h2>" in page
    assert json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))["num_eval"] == 41
    assert (tmp_path / "audit.txt").read_text(encoding="utf-8") == audit(train, "--eval", scored).stdout


def test_strange_texts_and_names_are_shown_without_harm(tmp_path: Path) -> None:
    label, group = "<b>\u202ey", "<script>alert(1)</script>"
    rows: Rows = [{**row, "label": label if row["label"] == "yes" else "\x1b[31mno"} for row in GOOD]
    train = file_of(tmp_path / "odd<i>.jsonl", with_column(rows, "project", [group] * 40 + ["other"] * 40))
    text = audit(train)
    assert text.exit_code == 0
    assert "\x1b" not in text.stdout
    assert "\u202e" not in text.stdout
    page = audit(train, "--format", "html").stdout
    assert group not in page
    assert "&lt;script&gt;alert(1)" in page


def test_rows_are_read_as_the_task_that_knows_their_labels(tmp_path: Path) -> None:
    labels = {"yes": "high", "no": "safe"}
    known = file_of(tmp_path / "known.jsonl", [{"code": row["text"], "label": labels[row["label"]]} for row in GOOD])
    assert json.loads(audit(known, "--format", "json").stdout)["task"] == "security_classification"
    as_text = audit(known, "--format", "json", "--task", "text_classification")
    assert json.loads(as_text.stdout)["task"] == "text_classification"
    free = file_of(tmp_path / "free.jsonl", GOOD)
    assert json.loads(audit(free, "--format", "json").stdout)["task"] == "text_classification"


def test_the_same_rows_are_held_out_as_in_a_training(tmp_path: Path) -> None:
    rows = file_of(tmp_path / "rows.jsonl", with_column(GOOD, "project", [f"p{at % 16}" for at in range(80)]))
    settings = ("--set", "seed=5", "--set", "validation_split=0.3", "--set", "group_field=project")
    tiny = ("--model", "encoder-tiny", "--set", "max_steps=2", "--set", "vocab_size=300")
    trained = athanor("train", "--task", "text_classification", "--dataset", rows, *tiny, *settings,
                      "--output", tmp_path / "run")  # fmt: skip
    assert trained.exit_code == 0, trained.stderr
    told = json.loads(audit(rows, "--run", tmp_path / "run", "--format", "json").stdout)
    assert told["settings"] == {"seed": 5, "validation_split": 0.3, "group_field": "project"}
    first = told["scores"][0]
    assert first["run_rows"] == first["rows"] == told["num_eval"]
    summary = json.loads((tmp_path / "run/summary.json").read_text(encoding="utf-8"))
    assert first["run"]["accuracy"] == pytest.approx(summary["final_metrics"]["accuracy"])
    assert first["run"]["macro_f1"] == pytest.approx(summary["final_metrics"]["macro_f1"])
    assert first["words"]["accuracy"] == pytest.approx(summary["baselines"]["bow_accuracy"])
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert "What the rows give away" in page
    assert "AUC of bag of words alone" in page
    strange = with_column(clean_rows(80, seed=9), "project", [f"p{at % 16}" for at in range(80)])
    others = file_of(tmp_path / "strange.jsonl", strange)
    assert_refused(audit(others, "--run", tmp_path / "run"), "scored on none of the")


def _rows(name: str, file: str, content: str | bytes | list[Any], *said: str, extra: tuple[object, ...] = ()) -> Case:
    return Case(name, lambda tmp: [written(tmp / file, content), *extra], said)


def _good(name: str, *said: str, extra: tuple[object, ...]) -> Case:
    return _rows(name, "good.jsonl", lines(with_column(GOOD, "created_at", ["2024-01-31"] * 80)), *said, extra=extra)


def _beside(name: str, file: str, content: str | bytes, *said: str, extra: tuple[object, ...] = ()) -> Case:
    def make(tmp: Path) -> list[object]:
        return [file_of(tmp / "good.jsonl", GOOD), "--eval", written(tmp / file, content), *extra]

    return Case(name, make, said)


def _directory(tmp: Path) -> Path:
    (tmp / "empty").mkdir()
    return tmp / "empty"


def _output(name: str) -> Case:
    def make(tmp: Path) -> list[object]:
        train, scored = file_of(tmp / "good.jsonl", GOOD), file_of(tmp / "other.jsonl", OTHER)
        return [train, "--eval", scored, "--output", tmp / name]

    return Case(f"output {name}", make, ("holds the rows, which would be lost",))


CASES = [
    Case("missing", lambda tmp: [tmp / "none.jsonl"], ("none.jsonl does not exist", "Check the path")),
    Case("directory without texts", lambda tmp: [_directory(tmp)], ("directory without text",)),
    Case("a path that is none", lambda tmp: ["a\0b"], ("cannot be a path",)),
    _rows("empty", "e.jsonl", "", "is empty"),
    _rows("binary", "b.jsonl", bytes(range(256)) * 40, "is binary"),
    _rows("binary CSV", "b.csv", bytes(range(256)) * 40, "is binary"),
    _rows("one label", "o.jsonl", lines([{**row, "label": "a"} for row in GOOD]), "has only the label 'a'"),
    _rows("no label", "n.jsonl", lines([{"text": row["text"], "count": 1} for row in GOOD]), "the label is looked for"),
    _rows("no text", "n.jsonl", lines([{"count": 1, "label": "a"} for _ in GOOD]), "the text is looked for"),
    _rows("NaN labels", "n.jsonl", '{"text": "a b", "label": NaN}\n' * 9, "n.jsonl:1: label is empty"),
    _rows("labels in lists", "l.jsonl", lines([{**row, "label": ["a"]} for row in GOOD]), 'label is ["a"], not a name'),
    _rows("one row", "r.jsonl", lines(GOOD[:1]), "has only the label"),
    _rows("two rows", "r.jsonl", lines(GOOD[:2]), "one row of label"),
    _rows("all rows equal", "q.jsonl", lines([{"text": "t", "label": of} for of in "ab" * 9]), "too small to split"),
    _good("unknown text field", "text_field names 'txet'", "text_field=text", extra=("--text-field", "txet")),
    _good("unknown label field", "label_field names 'lable'", "label_field=label", extra=("--label-field", "lable")),
    _good("unknown group field", "group_field names 'creatd'", "=created_at", extra=("--group-field", "creatd")),
    _good("unknown time field", "time_field names 'creatd'", "time_field=created_at", extra=("--time-field", "creatd")),
    _good("a time field without times", "good.jsonl:1: no cell of text is a stamp", extra=("--time-field", "text")),
    _good("a time field that is no name", "time_field is 3", extra=("--set", "time_field=3")),
    _good("unknown task", "Did you mean text_classification?", extra=("--task", "text_clasification")),
    _good("a task without labels", "have no labels", extra=("--task", "language_modeling")),
    _good("labels of another task", "label 'no' is not one of", extra=("--task", "security_classification")),
    _good("unknown format", "format 'xml' is not known", extra=("--format", "xml")),
    _good("unknown setting", "Did you mean 'seed'?", extra=("--set", "sed=1")),
    _good("a share beyond all", "must lie between 0 and 1", extra=("--set", "validation_split=2")),
    _good("a seed below zero", "seed is -1", extra=("--set", "seed=-1")),
    _good("no such run", "holds no run", extra=("--run", "nowhere")),
    _good("no such option", "No such option", extra=("--evla", "x")),
    _good("option like a setting", "'--time-field'", extra=("--time-fild", "x")),
    _beside("missing evaluation", "e.jsonl", "", "is empty"),
    _beside("other labels", "e.jsonl", lines([{"text": "a", "label": "z"}]), "labels that training had not"),
    _beside("evaluation equal to training", "copy.jsonl", lines(GOOD), "fewer than two labels left"),
    _beside("evaluation without times", "e.jsonl", lines(OTHER), "time_field names 'at'", extra=("--time-field", "at")),
    Case("one file", lambda tmp: [file_of(tmp / "g.jsonl", GOOD), "--eval", tmp / "g.jsonl"], ("those to learn",)),
    Case("output no file", lambda tmp: [file_of(tmp / "g.jsonl", GOOD), "--output", _directory(tmp)], ("is no file",)),
    _output("good.jsonl"),
    _output("other.jsonl"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_cannot_be_audited_is_refused_in_a_sentence(case: Case, tmp_path: Path) -> None:
    words = case.make(tmp_path)
    before = everything_in(tmp_path)
    assert_refused(audit(*words), *case.said)
    assert everything_in(tmp_path) == before


def test_rows_that_are_strange_but_readable_are_audited(tmp_path: Path) -> None:
    rows = [{"text": f"a\ud800b {'word ' * number} {number}", "label": "ab"[number % 2]} for number in range(30)] + [
        {"text": "!" * (number + 1), "label": "ab"[number % 2]} for number in range(20)
    ]
    rows += [{"text": "long " * 100_000 + str(number), "label": "ab"[number % 2]} for number in range(4)]
    answer = audit(written(tmp_path / "strange.jsonl", lines(rows)))
    assert answer.exit_code == 0, answer.stderr
    assert "of 4 texts only the first 20,000 characters" in answer.stdout


def test_a_narrow_terminal_gets_whole_lines(monkeypatch: pytest.MonkeyPatch, parts: tuple[Path, Path]) -> None:
    from presentation.cli import audited

    said: list[str] = []
    monkeypatch.setattr(audited, "screen", lambda: type("Screen", (), {"is_terminal": True, "width": 40})())
    monkeypatch.setattr(audited, "say", said.append)
    text = audit(parts[0], "--eval", parts[1]).stdout
    audited.write_audit(text or "\n".join(said), "text")
    assert max(map(len, said)) <= max(40, *(len(word) + 4 for line in said for word in line.split()))
    assert "eval.jsonl:41" in " ".join(said)
