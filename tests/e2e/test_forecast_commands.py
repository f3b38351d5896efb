"""The commands on tables with a clock: one small run of each task, asked in every way."""

import csv
import gc
import gzip
import io
import json
import math
import os
import random
import resource
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import openpyxl
import pyarrow.parquet
import pytest

from presentation.cli.__main__ import main
from tests.support.command_line import Answer, athanor

ROWS, QUANTILES, HORIZONS = 240, ("q0.1", "q0.5", "q0.9"), (1, 2, 8)
START, HOUR = datetime(2024, 1, 1), timedelta(hours=1)
FORECAST, DIRECTION = "quantile_forecasting", "market_direction"
SETTINGS = {
    FORECAST: ("context_length=24", "horizons=[1,2,8]", "quantiles=[0.1,0.5,0.9]"),
    DIRECTION: ("context_length=24", "horizons=[2]", "price_column=price"),
}


def written(path: Path, zone: str = "", clock: bool = True) -> Path:
    """Write a table of a day's rhythm and a random walk."""
    draw = random.Random(5)
    price = 100.0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*(["hour, as told"] if clock else []), "load", "price"])
        for row in range(ROWS):
            price *= math.exp(draw.gauss(0, 0.01))
            load = 1e6 + 50 * math.sin(row / 24 * math.tau) + draw.gauss(0, 5)
            stamp = [f"{START + row * HOUR}{zone}"] if clock else []
            writer.writerow([*stamp, f"{load:.4f}", f"{price:.4f}"])
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a model of each task; gives the directory of their runs, with what each training printed beside it."""
    tmp = tmp_path_factory.mktemp("forecasts")
    table = written(tmp / "table.csv")
    for task, settings in SETTINGS.items():
        answer = athanor(
            "train", "--task", task, "--dataset", table, "--model", "forecaster-tiny", "--batch-size", 16,
            "--set", "max_steps=4", *(word for setting in settings for word in ("--set", setting)),
            "--output", tmp / task,
        )  # fmt: skip
        assert answer.exit_code == 0, answer.stderr
        (tmp / f"{task}.stdout").write_text(answer.stdout)
        (tmp / f"{task}.stderr").write_text(answer.stderr)
    return tmp


def kept(runs: Path, task: str) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((runs / task / "summary.json").read_text())
    return summary


def table_in(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def refused(runs: Path, output: Path, *words: object) -> Answer:
    answer = athanor("predict", runs / FORECAST, "--input", runs / "table.csv", "--output", output, *words)
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith("error: ")
    assert len(answer.stderr.splitlines()) == 1
    return answer


@pytest.mark.parametrize("task", SETTINGS)
def test_the_summary_tells_the_test_part_beside_rivals_and_fits_a_screen(task: str, runs: Path) -> None:
    lines = (runs / f"{task}.stdout").read_text().splitlines()
    assert len(lines) <= 40
    assert max(len(line) for line in lines if str(runs) not in line) <= 100
    scores = kept(runs, task)["test_metrics"]
    support = sum(scores["support"] for scores in scores.get("per_class", {}).values())
    assert lines[0] == f"{task}: scores on {scores.get('num_windows', support)} windows of the test part"
    text = "\n".join(lines)
    assert "windows/s" in text
    assert "tokens" not in text
    of_scores = [line for line in text.partition(" warning:")[0].splitlines() if not line.startswith(" season ")]
    assert not any("rows" in line for line in of_scores)


def test_the_summary_of_a_forecast_shows_repeat_last_and_both_coverages(runs: Path) -> None:
    summary = (runs / f"{FORECAST}.stdout").read_text()
    metrics = kept(runs, FORECAST)["test_metrics"]
    heads, ours, theirs = summary.splitlines()[1:4]
    assert heads.split() == ["pinball", "loss", "CRPS", "MSE", "MAE", "PICP", "80"]
    names = ("loss", "crps", "mse", "mae")
    assert ours.split() == ["this", "model", *(f"{metrics[name]:.4f}" for name in names), f"{metrics['picp_80']:.1%}"]
    beside = {name: f"{metrics[f'repeat_last_{name}']:.4f}" for name in ("loss", "mse", "mae")}
    assert theirs.split() == ["repeat", "last", *(beside.get(name, "-") for name in names), "-"]
    assert f"{metrics['uncalibrated_picp_80']:.1%} before calibration" in summary
    assert "standardised" in summary


def test_bands_follow_what_comes_after_the_training_too(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.csv")
    lines = whole.read_text().splitlines(keepends=True)
    first = tmp_path / "first.csv"
    first.write_text("".join(lines[:-40]))
    answer = athanor(
        "train", "--task", FORECAST, "--dataset", first, "--model", "forecaster-tiny", "--set", "max_steps=2",
        *(word for setting in (*SETTINGS[FORECAST], "calibration=adaptive") for word in ("--set", setting)),
        "--output", tmp_path / "run",
    )  # fmt: skip
    assert answer.exit_code == 0, answer.stderr
    assert "follows what comes" in answer.stdout
    card = json.loads((tmp_path / "run/model/athanor.json").read_text())["series"]["calibration"]
    assert card["drift"]["until"] is not None
    again = athanor("predict", tmp_path / "run", "--input", first)
    assert "follows" not in again.stderr, "nothing has come since"
    later = athanor("predict", tmp_path / "run", "--input", whole)
    assert "behind 40 newer windows" in later.stderr


def test_the_summary_of_a_direction_shows_rivals_and_the_verdicts_of_the_report(runs: Path) -> None:
    summary = (runs / f"{DIRECTION}.stdout").read_text()
    for word in ("macro F1", "accuracy", "majority", "random walk", "persistence"):
        assert word in summary
    told = kept(runs, DIRECTION)
    for name, value in told["baselines"].items():
        low, high = told["intervals"][name]
        assert low <= value <= high, name
    for warning in told["warnings"][-2:]:
        assert warning in " ".join(summary.split())


@pytest.mark.parametrize("task", SETTINGS)
def test_the_lines_of_a_training_speak_of_windows(task: str, runs: Path) -> None:
    lines = (runs / f"{task}.stderr").read_text().splitlines()
    assert any("windows to learn" in line for line in lines)
    assert any("windows/s" in line for line in lines)
    (told,) = [line for line in lines if "  epoch 1, step 4: " in line]
    assert ("pinball loss " in told) == (task == FORECAST)


def test_an_evaluation_of_a_forecast_stays_short_and_its_json_has_every_horizon(runs: Path) -> None:
    words = ("evaluate", runs / FORECAST, "--dataset", runs / "table.csv")
    told = json.loads(athanor(*words, "--json").stdout)
    lines = athanor(*words).stdout.splitlines()
    assert lines[0] == f"{told['num_rows']} windows"
    assert f"{told['metrics']['crps']:.4f}" in lines[2].split()
    assert lines[3].startswith(" repeat last")
    assert lines[4].startswith(" seasonal naive")
    assert len(lines) <= 11
    assert {f"loss_{horizon}" for horizon in HORIZONS} <= set(told["metrics"])


def test_a_forecast_is_a_table_of_what_comes_next(runs: Path) -> None:
    answer = athanor("predict", runs / FORECAST, "--input", runs / "table.csv")
    rows = table_in(answer.stdout)
    assert list(rows[0]) == ["hour, as told", "target", "horizon", *QUANTILES]
    assert [(row["target"], int(row["horizon"])) for row in rows] == [
        (target, horizon) for target in ("load", "price") for horizon in HORIZONS
    ]
    for row in rows:
        ahead = START + (ROWS - 1 + int(row["horizon"])) * HOUR
        assert datetime.fromisoformat(row["hour, as told"]) == ahead
        low, middle, high = (float(row[name]) for name in QUANTILES)
        assert low <= middle <= high
        assert len(row["q0.5"].partition(".")[2]) <= 7  # digits behind the point that float32 can tell
        if row["target"] == "load":
            assert 9e5 < middle < 1.1e6  # in the unit of the table


def test_a_forecast_without_a_clock_counts_rows_from_1(tmp_path: Path) -> None:
    table = written(tmp_path / "rows.csv", clock=False)
    trained = athanor(
        "train", "--task", FORECAST, "--dataset", table, "--model", "forecaster-tiny", "--quick",
        "--set", "context_length=24", "--set", "horizons=[1,3]", "--output", tmp_path / "run", "--json",
    )  # fmt: skip
    assert trained.exit_code == 0, trained.stderr
    for output in (tmp_path / "f.csv", tmp_path / "f.parquet"):
        assert athanor("predict", tmp_path / "run", "--input", table, "--output", output).exit_code == 0
    rows = table_in((tmp_path / "f.csv").read_text())
    assert [row["row"] for row in rows] == [str(ROWS + 1), str(ROWS + 3)] * 2
    assert pyarrow.parquet.read_table(tmp_path / "f.parquet").column("row").to_pylist() == [ROWS + 1, ROWS + 3] * 2


def test_every_format_holds_the_same_forecast(runs: Path, tmp_path: Path) -> None:
    words = ("predict", runs / FORECAST, "--input", runs / "table.csv")
    printed = athanor(*words).stdout
    for ending in ("csv", "csv.gz", "parquet", "jsonl"):
        answer = athanor(*words, "--output", tmp_path / f"f.{ending}")
        assert (answer.exit_code, answer.stdout) == (0, ""), answer.stderr
        start, written = answer.stderr.splitlines()
        assert start.startswith("forecasts start behind ")
        assert start.endswith(" rows of history.")
        assert written == f"wrote {tmp_path / f'f.{ending}'}: {len(printed.splitlines()) - 1} rows"
    assert (tmp_path / "f.csv").read_text() == printed
    assert gzip.decompress((tmp_path / "f.csv.gz").read_bytes()).decode() == printed
    exact = [json.loads(line) for line in (tmp_path / "f.jsonl").read_text().splitlines()]
    table = pyarrow.parquet.read_table(tmp_path / "f.parquet")
    assert [str(table.schema.field(name).type) for name in QUANTILES] == ["double"] * 3
    assert [{**row, "hour, as told": row["hour, as told"].isoformat()} for row in table.to_pylist()] == exact
    for row, text in zip(exact, table_in(printed), strict=True):
        assert all(float(text[name]) == pytest.approx(row[name], rel=1e-6) for name in QUANTILES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.csv", "f.csv.gz", "f.jsonl", "f.parquet"]


def test_stamps_with_a_zone_are_the_same_instants_in_parquet(runs: Path, tmp_path: Path) -> None:
    table = written(tmp_path / "zone.csv", zone="-05:30")
    words = ("predict", runs / FORECAST, "--input", table)
    assert athanor(*words, "--output", tmp_path / "f.parquet").exit_code == 0
    told = [datetime.fromisoformat(row["hour, as told"]) for row in table_in(athanor(*words).stdout)]
    assert str(told[0]).endswith("-05:30")
    assert pyarrow.parquet.read_table(tmp_path / "f.parquet").column(0).to_pylist() == told


def test_a_direction_is_one_json_object(runs: Path) -> None:
    answer = athanor("predict", runs / DIRECTION, "--input", runs / "table.csv")
    (line,) = answer.stdout.splitlines()
    told = json.loads(line)
    assert list(told) == ["time", "label", "score", "scores"]
    assert told["score"] == max(told["scores"].values())
    assert datetime.fromisoformat(told["time"]) == START + (ROWS - 1) * HOUR
    assert told["label"] == max(told["scores"], key=told["scores"].get)


def test_a_direction_is_also_a_table_of_one_row_with_as_many_labels_as_are_asked_for(
    runs: Path, tmp_path: Path
) -> None:
    words = ("predict", runs / DIRECTION, "--input", runs / "table.csv")
    assert athanor(*words, "--output", tmp_path / "d.jsonl").exit_code == 0
    assert (tmp_path / "d.jsonl").read_text() == athanor(*words).stdout
    assert athanor(*words, "--top-k", 2, "--output", tmp_path / "d.csv").exit_code == 0
    (row,) = table_in((tmp_path / "d.csv").read_text())
    assert list(row) == ["time", "label", "score", "second_label", "second_score"]
    unsure = athanor(*words, "--threshold", 1)
    assert (json.loads(unsure.stdout)["label"], "1 of 1 answers (100.0%)" in unsure.stderr) == ("unsure", True)


@pytest.mark.parametrize(
    ("task", "words", "said"),
    [
        (FORECAST, ("--beams", 2, "--top-k", 3), ("num_beams means nothing to task", "top_k means nothing to task")),
        (FORECAST, ("--threshold", 0.5), ("threshold means nothing to task quantile_forecasting",)),
        (DIRECTION, ("--temperature", 1), ("temperature means nothing to task market_direction",)),
        (DIRECTION, ("--keep", "all"), ("keep means nothing to task market_direction, whose input is one table",)),
        (FORECAST, ("--stream",), ("this model writes none",)),
    ],
)
def test_an_option_that_means_nothing_to_a_table_is_refused(
    task: str, words: tuple[object, ...], said: tuple[str, ...], runs: Path
) -> None:
    answer = athanor("predict", runs / task, "--input", runs / "table.csv", *words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert all(sentence in answer.stderr for sentence in said)


def test_a_forecast_in_a_workbook_has_its_times_as_times(runs: Path, tmp_path: Path) -> None:
    words = ("predict", runs / FORECAST, "--input", runs / "table.csv")
    printed = table_in(athanor(*words).stdout)
    assert athanor(*words, "--output", tmp_path / "f.xlsx").exit_code == 0
    header, *rows = openpyxl.load_workbook(tmp_path / "f.xlsx").active.iter_rows(values_only=True)
    assert list(header) == list(printed[0])
    assert [row[0].isoformat() for row in rows] == [row["hour, as told"] for row in printed]
    assert [row[3] for row in rows] == [pytest.approx(float(row["q0.1"])) for row in printed]


def test_an_output_that_cannot_be_is_refused_and_leaves_nothing(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "full.csv").mkdir()
    assert ".csv, .csv.gz, .tsv, .tsv.gz, .parquet, .xlsx" in refused(runs, tmp_path / "f.docx").stderr
    assert "is no file" in refused(runs, tmp_path / "full.csv").stderr
    assert "No such file or directory" in refused(runs, tmp_path / "nowhere" / "f.csv").stderr
    assert "choose one" in refused(runs, tmp_path / "f.csv", "--stream").stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["full.csv"]


def test_a_forecast_does_not_replace_its_own_input(runs: Path) -> None:
    before = (runs / "table.csv").read_bytes()
    assert "would be lost" in refused(runs, runs / FORECAST / ".." / "table.csv").stderr
    assert (runs / "table.csv").read_bytes() == before


@contextmanager
def room_for(num_bytes: int) -> Iterator[None]:
    """Let no file grow beyond a size, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "jsonl"])
