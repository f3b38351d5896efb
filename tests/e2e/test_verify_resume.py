"""The command that kills, resumes and compares, on a tiny task and in processes of its own."""

import json
from pathlib import Path

import pytest

from tests.support import forked
from tests.support.tiny_series import bars, table_file


@pytest.mark.slow
def test_a_tiny_forecaster_that_was_killed_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    table_file(tmp_path / "table.csv", bars())
    (tmp_path / "run.yaml").write_text(
        f"task: quantile_forecasting\ndataset_path: {tmp_path / 'table.csv'}\nmodel_name: forecaster-tiny\n"
        "batch_size: 8\ntarget_columns: [close]\ncontext_length: 20\nhorizons: [1, 3]\npatch_length: 4\n"
    )
    words = [
        "verify-resume",
        "--config",
        str(tmp_path / "run.yaml"),
        "--kills",
        "2",
        "--output",
        str(tmp_path / "here"),
        "--json",
    ]
    # A process of its own: this one has computed, and torch cannot be forked behind that.
    done = forked.start(words, tmp_path / "answers")
    assert done.wait() == 0, done.stdout + done.stderr
    verdict = json.loads(done.stdout)
    assert (verdict["equal"], verdict["kills"], verdict["differences"]) == (True, 2, [])
    assert verdict["num_facts"] > 50
    assert list((tmp_path / "here").iterdir()) == []
