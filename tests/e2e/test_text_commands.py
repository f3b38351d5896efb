"""The commands on models that write: one small run of each task, asked in every way."""

import json
from pathlib import Path
from typing import Any

import pytest

from application.training_request import TrainModelRequest
from infrastructure.container import Container
from tests.support.command_line import Answer, athanor
from tests.support.small_library import small_library

pytestmark = pytest.mark.usefixtures("small_presets")
WORDS = ("red", "green", "blue", "grey", "pink", "gold", "black", "white")
PAIRS = [(f"{a} and {b}", f"{b} or {a}") for a in WORDS for b in WORDS]
CONFIGS = Path(__file__).resolve().parents[2] / "configs"
ESCAPE = "\x1b[31m"
TINY = ("--set", "max_steps=4", "--set", "max_new_tokens=8", "--batch-size", 4)
FIELDS = {
    "sequence_to_sequence": ("source", "target"),
    "code_generation": ("description", "code"),
    "instruction_tuning": ("prompt", "completion"),
}
PRESETS = {
    "language_modeling": ("--model", "decoder-tiny", "--max-length", 32, "--set", "tokenizer=char"),
    "code_generation": ("--model", "decoder-tiny", "--max-length", 48, "--set", "sample_rows=3"),
    "instruction_tuning": ("--model", "decoder-tiny", "--max-length", 64, "--set", "sample_rows=3"),
    "sequence_to_sequence": ("--model", "seq2seq-tiny", "--max-length", 32, "--set", "sample_rows=3"),
}
SCORES = {
    "language_modeling": {"loss", "perplexity", "bits_per_byte"},
    "code_generation": {"loss", "perplexity", "exact_match", "parses"},
    "instruction_tuning": {"loss", "perplexity", "exact_match"},
    "sequence_to_sequence": {"loss", "perplexity", "bleu", "chrf", "exact_match"},
}
TASKS = sorted(PRESETS)


