"""The commands as people use them, one after the other on one small run."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import tiny
from tests.support.command_line import athanor

pytestmark = pytest.mark.usefixtures("pictures_drawn")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp = tmp_path_factory.mktemp("commands")
    rows = tiny.file_of_rows(tmp / "rows.json", 120)
    answer = athanor(
        "train", "--task", "text_classification", "--dataset", rows, "--model", "encoder-tiny", "--epochs", 6,
        "--batch-size", 8, "--set", "vocab_size=400", "--set", "word_dropout=0.1", "--output", tmp / "runs" / "one",
    )  # fmt: skip
    assert answer.exit_code == 0, answer.stderr
    (tmp / "summary.txt").write_text(answer.stdout)
    return tmp


def test_a_run_directory_holds_what_is_promised(trained: Path) -> None:
    run = trained / "runs" / "one"
    promised = {
        "run.yaml", "model", "checkpoints", "metrics.jsonl", "metrics.json", "metrics.csv",
        "training_curves.png", "confusion_matrix.png", "summary.json", "report.html", "outcomes.parquet",
    }  # fmt: skip
    assert promised <= {path.name for path in run.iterdir()}
    assert not list(run.rglob(".staging-*"))
    for picture in ("training_curves.png", "confusion_matrix.png"):
        assert (run / picture).read_bytes().startswith(b"\x89PNG")
    summary = json.loads((run / "summary.json").read_text())
    assert summary["success"] is True
    names = {row["name"] for row in csv.DictReader((run / "metrics.csv").open())}
    assert {"train_loss", "learning_rate", "eval_macro_f1", "tokens_per_second"} <= names
    json.loads((run / "metrics.json").read_text())


def test_the_summary_fits_a_screen_and_names_the_baselines(trained: Path) -> None:
    summary = (trained / "summary.txt").read_text()
    assert len(summary.splitlines()) <= 24
    for word in ("this model", "bag of words", "majority", "macro_f1", "model"):
        assert word in summary


def test_evaluate_prints_one_json_object(trained: Path) -> None:
    answer = athanor("evaluate", trained / "runs" / "one", "--dataset", trained / "rows.json", "--json")
    result = json.loads(answer.stdout)
    assert result["num_rows"] == 120
    assert result["metrics"]["accuracy"] > 0.9
    assert set(result["metrics"]["per_class"]) == set(tiny.LABELS)


def test_evaluate_agrees_with_predict(trained: Path) -> None:
    run, rows = trained / "runs" / "one", tiny.rows(120)
    answers = [
        json.loads(line) for line in athanor("predict", run, "--input", trained / "rows.json").stdout.splitlines()
    ]
    hits = sum(answer["label"] == row["label"] for answer, row in zip(answers, rows, strict=True))
    scored = json.loads(athanor("evaluate", run, "--dataset", trained / "rows.json", "--json").stdout)
    assert hits / 120 == pytest.approx(scored["metrics"]["accuracy"])
    assert all(sum(answer["scores"].values()) == pytest.approx(1.0, abs=1e-4) for answer in answers)


def test_predict_reads_texts_and_objects_from_standard_input(trained: Path) -> None:
    stdin = b'still0 quiet1 soft2\n{"text": "bang0 crash1 roar2"}\n"[a text that is no JSON object]"\n'
    answer = athanor("predict", trained / "runs" / "one", "--input", "-", stdin=stdin)
    labels = [json.loads(line)["label"] for line in answer.stdout.splitlines()]
    assert labels[:2] == ["calm", "loud"]
    assert len(labels) == 3


def test_predict_answers_a_bad_row_with_nulls_and_a_reason_and_counts_it(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    good = json.dumps({"text": "still0"}) + "\n"
    path.write_text(good * 70 + '{"text": null}\n{"text"\n' + good)
    answer = athanor("predict", trained / "runs" / "one", "--input", path)
    assert answer.exit_code == 0
    answers = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(answers) == 73
    assert [number for number, row in enumerate(answers, 1) if row["label"] is None] == [71, 72]
    assert answers[70]["error"] == "some.jsonl:71: text is null, not a string"
    assert answers[70]["scores"] is None
    assert answers[71]["error"].startswith("some.jsonl:72: is not JSON")
    assert "warning: 2 of 73 rows could not be answered" in answer.stderr


def test_strict_predict_names_the_bad_row_and_answers_those_before_it(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    good = json.dumps({"text": "still0"}) + "\n"
    path.write_text(good * 70 + '{"text": null}\n' + good)
    answer = athanor("predict", trained / "runs" / "one", "--input", path, "--strict")
    assert answer.exit_code == 2
    assert "some.jsonl:71: text is null" in answer.stderr
    assert len(answer.stdout.splitlines()) == 70


def test_evaluate_refuses_a_label_it_has_never_seen(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    path.write_text(json.dumps([{"text": "x", "label": "shrill"}]))
    answer = athanor("evaluate", trained / "runs" / "one", "--dataset", path)
    assert (answer.exit_code, "shrill" in answer.stderr) == (2, True)


def test_runs_are_listed_and_shown(trained: Path) -> None:
    listed = json.loads(athanor("runs", "list", "--root", trained / "runs", "--json").stdout)
    assert [(run["run_id"], run["status"]) for run in listed] == [("one", "finished")]
    assert "finished" in athanor("runs", "list", "--root", trained / "runs").stdout
    shown = json.loads(athanor("runs", "show", "one", "--root", trained / "runs", "--json").stdout)
    assert (shown["task"], shown["settings"]["vocab_size"]) == ("text_classification", 400)
    screen = athanor("runs", "show", trained / "runs" / "one").stdout
    assert "vocab_size=400" in screen
    assert "macro F1" in screen


def test_a_directory_that_is_missing_is_an_error_and_one_without_runs_is_none(trained: Path, tmp_path: Path) -> None:
    answer = athanor("runs", "list", "--root", trained / "nowhere")
    assert (answer.exit_code, "nowhere does not exist" in answer.stderr) == (2, True)
    answer = athanor("runs", "list", "--root", tmp_path)
    assert (answer.exit_code, answer.stdout) == (0, f"no runs below {tmp_path}\n")
    assert athanor("runs", "list", "--root", tmp_path, "--json").stdout == "[]\n"


def test_a_taken_output_is_refused_with_both_ways_out(trained: Path) -> None:
    answer = athanor("train", "--dataset", trained / "rows.json", "--output", trained / "runs" / "one")
    assert answer.exit_code == 2
    assert "holds a run already" in answer.stderr
    assert "resume" in answer.stderr


def test_doctor_tells_the_machine_and_what_it_runs_fastest() -> None:
    report = json.loads(athanor("doctor", "--json").stdout)
    assert report["precision"] in ("fp32", "bf16", "fp16")
    assert report["matrix_gflops"]["fp32"] > 0
    assert "torch" in report["versions"]
    assert "gloo yes" in (told := athanor("doctor").stdout)
    assert "precision" in told


def test_help_of_every_command_answers_without_torch() -> None:
    commands: tuple[list[str], ...] = (
        [],
        ["train"],
        ["resume"],
        ["evaluate"],
        ["predict"],
        ["runs"],
        ["runs", "list"],
        ["runs", "compare"],
        ["runs", "clean"],
        ["settings"],
        ["verify-resume"],
        ["doctor"],
    )
    code = f"""