def test_a_full_disk_is_told_and_the_old_forecast_stays(ending: str, runs: Path, tmp_path: Path) -> None:
    output = tmp_path / f"f.{ending}"
    output.write_text("old")
    with room_for(100):
        answer = refused(runs, output)
    assert "cannot be written" in answer.stderr
    assert output.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_a_workbook_that_a_full_disk_stops_leaves_nothing_that_would_complain_later(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: complaints.append(told.exc_value))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    output = tmp_path / "f.xlsx"
    assert athanor("predict", runs / FORECAST, "--input", runs / "table.csv", "--output", output).exit_code == 0
    size = output.stat().st_size
    output.unlink()
    for num_bytes in (100, 1_000, size // 2, size - 64):  # the time of writing, which it holds, is not always as long
        with room_for(num_bytes):
            assert "cannot be written: File too large" in refused(runs, output).stderr
        gc.collect()
    assert complaints == []
    assert list(tmp_path.iterdir()) == []


def test_a_forecast_for_spreadsheets_is_csv_and_nothing_else(runs: Path, tmp_path: Path) -> None:
    words = ("predict", runs / FORECAST, "--input", runs / "table.csv")
    plain = athanor(*words)
    guarded = athanor(*words, "--for-spreadsheets")
    assert (guarded.exit_code, guarded.stdout) == (0, plain.stdout)  # no name in this table begins a formula
    answer = athanor(*words, "--for-spreadsheets", "--output", tmp_path / "f.parquet")
    assert answer.exit_code == 2
    assert "is for CSV" in answer.stderr


def test_a_reader_that_leaves_early_sees_no_traceback(runs: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    words = ["athanor", "predict", str(runs / FORECAST), "--input", str(runs / "table.csv")]
    out, err = os.fdopen(write_end, "w"), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "argv", words), pytest.raises(SystemExit):
        main()
    with suppress(BrokenPipeError):  # what was not flushed is lost with its reader
        out.close()
    assert err.getvalue() == ""


def test_evaluate_says_how_the_table_was_read(runs: Path, tmp_path: Path) -> None:
    table = tmp_path / "semicolons.csv"
    rows = csv.reader(io.StringIO((runs / "table.csv").read_text(encoding="utf-8")))
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";").writerows(rows)
    answer = athanor("evaluate", runs / FORECAST, "--dataset", table)
    assert answer.exit_code == 0
    assert "warning: semicolons.csv: cells are split by ';'." in answer.stderr
