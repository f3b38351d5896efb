"""What is told of a run of several ranks: by one of them, with how many they are."""

import json
from pathlib import Path

import pytest

from domain.step_size import TOKENS, StepSize
from domain.words import shared_out
from infrastructure.data.feed import cut_anew
from tests.support.ranks import athanor_in_ranks
from tests.support.tiny import file_of_rows


def test_ranks_and_their_way_stand_on_the_screen_in_the_log_the_summary_and_the_page(tmp_path: Path) -> None:
    rows, run = file_of_rows(tmp_path / "rows.json", 40), tmp_path / "run"
    words: list[object] = ["train", "--task", "text_classification", "--dataset", rows, "--model", "encoder-tiny"]
    words += ["--set", "vocab_size=300", "--set", "max_steps=2", "--precision", "fp32", "--batch-size", 8]
    first, second = athanor_in_ranks(2, [*words, "--output", run, "--set", "eval_steps=2"], tmp_path / "answers")
    assert (first.exit_code, second.exit_code) == (0, 0), first.stderr
    assert (second.stdout, second.stderr) == ("", "")
    assert "on cpu, 2 ranks (ddp), 2 steps" in first.stderr
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    (started,) = [line for line in log if line["event"] == "RunStarted"]
    assert (started["num_devices"], started["parallel"]) == (2, "ddp")
    summary = json.loads((run / "summary.json").read_text())
    assert (summary["num_devices"], summary["parallel"]) == (2, "ddp")
    assert "cpu, 2 ranks (ddp)" in (run / "report.html").read_text()


def test_of_one_device_nothing_is_said() -> None:
    assert shared_out(1, "single") == ""
    assert shared_out(1, "ddp") == ", 1 rank (ddp)"


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (StepSize(4, 4), ""),
        (StepSize(8, 2), "a step of 2 micro-batches is cut into 4, so that dropout falls otherwise than on one device; "
         "batch_size=4 gradient_accumulation_steps=4 keeps it."),
        (StepSize(6), "a step of 1 micro-batch is cut into 4, so that dropout falls otherwise than on one device."),
        (StepSize(512, 1, TOKENS), "a step of 1 micro-batch is cut into 4, so that dropout falls otherwise than on one "
         "device; batch_tokens=128 gradient_accumulation_steps=4 keeps it."),
    ],
)  # fmt: skip
def test_where_dropout_falls_otherwise_it_is_said_with_the_way_out(size: StepSize, told: str) -> None:
    assert cut_anew(size, 4) == told
