"""The guides do what they say: their blocks run as they stand, in order, in an empty directory.

`sh` and `python` blocks are run, `text` blocks are what takes too long, `bash` is for clusters, and a page has no
others. A line of shell is a call of `athanor`, perhaps fed by `echo` and written to a file, so that it needs no shell
and no new process, but for `athanor launch`, which becomes another program. The data of a run that names none is small
here: of the standard library some modules, of the shipped functions each tenth pair. So is every preset.
"""

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet
from torch.distributed import run as torchrun

from domain.task import TASKS
from presentation.cli.launching import OWN_PROGRAM
from tests.support import forked
from tests.support.command_line import Answer, athanor
from tests.support.ranks import athanor_in_ranks
from tests.support.repositories import needs_git
from tests.support.small_library import small_library
from tests.support.small_presets import small_presets

DOCS = Path(__file__).resolve().parents[2] / "docs"
QUICK_DATA = str(TASKS["security_classification"].quick_dataset)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
QUOTE = re.compile(r"(?:^> .*\n)+", re.MULTILINE)


@dataclass(frozen=True)
class Call:
    """One line of shell and what came of it."""

    words: tuple[str, ...]
    answer: Answer


@pytest.fixture(scope="module")
def functions() -> pa.Table:
    """Give some of the shipped functions that a quick run takes, twins together."""
    table = parquet.read_table(DOCS.parent / QUICK_DATA)
    return table.take([row for row in range(len(table)) if row // 2 % 10 == 0])


@pytest.fixture
def empty_directory(tmp_path: Path, functions: pa.Table) -> Iterator[Path]:
    """Stand in a directory without anything but some functions, on a Python with a small library."""
    with pytest.MonkeyPatch.context() as patch:
        small_library(tmp_path, patch)
        small_presets(patch)
        (tmp_path / "here/data").mkdir(parents=True)
        patch.chdir(tmp_path / "here")
        parquet.write_table(functions, QUICK_DATA)
        yield tmp_path / "here"


def run_guide(name: str) -> list[Call]:
    """Run the blocks of a page from top to bottom; gives its calls."""
    calls: list[Call] = []
    variables: dict[str, object] = {}
    for language, code in FENCE.findall((DOCS / name).read_text(encoding="utf-8")):
        assert language in ("sh", "python", "text", "bash"), language
        if language == "python":
            exec(compile(code, name, "exec"), variables)
        elif language == "sh":
            calls += [run_line(line) for line in code.replace("\\\n", " ").splitlines()]
    return calls


def run_line(line: str) -> Call:
    """Run `[echo TEXT |] athanor WORDS [> FILE]`, which is all that a guide may say."""
    words, stdin, target = shlex.split(line), b"", None
    if words[0] == "echo":
        stdin, pipe, words = f"{words[1]}\n".encode(), words[2], words[3:]
        assert pipe == "|", line
    if words[-2] == ">":
        words, target = words[:-2], Path(words[-1])
    assert words[0] == "athanor", line
    assert not {"|", ">", "<", "&", "&&", ";"} & set(words), line
    answer = launched(words[1:]) if words[1] == "launch" else athanor(*words[1:], stdin=stdin)
    assert answer.exit_code == 0, (line, answer.stderr)
    if target is not None:
        target.write_text(answer.stdout, encoding="utf-8")
    return Call(tuple(words[1:]), answer)


def launched(words: list[str]) -> Answer:
    """Call what becomes torchrun.

    Both are forked of what has torch already, as to import it would take each process seconds: torchrun starts our
    program as it is told, for which words that are refused will do, and the ranks train with the others.
    """
    became: list[list[str]] = []
    with patch.object(os, "execve", lambda program, words, environment: became.append([*words])):
        told = athanor(*words)
    assert told.exit_code == 0, told.stderr
    (call,) = became
    at = call.index(str(OWN_PROGRAM))
    assert call[:4] == [sys.executable, "-P", "-m", "torch.distributed.run"]
    refused = forked.start_function(
        torchrun.main, {"args": [*call[4 : at + 1], "train", "--config", "no.yaml"]}, Path("answers").resolve()
    )
    assert refused.wait() == 1
    assert "no.yaml does not exist" in refused.stderr
    answer = athanor_in_ranks(2, call[at + 1 :], Path("answers/ranks").resolve(), directory=Path.cwd())[0]
    return replace(answer, stderr=told.stderr + answer.stderr)


def answers_of(calls: list[Call], command: str) -> list[str]:
    return [call.answer.stdout for call in calls if call.words[0] == command]


def quotations(name: str) -> list[str]:
    """Give what a page quotes, each on one line."""
    page = (DOCS / name).read_text(encoding="utf-8")
    return [quoted.replace("\n> ", " ").removeprefix("> ").strip() for quoted in QUOTE.findall(page)]


def test_the_guide_to_language_models_runs_as_it_stands(
    empty_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = run_guide("train_a_language_model.md")
    for summary in answers_of(calls, "train"):
        assert "perplexity" in summary
        assert "bits per byte" in summary
        assert len(summary.splitlines()) <= 40
    one, two, streamed = answers_of(calls, "predict")
    assert 0 < len(json.loads(one)["text"]) <= 40  # characters are tokens
    assert [set(json.loads(line)) for line in two.splitlines()] == [{"row", "text"}] * 2
    assert not streamed.startswith("{")
    screen, program = answers_of(calls, "evaluate")
    assert "blocks" in screen
    assert set(json.loads(program)) == {"metrics", "num_rows", "intervals", "warnings"}
    assert "\nThe statement" in capsys.readouterr().out  # what plain transformers wrote
    resumed, repeated = (Path("runs", name, "model", "model.safetensors") for name in ("stopped", "repeated"))
    assert resumed.read_bytes() == repeated.read_bytes()


def test_the_guide_to_encoders_runs_as_it_stands(empty_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = run_guide("adapt_an_encoder.md")
    filled, labelled = [call.answer for call in calls if call.words[0] == "train"]
    assert "hidden tokens right" in filled.stdout
    assert "token frequencies" in filled.stdout
    assert "classifier.weight start untrained" in labelled.stderr
    gaps, label = map(json.loads, answers_of(calls, "predict"))
    assert "[MASK]" not in gaps["text"]
    assert [len(candidates) for candidates in gaps["gaps"]] == [3]
    assert label["label"] in ("parcel", "invoice")
    (scored,) = map(json.loads, answers_of(calls, "evaluate"))
    assert scored["num_rows"] == 80
    assert "likeliest: " in capsys.readouterr().out


def test_the_guide_to_translation_runs_as_it_stands(empty_directory: Path) -> None:
    calls = run_guide("translate_code.md")
    for summary in answers_of(calls, "train"):
        assert "exact match" in summary
        assert len(summary.splitlines()) <= 40
    assert json.loads(answers_of(calls, "evaluate")[1])["num_rows"] == 16
    translated = (empty_directory / "translated.jsonl").read_text().splitlines()
    assert [set(json.loads(line)) for line in translated] == [{"row", "text"}] * 16


def test_the_guide_to_conversations_runs_as_it_stands(
    empty_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = run_guide("tune_on_conversations.md")
    (summary,) = answers_of(calls, "train")
    assert "exact match" in summary
    assert len(summary.splitlines()) <= 40
    assert [set(json.loads(answer)) for answer in answers_of(calls, "predict")] == [{"row", "text"}] * 2
    assert "perplexity" in answers_of(calls, "evaluate")[0]
    assert capsys.readouterr().out.splitlines()[-1] == "assistant"  # what plain transformers wrote


def test_the_guide_to_forecasts_runs_as_it_stands(empty_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = run_guide("forecast_a_table.md")
    *forecasts, direction = answers_of(calls, "train")
    for summary in [*forecasts, *answers_of(calls, "resume")]:
        for word in ("windows of the test part", "pinball loss", "repeat last", "before calibration"):
            assert word in summary
        assert len(summary.splitlines()) <= 40
    assert "All three directions: accuracy" in direction
    assert "Up or down" in direction
    (repaired,) = [call.answer.stderr for call in calls if "runs/repaired" in call.words]
    for done in ("the rows were sorted", "the last of each was kept", "filled in with", "masked"):
        assert done in repaired
    printed = capsys.readouterr().out
    for quoted in quotations("forecast_a_table.md")[:1]:  # the other one tells of a training that is not run
        assert quoted in printed
    assert "duplicate_stamps=last" in printed
    to_screen, to_csv, to_parquet, of_shops, of_direction = answers_of(calls, "predict")
    assert (empty_directory / "forecast.csv").read_text() == to_screen
    assert [line.split(",")[1:3] for line in to_screen.splitlines()[1:]] == [["orders", f"{n}"] for n in range(1, 25)]
    assert to_csv + to_parquet + of_shops == ""  # and the page itself reads the Parquet file
    with (empty_directory / "shops_forecast.csv").open(newline="", encoding="utf-8") as file:
        forecast = list(csv.DictReader(file))
    assert [row["shop"] for row in forecast] == ["North"] * 14 + ["South"] * 14 + ["Quay"] * 14
    assert {row["day"] for row in forecast[::14]} == {"2024-07-19"}
    assert set(json.loads(of_direction)["scores"]) == {"down", "flat", "up"}
    assert json.loads(answers_of(calls, "evaluate")[1])["num_rows"] == 2 * 7 * 24 - 168 - 24 + 1
    resumed, repeated = (Path("runs", name, "model", "model.safetensors") for name in ("stopped", "repeated"))
    assert resumed.read_bytes() == repeated.read_bytes()


def test_the_guide_to_backtests_runs_as_it_stands(empty_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = run_guide("backtest_a_forecast.md")
    as_it_is, anew = answers_of(calls, "backtest")
    for table, folds in ((as_it_is, ["1", "2", "3"]), (anew, ["1", "2"])):
        told = table.partition("\n\n")[0].splitlines()
        assert [line.split()[0] for line in told] == ["fold", *folds, "mean", "spread"]
    assert quotations("backtest_a_forecast.md") == [line for line in as_it_is.splitlines() if line.startswith("By ")]
    listed = sorted(path.name for path in Path("runs/walk").iterdir())
    assert listed == ["backtest.json", "backtest.png", "fold-1", "fold-2", "plan.json"]
    assert float(capsys.readouterr().out.split()[0]) > 0


def test_the_guide_to_learning_rates_runs_as_it_stands(
    empty_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone, with_a_training = answers_of(run_guide("find_a_learning_rate.md"), "lr-find")
    rates = [line.split()[0] for line in alone.partition("\n\n")[0].splitlines()[1:]]
    page = (DOCS / "find_a_learning_rate.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (\S+e-?\+?\d+) \|", page, re.MULTILINE)[:5] == rates[:5]
    assert "fell fastest at" in alone
    assert Path("curve.png").is_file()
    assert alone.splitlines()[-1].startswith("next: athanor train --task language_modeling")
    (suggested,) = re.findall(r"^learning rate (\S+): ", with_a_training, re.MULTILINE)
    assert yaml.safe_load(Path("runs/notes/run.yaml").read_text())["learning_rate"] == float(suggested)
    assert "language_modeling: scores on" in with_a_training
    assert float(capsys.readouterr().out.split()[0]) > 0
    assert sorted(path.name for path in Path("runs").iterdir()) == ["notes"]


def test_the_guide_to_tuning_settings_runs_as_it_stands(empty_directory: Path) -> None:
    calls = run_guide("tune_settings.md")
    for table, trials in zip(answers_of(calls, "tune"), (3, 2), strict=True):
        assert table.splitlines()[0].startswith("trial")
        assert "0 (defaults)" in table
        assert f"of {trials}" in table or f"Of {trials} trials" in table
    listed = {path.name for path in Path("runs/letters-tuned").iterdir()}
    assert listed == {
        "best", "best.yaml", "report.html", "study.json", "trials", "repeats", "study.db", "plan.json",
    }  # fmt: skip


def test_the_guide_to_files_runs_as_it_stands(empty_directory: Path) -> None:
    calls = run_guide("bring_your_files.md")
    trained = [call.answer.stderr + call.answer.stdout for call in calls if call.words[0] == "train"]
    said = " ".join(" ".join(trained).split())
    for quoted in quotations("bring_your_files.md"):
        assert quoted in said
    assert json.loads(answers_of(calls, "predict")[-1])["label"] in ("Invoice", "Delivery")
    with (empty_directory / "answers.csv").open(newline="", encoding="utf-8") as file:
        answers = list(csv.DictReader(file))
    assert [answer["id"] for answer in answers] == [str(number) for number in range(400)]
    assert list(answers[0])[:4] == ["Ticket", "Subject", "Body", "Category"]
    assert {answer["label"] for answer in answers} <= {"Invoice", "Delivery"}
    assert (empty_directory / "answers.xlsx").stat().st_size > 0


def test_the_guide_to_comparing_runs_runs_as_it_stands(
    empty_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = run_guide("compare_runs.md")
    listed, sorted_, shown, screen, program, cleaned, deleted = answers_of(calls, "runs")
    assert [line.split()[0] for line in listed.splitlines()] == ["run", "short", "long"]
    assert sorted_.splitlines()[1].startswith("long ")
    assert "validation_split=0.4" in shown
    assert quotations("compare_runs.md") == [line for line in screen.splitlines() if line.startswith("By ")]
    assert "240 rows that both were scored on" in screen
    assert json.loads(program)["comparisons"][0]["outcomes"]["num_shared"] == 240
    assert "nothing to remove" in cleaned
    assert deleted.startswith("deleted 1 run, ")
    assert [path.name for path in Path("runs").iterdir()] == ["long"]
    assert "('long', 0." in capsys.readouterr().out


def test_the_guide_to_sharing_a_model_runs_as_it_stands(
    empty_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_guide("share_a_model.md")
    readme = capsys.readouterr().out
    headings = re.findall(r"^## (.*)$", readme, re.MULTILINE)
    page = (DOCS / "share_a_model.md").read_text(encoding="utf-8")
    assert headings == re.findall(r"^\| ([A-Z][\w ]+) \|", page, re.MULTILINE)


def test_the_guide_to_tuning_runs_as_it_stands(empty_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = run_guide("tune_a_model.md")
    assert len(answers_of(calls, "train")) == 6
    asked_of_merged, asked_of_kept = answers_of(calls, "predict")
    assert json.loads(asked_of_merged)["label"] in ("delivery", "payment")
    assert json.loads(asked_of_kept)["label"] in ("delivery", "payment")
    assert capsys.readouterr().out.count("torch.Size([1, 2])") == 2  # what plain transformers and peft answered
    rates = {name: run_file(name)["learning_rate"] for name in ("full", "part", "head", "lora", "kept")}
    assert rates == {"full": 3e-4, "part": 3e-5, "head": 1e-3, "lora": 5e-4, "kept": 5e-4}


@needs_git
def test_the_guide_to_building_data_sets_runs_as_it_stands(
    empty_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = run_guide("build_a_dataset.md")
    of_directories, of_fixes = answers_of(calls, "dataset")
    assert "48 rows: 24 safe, 24 critical" in of_directories
    assert "2 rows, 1 pair of them" in of_fixes
    assert quotations("build_a_dataset.md") == capsys.readouterr().out.splitlines()[-2:]


def run_file(name: str) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load(Path("runs", name, "run.yaml").read_text(encoding="utf-8"))
    return found


def test_the_guide_to_audits_runs_as_it_stands(empty_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = run_guide("audit_a_dataset.md")
    first, page, program = (call.answer for call in calls)
    for quoted in quotations("audit_a_dataset.md"):
        assert quoted in first.stdout
    assert "all.csv:16 = all.csv:404" in first.stdout
    assert "! shared groups" in first.stdout
    assert "shared groups" not in page.stderr
    assert (empty_directory / "audit.html").stat().st_size > 0
    (times,) = json.loads(program.stdout)["times"]
    assert times["older"] == 0
    assert "renamed clones: 6 of 42" in capsys.readouterr().out


def test_the_guide_to_scans_runs_as_it_stands(empty_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = run_guide("scan_a_tree.md")
    first, with_model, *_ = answers_of(calls, "scan")
    assert [line.split()[1:2] for line in first.splitlines() if line.startswith("shop/")] == [["high"], ["medium"]]
    assert "and the model of runs/security, calibrated" in " ".join(with_model.split())
    written = json.loads(Path("scan.json").read_text(encoding="utf-8"))
    documented = re.findall(
        r"`([a-z_]+)`", (DOCS / "scan_a_tree.md").read_text(encoding="utf-8").rpartition("| field |")[2]
    )
    assert {*written, *written["findings"][0]} <= {*documented}
    assert json.loads(Path("scan.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"
    assert "shop/orders.py:11 high B602 bandit" in capsys.readouterr().out


def test_the_start_runs_as_it_stands(empty_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls = run_guide("index.md")
    (shown,) = [call.answer.stdout for call in calls if call.words[:2] == ("runs", "show")]
    assert "security_classification" in shown
    assert json.loads(answers_of(calls, "predict")[0])["label"] == "parcel"
    assert float(capsys.readouterr().out) > 0.5  # what the training from Python is judged by


@pytest.mark.parametrize("name", TASKS)
def test_the_page_of_a_task_runs_as_it_stands(name: str, empty_directory: Path) -> None:
    calls = run_guide(f"tasks/{name}.md")
    assert [call.words[0] for call in calls] == ["train", "predict"]
    if name == "quantile_forecasting":
        assert (empty_directory / "forecast.csv").read_text().startswith("time,")
    else:
        answered = {"label", "scores"} if TASKS[name].metric_name == "macro_f1" else {"text"}
        assert answered <= {*json.loads(calls[1].answer.stdout)}


COMMANDS = sorted([*DOCS.glob("*_*.md"), *DOCS.glob("tasks/*.md")])


def test_the_page_on_many_devices_runs_as_it_stands(empty_directory: Path) -> None:
    launch, show = run_page_with_script("many_devices.md")
    assert "torch.distributed.run --standalone --nproc-per-node 2" in launch.answer.stderr.splitlines()[0]
    assert "macro F1" in launch.answer.stdout
    assert "finished" in show.answer.stdout


def run_page_with_script(name: str) -> list[Call]:
    """Run a page, of whose scripts for clusters the shell reads each line, and we the words of their commands."""
    page = (DOCS / name).read_text(encoding="utf-8")
    for script in [code for language, code in FENCE.findall(page) if language == "bash"]:
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
        (called,) = [line for line in script.splitlines() if "srun athanor " in line]
        words = [
            {"$SLURM_NNODES": "2", "$head:29400": "node0:29400"}.get(word, word)
            for word in shlex.split(called.removesuffix("&"))[2:-1]
        ]
        answer = athanor(*words, "train", "--config", "no.yaml")
        assert (answer.exit_code, "no.yaml does not exist" in answer.stderr) == (2, True), answer.stderr
    return run_guide(name)


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.stem)
def test_a_command_that_is_not_run_names_settings_that_exist(
    path: Path, empty_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`text` blocks are stopped before they begin: at what is not there, or at the hub, and at nothing else."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    blocks = [code for language, code in FENCE.findall(path.read_text(encoding="utf-8")) if language == "text"]
    for line in [line for code in blocks for line in code.replace("\\\n", " ").splitlines()]:
        answer = athanor(*shlex.split(line)[1:])
        absent = ("does not exist", "is no directory", "cannot be fetched from the hub", "nobody is logged in")
        is_absent = any(said in answer.stderr for said in absent)
        assert (answer.exit_code, is_absent) == (2, True), answer.stderr
