"""torchrun starts all processes anew when one is killed: the run ends with the bytes of an undisturbed one."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from torch.distributed import run

from tests.support import struck
from tests.support.forked import ROOT, start_function
from tests.support.once import once
from tests.support.ranks import ended, environments
from tests.support.resuming import bytes_of, metrics_of

ROWS = [
    {"text": f"{word} number {n}", "label": label} for n in range(12) for word, label in (("yes", "a"), ("no", "b"))
]
TINY = ("--task", "text_classification", "--model", "encoder-tiny", "--set", "vocab_size=300", "--precision", "fp32")
SWIFT = ("--set", "linear_start=false", "--epochs", "2", "--batch-size", "8", "--set", "save_steps=2")
TRAIN = ("train", *TINY, *SWIFT)
MEASURED = ("training_time", "throughput", "run_id", "run_dir", "model_path", "metrics_file", "warnings")


def words_for(tmp_path: Path, out: Path) -> list[str]:
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps(ROWS))
    return [*TRAIN, "--dataset", str(rows), "--output", str(out)]


def torchrun(words: list[str]) -> None:
    """Be what the command `torchrun` is, in a process that has torch already."""
    options = ("--standalone", "--nproc-per-node=2", "--max-restarts=3")
    run.main([*options, "-m", "tests.support.struck", *words])


def started_by_torchrun(tmp_path: Path, strike: str) -> Path:
    """Train on two ranks of torchrun, of which one is struck; gives the run directory."""
    out = tmp_path / "run"
    told = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "STRIKE": strike}
    agent = start_function(torchrun, {"words": words_for(tmp_path, out)}, tmp_path / "agent", told)
    assert agent.wait(300) == 0, agent.stderr
    assert "exitcode: -9" in agent.stderr
    return out


def started_as_by_torchrun(tmp_path: Path, *strikes: str) -> Path:
    """Start two ranks once for each strike, as torchrun would after the one before; gives the run directory."""
    out = tmp_path / "run"
    for number, strike in enumerate(strikes):
        told = {"STRIKE": strike, "TORCHELASTIC_RESTART_COUNT": str(number)}
        ranks = [
            start_function(struck.main, {"words": words_for(tmp_path, out)}, tmp_path / str(rank), {**given, **told})
            for rank, given in enumerate(environments(2))
        ]
        codes = ended(ranks)
        assert (-signal.SIGKILL in codes) == bool(strike), ranks[0].stderr
    assert codes == [0, 0], ranks[0].stderr
    return out


def summary_of(run: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((run / "summary.json").read_text())
    return {name: value for name, value in told.items() if name not in MEASURED}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "undisturbed", lambda place: str(started_as_by_torchrun(place, "")))[1] / "run"


def test_a_run_of_which_torchrun_lost_a_rank_ends_as_the_undisturbed_one(undisturbed: Path, tmp_path: Path) -> None:
    assert_alike(started_by_torchrun(tmp_path, "1:step:5:SIGKILL"), undisturbed)


def test_a_run_whose_first_rank_was_killed_over_its_report_ends_as_the_undisturbed_one(
    undisturbed: Path, tmp_path: Path
) -> None:
    assert_alike(started_as_by_torchrun(tmp_path, "0:report:1:SIGKILL", ""), undisturbed)


def assert_alike(run: Path, undisturbed: Path) -> None:
    assert bytes_of(run) == bytes_of(undisturbed)
    assert metrics_of(run) == metrics_of(undisturbed)
    assert summary_of(run) == summary_of(undisturbed)
