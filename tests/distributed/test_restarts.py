"""torchrun starts all processes anew when one is killed: the run ends with the bytes of an undisturbed one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.forked import ROOT
from tests.support.once import once
from tests.support.resuming import bytes_of, metrics_of

ROWS = [
    {"text": f"{word} number {n}", "label": label} for n in range(24) for word, label in (("yes", "a"), ("no", "b"))
]
TINY = ("--task", "text_classification", "--model", "encoder-tiny", "--set", "vocab_size=300", "--precision", "fp32")
TRAIN = ("train", *TINY, "--epochs", "2", "--batch-size", "8", "--set", "save_steps=2")
MEASURED = ("training_time", "throughput", "run_id", "run_dir", "model_path", "metrics_file", "warnings")
STRIKES = ("1:step:5:SIGKILL", "0:report:1:SIGKILL")


def run_of(tmp_path: Path, name: str, strike: str) -> Path:
    """Train on two ranks of torchrun, of which one is struck; gives the run directory."""
    rows, out = tmp_path / "rows.json", tmp_path / name
    rows.write_text(json.dumps(ROWS))
    agent = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=3")
    done = subprocess.run(
        [*agent, "-m", "tests.support.struck", *TRAIN, "--dataset", str(rows), "--output", str(out)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "STRIKE": strike},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ("exitcode: -9" in done.stderr) == bool(strike), done.stderr
    return out


def summary_of(run: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((run / "summary.json").read_text())
    return {name: value for name, value in told.items() if name not in MEASURED}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def run(place: Path) -> None:
        run_of(place, "run", "")

    return once(tmp_path_factory, "undisturbed", run)[1] / "run"


@pytest.mark.parametrize("strike", STRIKES)
def test_a_run_of_which_a_rank_was_killed_ends_as_the_undisturbed_one(
    strike: str, undisturbed: Path, tmp_path: Path
) -> None:
    run = run_of(tmp_path, "run", strike)
    assert bytes_of(run) == bytes_of(undisturbed)
    assert metrics_of(run) == metrics_of(undisturbed)
    assert summary_of(run) == summary_of(undisturbed)