import sys
from presentation.cli.command_line import cli
for command in {commands!r}:
    cli([*command, "--help"], standalone_mode=False)
    heavy = {{"torch", "transformers", "pydantic", "rich", "numpy"}} & set(sys.modules)
    assert not heavy, (command, heavy)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage") == len(commands)


def test_a_fresh_process_with_transformers_alone_opens_the_model(trained: Path, tmp_path: Path) -> None:
    """The reader runs where none of our packages can be imported."""
    code = f"""
import sys
from transformers import AutoModelForSequenceClassification, AutoTokenizer
directory = {str(trained / "runs" / "one" / "model")!r}
model = AutoModelForSequenceClassification.from_pretrained(directory).eval()
tokenizer = AutoTokenizer.from_pretrained(directory)
texts = ["still0 quiet1 soft2", "bang0 crash1 roar2 shout3"]
logits = model(**tokenizer(texts, padding=True, return_tensors="pt")).logits
print([model.config.id2label[int(index)] for index in logits.argmax(-1)])
assert not [name for name in sys.modules if name.split(".")[0] in ("infrastructure", "domain", "application")]
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['calm', 'loud']"


def test_quick_proves_the_whole_pipeline(trained: Path, tmp_path: Path) -> None:
    answer = athanor("train", "--task", "text_classification", "--dataset", trained / "rows.json", "--quick",
                     "--model", "encoder-tiny", "--output", tmp_path / "q", "--json")  # fmt: skip
    result = json.loads(answer.stdout)
    assert (answer.exit_code, result["success"]) == (0, True)
    assert (tmp_path / "q" / "model" / "model.safetensors").exists()


def test_data_that_comes_split_is_used_as_it_is(trained: Path, tmp_path: Path) -> None:
    rows = tiny.rows(60)
    (tmp_path / "train.json").write_text(json.dumps(rows[:40]))
    (tmp_path / "valid.json").write_text(json.dumps([*rows[40:], rows[0]]))
    answer = athanor(
        "train", "--task", "text_classification", "--dataset", tmp_path / "train.json", "--quick", "--model",
        "encoder-tiny", "--set", f"eval_dataset={tmp_path / 'valid.json'}", "--output", tmp_path / "run", "--json",
    )  # fmt: skip
    result = json.loads(answer.stdout)
    assert (result["num_train_rows"], result["num_eval_rows"]) == (39, 21)
    assert "1 rows of train.json also stand in valid.json" in answer.stderr
