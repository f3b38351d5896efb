"""`athanor lr-find`: what it prints, the training behind it, and how it refuses."""

import errno
import json
import shlex
import signal
from pathlib import Path

import pytest
import yaml

import athanor as library
from infrastructure.files import sha256_of
from infrastructure.reports import rate_curve
from tests.support import forked, tiny
from tests.support.command_line import Answer, athanor
from tests.support.refusals import assert_refused, everything_in

pytestmark = pytest.mark.usefixtures("small_presets")
SWEEP = ("--from", "1e-5", "--to", "1", "--steps", 30)
DIRECTORY = "runs"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand beside rows."""
    tiny.file_of_rows(tmp_path / "rows.json", 96)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words(**changes: str) -> list[object]:
    known = {"--task": "text_classification", "--dataset": "rows.json", "--model": "encoder-tiny", "--batch-size": "16"}
    known |= {"--max-length": "24", "--precision": "fp32", **{f"--{name}": value for name, value in changes.items()}}
    settings = ("vocab_size=400", "max_steps=6", "linear_start=false")
    return [*(part for pair in known.items() for part in pair), *(part for one in settings for part in ("--set", one))]


def found(*more: object, **changes: str) -> Answer:
    return athanor("lr-find", *words(**changes), *SWEEP, *more)


def test_it_prints_a_table_a_rate_with_its_reason_and_the_call_of_a_training(place: Path) -> None:
    before = everything_in(place)
    answer = found("--learning-rate", "0.5", "--set", "learning_rate=0.4")
    assert answer.exit_code == 0, answer.stderr
    assert everything_in(place) == before
    lines = answer.stdout.splitlines()
    assert lines[0].split() == ["learning", "rate", "loss", "smoothed"]
    assert any("suggested" in line for line in lines[1:13])
    assert "warning: learning_rate 0.4 is set aside" in answer.stderr
    (told,) = [line for line in lines if line.startswith("learning rate ") and ": " in line]
    rate = float(told.removeprefix("learning rate ").partition(":")[0])
    assert told.endswith(".")
    assert lines[-1].startswith("next: athanor train ")
    call = shlex.split(lines[-1].removeprefix("next: "))
    assert call == ["athanor", "train", *map(str, words()), "--learning-rate", f"{rate:g}"]
    assert athanor(*call[1:], "--dry-run").exit_code == 0


def test_the_same_command_prints_the_same_numbers(place: Path) -> None:
    first, second = found("--json"), found("--json")
    assert first.stdout == second.stdout
    told = json.loads(first.stdout)
    assert told["success"]
    assert told["training"] is None
    assert told["rates"][0] == 1e-5


def test_the_library_finds_what_the_command_finds(place: Path) -> None:
    told = json.loads(found("--json").stdout)
    response = library.find_learning_rate(
        "text_classification", "rows.json", model_name="encoder-tiny", batch_size=16, max_length=24, precision="fp32",
        vocab_size=400, max_steps=6, linear_start=False, start=1e-5, end=1.0, steps=30,
    )  # fmt: skip
    assert json.loads(response.model_dump_json()) == told


def test_a_training_behind_it_ends_with_the_bytes_of_one_without_a_sweep(place: Path) -> None:
    answer = found("--apply", "--output", f"{DIRECTORY}/a", "--json")
    assert answer.exit_code == 0, answer.stderr
    told = json.loads(answer.stdout)
    rate = told["learning_rate"]
    assert told["training"]["success"]
    assert f"learning rate {rate:g}: {told['reason']}" in answer.stderr
    alone = athanor("train", *words(), "--set", f"learning_rate={rate}", "--output", f"{DIRECTORY}/b")
    assert alone.exit_code == 0, alone.stderr
    one, other = place / DIRECTORY / "a", place / DIRECTORY / "b"
    assert sha256_of(one / "model/model.safetensors") == sha256_of(other / "model/model.safetensors")
    assert {path.relative_to(one) for path in one.rglob("*")} == {path.relative_to(other) for path in other.rglob("*")}
    asked = [yaml.safe_load((run / "run.yaml").read_text()) for run in (one, other)]
    assert [run.pop("output_dir") for run in asked] == [f"{DIRECTORY}/a", f"{DIRECTORY}/b"]
    assert asked[0] == asked[1]
    assert asked[0]["learning_rate"] == rate


def test_a_training_behind_it_is_told_below_the_sweep(place: Path) -> None:
    answer = found("--apply", "--output", f"{DIRECTORY}/a")
    assert answer.exit_code == 0, answer.stderr
    assert "next:" not in answer.stdout
    assert answer.stdout.index("fell fastest at") < answer.stdout.index("text_classification: scores on")


@pytest.mark.usefixtures("pictures_drawn")
def test_a_picture_is_all_that_is_written(place: Path) -> None:
    before = everything_in(place)
    answer = found("--picture", "new/curve.PNG")
    assert answer.exit_code == 0, answer.stderr
    assert "picture new/curve.PNG" in answer.stdout
    assert set(everything_in(place)) - set(before) == {"new", "new/curve.PNG"}
    assert (place / "new/curve.PNG").read_bytes().startswith(b"\x89PNG")


def test_a_sweep_that_finds_nothing_ends_with_1_and_says_what_to_do(place: Path) -> None:
    answer = athanor("lr-find", *words(), "--from", "1e-9", "--to", "1e-8", "--steps", 20, "--picture", "none.png")
    assert answer.exit_code == 1
    (error,) = [line for line in answer.stderr.splitlines() if line.startswith("error: ")]
    assert error.startswith("error: no learning rate is suggested: ")
    assert "next:" not in answer.stdout
    assert (place / "none.png").is_file()


def test_a_narrow_terminal_keeps_rates_and_smoothed_losses(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    table = found().stdout.partition("\n\n")[0].splitlines()
    assert table[0].split() == ["learning", "rate", "smoothed"]
    assert max(map(len, table)) <= 30


def test_a_full_disk_costs_the_picture_and_not_the_answer(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(figure: object, path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(rate_curve, "save", full)
    before = everything_in(place)
    answer = found("--picture", "a.png", "--json")
    assert answer.exit_code == 1
    assert "--picture a.png cannot be written: No space left on device. Make room" in answer.stderr
    assert json.loads(answer.stdout)["learning_rate"] is not None
    assert everything_in(place) == before


def test_an_interrupted_sweep_ends_in_a_sentence_and_leaves_nothing(
    place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = everything_in(place)
    process = forked.start(
        ["lr-find", *words(dataset=str(place / "rows.json")), "--steps", 10_000, "--to", "1e-6", "--from", "1e-7",
         "--picture", place / "a.png", "--apply", "--output", place / "run"],
        tmp_path_factory.mktemp("answers"),
    )  # fmt: skip
    process.wait_to_say("trying learning rates")
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    assert process.stderr.splitlines()[-1] == "error: SIGINT: interrupted before anything was saved."
    assert everything_in(place) == before


BAD: dict[str, tuple[tuple[object, ...], str]] = {
    "a range upside down": (("--from", "1", "--to", "1e-4"), "--from is 1 and --to is 0.0001, but a sweep rises"),
    "a range of nothing": (("--from", "1e-3", "--to", "1e-3"), "a sweep rises. Give a --from that is below --to"),
    "a rate of zero": (("--from", "0"), "--from is 0.0, but must be above 0 and at most 10"),
    "a rate below zero": (("--to", "-1"), "--to is -1.0"),
    "a rate that no training takes": (("--to", "100"), "--to is 100.0, but must be above 0 and at most 10"),
    "a rate that is no number": (("--from", "low"), "'low' is not a valid float"),
    "a rate that is NaN": (("--from", "nan"), "--from is nan"),
    "no steps": (("--steps", "0"), "--steps is 0, but must be a whole number of at least 20"),
    "too few steps": (("--steps", "19"), "--steps is 19"),
    "half a step": (("--steps", "20.5"), "'20.5' is not a valid integer"),
    "endless steps": (("--steps", "1000000"), "at most 10,000"),
    "several at once": (("--steps", "1", "--to", "11", "--set", "epochs=0"), "num_epochs is 0"),
    "an ending that is no picture": (("--picture", "a.jpg"), "--picture a.jpg must end in .png"),
    "no ending": (("--picture", "a"), "--picture a must end in .png"),
    "a picture that is a directory": (("--picture", "folder"), "--picture folder is no file"),
    "a picture without a name": (("--picture", ""), "--picture is empty"),
    "a picture below a file": (("--picture", "rows.json/a.png"), "cannot be written there"),
    "a picture among devices": (("--picture", "/dev/a.png"), "is no file"),
    "a run without a training": (("--output", "run"), "--output is for a training. Add --apply"),
    "a picture in the run": (("--apply", "--output", "run", "--picture", "run/a.png"), "lies in the run directory run"),
    "a run that is there": (("--apply", "--output", "taken"), "taken"),
    "rows that can be read once": (("--apply", "--dataset", "-"), "standard input can be read once"),
    "a misspelt option": (("--form", "1e-3"), "No such option"),
    "a misspelt setting": (("--set", "optimiser=sgd"), "'optimiser' is not known"),
    "an unknown optimizer": (("--set", "optimizer=lion"), "optimizer 'lion' is not known"),
    "an unknown metric": (("--set", "metric_name=macrof1"), "metric_name 'macrof1' is not known"),
    "no data": (("--dataset", "empty.json"), "empty.json"),
    "no such data": (("--dataset", "none.json"), "none.json"),
    "no such run file": (("--config", "none.yaml"), "none.yaml does not exist"),
    "a device that is not there": (("--set", "device=cuda:9"), "cuda:9"),
    "a least rate above what is found": (
        ("--apply", "--output", "run", "--set", "eta_min=9"),
        "eta_min is 9",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_makes_no_sense_ends_in_a_sentence_and_leaves_nothing(name: str, place: Path) -> None:
    (place / "folder").mkdir()
    (place / "empty.json").write_text("")
    (place / "taken").mkdir()
    (place / "taken/run.yaml").write_text("task: text_classification\n")
    more, said = BAD[name]
    before = everything_in(place)
    if name == "a least rate above what is found":  # known behind the sweep alone
        answer = found(*more)
        assert answer.exit_code == 2
        assert said in answer.stderr
    else:
        assert_refused(athanor("lr-find", *words(), *more), said)
    assert everything_in(place) == before


def test_all_faults_are_told_together(place: Path) -> None:
    answer = athanor("lr-find", *words(), "--steps", 1, "--to", 11, "--picture", "a.gif", "--set", "epochs=0")
    assert_refused(answer, "--steps is 1", "--to is 11", "--picture a.gif", "num_epochs is 0")


def test_one_process_of_several_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(variable, value)
    assert_refused(athanor("lr-find", *words()), "is the work of one process, but torchrun started 2")