def data_of(task: str, directory: Path) -> Path:
    if task not in FIELDS:
        path = directory / "text.txt"
        path.write_text("".join(f"{ESCAPE}{source},\n\t{target}.\n" for source, target in PAIRS))
        return path
    path = directory / f"{task}.jsonl"
    source, target = FIELDS[task]
    path.write_text("".join(json.dumps({source: f"{ESCAPE}{a}", target: b}) + "\n" for a, b in PAIRS))
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a model of each task; gives the directory of their runs, with what each training printed beside it."""
    tmp = tmp_path_factory.mktemp("writers")
    for task in TASKS:
        answer = athanor(
            "train", "--task", task, "--dataset", data_of(task, tmp), *PRESETS[task], *TINY, "--output", tmp / task
        )
        assert answer.exit_code == 0, answer.stderr
        (tmp / f"{task}.stdout").write_text(answer.stdout)
        (tmp / f"{task}.stderr").write_text(answer.stderr)
    return tmp


def response_of(answer: Answer) -> dict[str, Any]:
    assert answer.exit_code == 0, answer.stderr
    (line,) = answer.stdout.splitlines()
    parsed: dict[str, Any] = json.loads(line)
    return parsed


@pytest.mark.parametrize("task", TASKS)
def test_the_summary_speaks_of_the_task_and_fits_a_screen(task: str, runs: Path) -> None:
    summary = (runs / f"{task}.stdout").read_text()
    assert len(summary.splitlines()) <= 40
    for word in ("loss", "perplexity", "given", "written", "training_curves.png", "at step 4 in epoch 1"):
        assert word in summary
    for word in ("macro", "bag of words", "confusion"):
        assert word not in summary
    assert ("bits per byte" in summary) == (task == "language_modeling")
    assert ("parses" in summary) == (task == "code_generation")
    assert ("BLEU" in summary) == (task == "sequence_to_sequence")
    assert ("wanted" in summary) == (task != "language_modeling")


@pytest.mark.parametrize("task", TASKS)
def test_every_report_that_the_summary_names_is_there(task: str, runs: Path) -> None:
    (line,) = [line for line in (runs / f"{task}.stdout").read_text().splitlines() if line.startswith(" report")]
    first, *others = line.partition("report")[2].strip().split(", ")
    assert Path(first).is_file()
    assert others
    assert all((runs / task / name).is_file() for name in others)


@pytest.mark.parametrize("task", TASKS)
def test_samples_cannot_steer_the_terminal(task: str, runs: Path) -> None:
    summary = (runs / f"{task}.stdout").read_text()
    assert "\x1b" not in summary
    assert "\\x1b[31m" in summary


@pytest.mark.parametrize("task", TASKS)
def test_an_evaluation_while_training_tells_loss_and_perplexity(task: str, runs: Path) -> None:
    lines = (runs / f"{task}.stderr").read_text().splitlines()
    (told,) = [line for line in lines if "  epoch 1, step 4: " in line]
    assert "  perplexity " in told
    assert any("tokens/s" in line for line in lines)
    assert any("blocks to learn" in line for line in lines) == (task == "language_modeling")


@pytest.mark.parametrize("task", TASKS)
def test_training_from_its_run_file_repeats_the_model_to_the_byte(task: str, runs: Path, tmp_path: Path) -> None:
    answer = athanor("train", "--config", runs / task / "run.yaml", "--output", tmp_path / "again", "--json")
    response = response_of(answer)
    kept = json.loads((runs / task / "summary.json").read_text())
    assert response["samples"] == kept["samples"]
    assert len(response["samples"]) == (1 if task == "language_modeling" else 3)
    keys = {"prompt", "output"} if task == "language_modeling" else {"prompt", "output", "wanted"}
    assert all(set(sample) == keys for sample in response["samples"])
    weights = "model/model.safetensors"
    assert (tmp_path / "again" / weights).read_bytes() == (runs / task / weights).read_bytes()


@pytest.mark.parametrize("task", TASKS)
def test_evaluate_gives_metrics_and_a_number_of_rows(task: str, runs: Path) -> None:
    path = data_of(task, runs)
    result = response_of(athanor("evaluate", runs / task, "--dataset", path, "--json"))
    assert set(result) == {"metrics", "num_rows", "intervals", "warnings"}
    assert set(result["metrics"]) == SCORES[task]
    letters = len(path.read_text())
    assert result["num_rows"] == (-(-(letters - 1) // 32) if task == "language_modeling" else len(PAIRS))


def test_evaluate_shows_shares_in_percent_and_calls_blocks_blocks(runs: Path) -> None:
    pairs = athanor("evaluate", runs / "sequence_to_sequence", "--dataset", data_of("sequence_to_sequence", runs))
    assert pairs.stdout.startswith("64 rows\n")
    (line,) = [line for line in pairs.stdout.splitlines() if "exact match" in line]
    assert line.endswith("% (0-6%)")
    text = athanor("evaluate", runs / "language_modeling", "--dataset", data_of("language_modeling", runs))
    assert text.stdout.split("\n")[0].endswith(" blocks")


@pytest.mark.parametrize("task", TASKS)
def test_predict_answers_each_line_of_standard_input_with_a_text(task: str, runs: Path) -> None:
    field = FIELDS.get(task, ("prompt",))[0]
    stdin = f"red and green\n{json.dumps({field: 'blue and grey'})}\n".encode()
    answer = athanor("predict", runs / task, "--input", "-", "--max-new-tokens", 4, stdin=stdin)
    assert answer.exit_code == 0, answer.stderr
    assert [set(json.loads(line)) for line in answer.stdout.splitlines()] == [{"row", "text"}] * 2


def test_a_streamed_text_is_the_text_that_is_answered_otherwise(runs: Path) -> None:
    def ask(*words: object) -> str:
        run, drawing = runs / "language_modeling", ("--temperature", 1.5, "--seed", 3)
        return athanor("predict", run, "--input", "-", *drawing, *words, stdin=b"red and ").stdout

    text = json.loads(ask("--max-new-tokens", 12))["text"]
    assert 0 < len(text) <= 12
    assert ask("--max-new-tokens", 12, "--stream") == f"{text}\n"


@pytest.mark.parametrize("task", TASKS)
def test_a_quick_run_needs_no_data_but_the_standard_library(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_library(tmp_path, monkeypatch)
    preset = PRESETS[task][:2]
    samples = ("--set", "sample_rows=2") if task in FIELDS else ()
    short = ("--max-length", 64, *samples, "--set", "max_new_tokens=8")
    response = response_of(
        athanor("train", "--task", task, "--quick", *preset, *short, "--output", tmp_path / "run", "--json")
    )
    assert response["success"]
    assert response["samples"]
    shown = athanor("runs", "show", tmp_path / "run", "--json")
    assert json.loads(shown.stdout)["task"] == task


@pytest.mark.parametrize("task", TASKS)
def test_the_commented_run_file_of_a_task_says_its_defaults(task: str) -> None:
    request = Container().runs().read_request(str(CONFIGS / f"{task}.yaml"))
    assert request.resolved().model_dump() == TrainModelRequest(task=task).resolved().model_dump()
