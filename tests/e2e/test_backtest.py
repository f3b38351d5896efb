"""Walking forward through a table: `athanor backtest` of a finished run and of a run file."""

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import athanor
from application.training_request import TrainModelRequest
from application.use_cases.backtest import BacktestRequest
from domain.backtest import Backtest
from domain.events import Event
from infrastructure.backtest import files
from infrastructure.container import Container
from infrastructure.files import sha256_of
from tests.support import tiny_panels, tiny_series
from tests.support.command_line import athanor as called
from tests.support.refusals import assert_refused, everything_in

FORECAST, DIRECTION = tiny_series.SERIES_TASKS
ROWS, VALIDATION, TEST = sum(tiny_series.PARTS), *tiny_series.PARTS[1:]
SETTINGS: dict[str, Any] = {
    "model_name": "forecaster-tiny", "precision": "fp32", "context_length": tiny_series.CONTEXT, "patch_length": 8,
    "split": list(tiny_series.PARTS), "max_steps": 4, "save_steps": 2, "eval_steps": 2, "warmup_steps": 0,
    "batch_size": 16,
}  # fmt: skip
# One target is drawn in half the time of two.
OF_TASK: dict[str, dict[str, Any]] = {FORECAST: {"target_columns": ["close"]}, DIRECTION: {}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a table, a run file of each task, a finished run of each, and a run of text that never began."""
    tmp = tmp_path_factory.mktemp("backtests")
    tiny_series.table_file(tmp / "bars.csv", tiny_series.bars())
    for task in (FORECAST, DIRECTION):
        config(tmp / f"{task}.yaml", task, tmp / "bars.csv")
        answer = called("train", "--config", tmp / f"{task}.yaml", "--output", tmp / task)
        assert answer.exit_code == 0, answer.stderr
    config(tmp / "stdin.yaml", FORECAST, Path("-"))
    (tmp / "text").mkdir()
    (tmp / "text/run.yaml").write_text("task: text_classification\ndataset_path: rows.csv\n")
    return tmp


@pytest.fixture(scope="module")
def walked(place: Path) -> dict[str, Any]:
    """Train before each of two folds; gives what is printed for programs."""
    answer = called(
        "backtest", "--config", place / f"{FORECAST}.yaml", "--folds", 2, "--output", place / "walked", "--json"
    )
    assert answer.exit_code == 0, answer.stderr
    told: dict[str, Any] = json.loads(answer.stdout)
    return told


def config(path: Path, task: str, table: Path, **changes: Any) -> Path:
    known = {"task": task, "dataset_path": str(table), **SETTINGS, **tiny_series.SETTINGS[task], **OF_TASK[task]}
    known |= changes
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in known.items()}
    path.write_text(yaml.safe_dump(plain))
    return path


def weights(run: Path) -> str:
    return sha256_of(run / "model/model.safetensors")


def test_folds_follow_each_other_and_nothing_of_them_is_learnt_before(place: Path, walked: dict[str, Any]) -> None:
    folds = walked["folds"]
    assert [(each["fold"]["start"], each["fold"]["end"]) for each in folds] == [(240, 270), (270, 300)]
    assert all(each["num_windows"] == 30 - 5 for each in folds)  # six rows ahead
    for each in folds:
        card = json.loads((Path(each["run_dir"]) / "model/athanor.json").read_text())
        assert card["data"]["train"]["last_row"] + 6 < each["fold"]["start"] - VALIDATION
        assert card["data"]["evaluation"]["last_row"] + 6 < each["fold"]["start"]
        assert each["metrics"]["mae"] == card["test_metrics"]["mae"]


def test_the_result_is_kept_with_mean_and_spread_and_a_picture(place: Path, walked: dict[str, Any]) -> None:
    assert json.loads((place / "walked/backtest.json").read_text()) == walked
    assert Path(walked["picture"]) == place / "walked/backtest.png"
    assert Path(walked["picture"]).is_file()
    errors = [each["metrics"]["mae"] for each in walked["folds"]]
    assert walked["mean"]["mae"] == pytest.approx(np.mean(errors))
    assert walked["spread"]["mae"] == pytest.approx(np.std(errors, ddof=1))
    assert (walked["refit"], walked["metric"], walked["errors"]) == (True, "mae", [])


def test_one_fold_is_the_test_part_of_a_training(place: Path) -> None:
    summary = json.loads((place / FORECAST / "summary.json").read_text())
    answers = {
        words: called("backtest", place / FORECAST, "--folds", 1, "--output", place / f"one{words}", words, "--json")
        for words in ("--refit", "--no-refit")
    }
    for answer in answers.values():
        assert answer.exit_code == 0, answer.stderr
        (fold,) = json.loads(answer.stdout)["folds"]
        assert fold["num_windows"] == summary["test_metrics"]["num_windows"]
        assert fold["metrics"]["mae"] == pytest.approx(summary["test_metrics"]["mae"], rel=1e-6)
        assert fold["metrics"]["picp_80"] == pytest.approx(summary["test_metrics"]["picp_80"])
        assert fold["rivals"]["repeat last"] == pytest.approx(summary["test_metrics"]["repeat_last_mae"])
    assert weights(place / "one--refit/fold-1") == weights(place / FORECAST)


def test_what_comes_after_a_fold_changes_nothing_of_it(place: Path, walked: dict[str, Any], tmp_path: Path) -> None:
    changed = tiny_series.bars()
    changed[270:] *= np.random.default_rng(3).uniform(2, 9, (30, 1))
    table = tiny_series.table_file(tmp_path / "bars.csv", changed)
    run_file = config(tmp_path / "c.yaml", FORECAST, table)
    answer = called("backtest", "--config", run_file, "--folds", 2, "--output", tmp_path / "b", "--json")
    first, second = json.loads(answer.stdout)["folds"]
    before = walked["folds"]
    assert (first["metrics"], first["intervals"]) == (before[0]["metrics"], before[0]["intervals"])
    assert second["metrics"]["mae"] != before[1]["metrics"]["mae"]
    for fold in ("fold-1", "fold-2"):
        assert weights(tmp_path / "b" / fold) == weights(place / "walked" / fold)


def test_many_series_are_cut_at_the_same_times(tmp_path: Path) -> None:
    asked = tiny_panels.request(tmp_path, output_dir=str(tmp_path / "run"), max_steps=2, eval_steps=1, warmup_steps=0)
    response = Container().train_model().execute(asked)
    assert response.success, response.errors
    run = tmp_path / "run"
    whole = athanor.backtest(run, folds=1, output_dir=tmp_path / "whole")
    assert whole.folds[0].num_windows == response.test_metrics["num_windows"]
    assert whole.folds[0].metrics["mae"] == pytest.approx(response.test_metrics["mae"], rel=1e-5)
    later = tiny_panels.VALIDATION + 10
    changed = tiny_panels.changed(tiny_panels.rows(), later, sales=lambda row: 7 * row["sales"] + 3)
    table = tiny_panels.written(tmp_path / "changed.csv", changed)
    one, other = (
        athanor.backtest(training=asked.changed(**changes), folds=2, output_dir=tmp_path / name)
        for name, changes in (("one", {}), ("other", {"dataset_path": str(table)}))
    )
    assert [each.fold.first for each in one.folds] == [f"{tiny_panels.day(day)}" for day in (100, later)]
    assert one.folds[0].metrics == other.folds[0].metrics
    assert one.folds[1].metrics != other.folds[1].metrics
    for name in ("fold-1", "fold-2"):
        assert weights(tmp_path / "one" / name) == weights(tmp_path / "other" / name)


def test_directions_are_told_beside_those_who_know_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # a table is whole where no terminal bounds it
    words = ("backtest", place / DIRECTION, "--folds", 3, "--output", place / "directions")
    lines = called(*words).stdout.splitlines()
    told = json.loads((place / "directions/backtest.json").read_text())
    assert lines[0].split()[:6] == ["fold", "from", "to", "windows", "accuracy", "macro"]
    assert [line.split()[0] for line in lines[1:6]] == ["1", "2", "3", "mean", "spread"]
    assert set(told["folds"][0]["rivals"]) == {"majority", "random walk", "persistence"}
    assert told["folds"][0]["run_dir"] is None
    assert all(
        str(round(each["metrics"]["accuracy"], 4)) in line for each, line in zip(told["folds"], lines[1:], strict=False)
    )


def test_a_narrow_terminal_loses_columns_and_no_fold(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    answer = called("backtest", place / FORECAST, "--folds", 3, "--output", place / "narrow")
    table = answer.stdout.partition("\n\n")[0].splitlines()
    assert max(map(len, table)) <= 40
    assert [word for line in table for word in line.split()[:1] if word in ("1", "2", "3", "mean")] == [
        "1",
        "2",
        "3",
        "mean",
    ]
    assert "\x1b" not in answer.stdout + answer.stderr


class StopAt:
    """Watches a training and asks it to stop behind a step."""

    def __init__(self, step: int) -> None:
        self._step = step
        self._reason = ""

    def notify(self, event: Event) -> None:
        if getattr(event, "step", -1) >= self._step:
            self._reason = "SIGINT"

    def stop_requested(self) -> str:
        return self._reason


def backtested(run_file: Path, output: Path, steps: tuple[int, ...] = ()) -> Backtest:
    """Backtest a run file, whose trainings are stopped at these steps, one after the other."""
    stops = iter([0, *steps])  # the first is to watch the table being read

    @contextmanager
    def watching(doing: str) -> Iterator[StopAt]:
        yield StopAt(next(stops, 1_000))

    training = TrainModelRequest(**yaml.safe_load(run_file.read_text()))
    asked = BacktestRequest(training=training, folds=2, output_dir=str(output))
    return Container().backtest().execute(asked, watching)


def test_a_stopped_backtest_goes_on_where_it_stopped(place: Path, walked: dict[str, Any], tmp_path: Path) -> None:
    run_file, output = place / f"{FORECAST}.yaml", tmp_path / "b"
    first = backtested(run_file, output, (1,))
    assert (first.exit_code, len(first.folds), first.picture) == (130, 0, None)
    assert first.errors == ("fold 1 of 2: stopped (SIGINT) after saving; the same command goes on.",)
    second = backtested(run_file, output, (4,))  # the last step of the first: it is finished, and the next not begun
    assert (second.exit_code, len(second.folds)) == (130, 0)
    assert not (output / "fold-2").exists()
    kept = everything_in(output / "fold-1")
    stamp = (output / "fold-1/summary.json").stat().st_mtime_ns
    last = backtested(run_file, output)
    assert last.exit_code == 0
    assert everything_in(output / "fold-1") == kept
    assert (output / "fold-1/summary.json").stat().st_mtime_ns == stamp
    assert [dict(each.metrics) for each in last.folds] == [each["metrics"] for each in walked["folds"]]


def test_a_full_disk_is_told_and_the_same_command_goes_on(
    place: Path, walked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(place / "walked", tmp_path / "b")
    (tmp_path / "b/backtest.json").unlink()
    words = ("backtest", "--config", place / f"{FORECAST}.yaml", "--folds", 2, "--output", tmp_path / "b", "--json")

    def full(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_whole", full)
        assert_refused(called(*words), f"{tmp_path / 'b'} cannot be written: No space left on device. Make room")
    assert not (tmp_path / "b/backtest.json").exists()
    answer = called(*words)
    assert answer.exit_code == 0
    assert "step 4/4" not in answer.stderr  # nothing was trained again
    assert json.loads(answer.stdout)["mean"] == walked["mean"]


BAD = {
    "neither": ((), "Name either a RUN or --config FILE."),
    "both": (("{run}", "--config", "{config}"), "Name either a RUN or --config FILE."),
    "no run": (("{place}/nothing",), "nothing holds no run"),
    "a run of text": (("{place}/text",), "rows of task text_classification have none. Use `athanor evaluate`"),
    "no such run file": (("--config", "{place}/none.yaml"), "none.yaml does not exist"),
    "standard input": (("--config", "{stdin}"), "standard input can be read once. Name a file"),
    "no model to keep": (("--config", "{config}", "--no-refit"), "--config names none. Name a RUN instead."),
    "no folds": (("{run}", "--folds", 0), "folds is 0, but must lie between 1 and 1,000"),
    "folds below 0": (("{run}", "--folds", -2), "folds is -2"),
    "endless folds": (("{run}", "--folds", 10**9), "must lie between 1 and 1,000"),
    "half a fold": (("{run}", "--folds", 2.5), "'2.5' is not a valid integer"),
    "rows below 1": (("{run}", "--fold-rows", 0), "fold_rows is 0, but must be at least 1"),
    "shorter than a forecast": (("{run}", "--fold-rows", 5), "Use --fold-rows 6 or more"),
    "rows that were learnt": (("{run}", "--folds", 11), "chosen on rows up to 240. Ask for fewer"),
    "nothing left to learn": (("{run}", "--refit", "--folds", 40), "leave 0 of the 300 rows of bars.csv to learn from"),
    "longer than the table": (("{run}", "--refit", "--fold-rows", 999), "leave 0 of the 300 rows"),
    "a file as output": (("{run}", "--output", "{config}"), "is a file. Name a directory that does not exist yet."),
    "a full directory": (("{run}", "--output", "{place}"), "holds something else than a backtest"),
    "below a file": (("{run}", "--output", "{config}/b"), "cannot be written: Not a directory"),
    "a finished one": (("--config", "{config}", "--folds", 2, "--output", "{walked}"), "holds a finished backtest"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_tried_is_refused_in_a_sentence(name: str, place: Path, walked: dict[str, Any]) -> None:
    words, said = BAD[name]
    names = {
        "place": place, "run": place / FORECAST, "config": place / f"{FORECAST}.yaml", "walked": place / "walked",
        "stdin": place / "stdin.yaml",
    }  # fmt: skip
    before = everything_in(place)
    given = [str(word).format(**names) for word in words]
    if "--output" not in given:
        given += ["--output", str(place / "refused/deep")]
    assert_refused(called("backtest", *given), said)
    assert everything_in(place) == before


def test_a_place_of_another_backtest_is_refused_and_says_what_differs(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "walked", tmp_path / "b", ignore=shutil.ignore_patterns("backtest.json"))
    words = ("backtest", "--config", place / f"{FORECAST}.yaml", "--output", tmp_path / "b")
    assert_refused(called(*words, "--folds", 3), "differs from this one in: folds. Ask as before")
    (tmp_path / "b/plan.json").write_text("[")
    assert_refused(called(*words, "--folds", 2), "plan.json is damaged")


def test_a_training_that_cannot_begin_leaves_nothing(place: Path, tmp_path: Path) -> None:
    values = tiny_series.bars()
    values[:210, 3] = 50.0  # what is forecast never changes before the first fold
    table = tiny_series.table_file(tmp_path / "flat.csv", values)
    run_file = config(tmp_path / "c.yaml", FORECAST, table, target_columns=["close"], split=[200, 30, 70])
    before = everything_in(tmp_path)
    answer = called("backtest", "--config", run_file, "--folds", 4, "--output", tmp_path / "b")
    assert_refused(answer, "fold 1 of 4: flat.csv: close is constant")
    assert everything_in(tmp_path) == before


def test_an_unfinished_run_and_a_table_that_changed_are_refused(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / FORECAST, tmp_path / "run")
    table = tiny_series.table_file(tmp_path / "bars.csv", tiny_series.bars(seed=1))
    run_file = tmp_path / "run/run.yaml"
    run_file.write_text(run_file.read_text().replace(str(place / "bars.csv"), str(table)))
    answer = called("backtest", tmp_path / "run", "--folds", 2)
    assert_refused(answer, f"bars.csv is not what {tmp_path / 'run'} was trained on", "Use --refit")
    assert not (tmp_path / "run-backtest").exists()
    (tmp_path / "run/summary.json").unlink()
    answer = called("backtest", tmp_path / "run", "--folds", 2)
    assert_refused(answer, "is interrupted, not finished. Use `athanor resume")
