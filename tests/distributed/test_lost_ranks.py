"""One rank of a run fails, dies or hangs: all end, one sentence says why, and the run can go on."""

import json
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import struck
from tests.support.forked import start_function
from tests.support.ranks import ended, environments

ROWS = [
    {"text": f"{word} number {n}", "label": label} for n in range(12) for word, label in (("yes", "a"), ("no", "b"))
]
TINY = ("--task", "text_classification", "--model", "encoder-tiny", "--set", "vocab_size=300", "--precision", "fp32")
SWIFT = ("--set", "linear_start=false", "--epochs", "2", "--batch-size", "8", "--set", "save_steps=2")
TRAIN = ("train", "--dataset", "rows.json", *TINY, *SWIFT)
HANGS = ("--set", "rank_timeout=4")


@dataclass(frozen=True)
class Ended:
    """Exit codes by rank, what was said on standard error for a person, and the summary that was left."""

    codes: Sequence[int]
    errors: Sequence[str]
    stderr: str
    summary: dict[str, object] | None


def run_struck(tmp_path: Path, strike: str, *words: str, size: int = 2, kill_when_others_ended: bool = False) -> Ended:
    """Train in several processes, of which one is struck; where it hangs it is killed once the others have ended."""
    rows, out = tmp_path / "rows.json", tmp_path / "run"
    rows.write_text(json.dumps(ROWS))
    given = [str(rows) if word == "rows.json" else word for word in (*TRAIN, "--output", str(out), *words)]
    answers = [tmp_path / str(rank) for rank in range(size)]
    ranks = [
        start_function(struck.main, {"words": given}, place, {**environment, "STRIKE": strike})
        for place, environment in zip(answers, environments(size), strict=True)
    ]
    if kill_when_others_ended:
        hanging = int(strike.partition(":")[0])
        ended([rank for number, rank in enumerate(ranks) if number != hanging])
        ranks[hanging].send_signal(signal.SIGKILL)
    codes = ended(ranks)
    stderr = "".join(rank.stderr for rank in ranks)
    summary = out / "summary.json"
    return Ended(
        codes=codes,
        errors=[line for line in stderr.splitlines() if line.startswith("error: ")],
        stderr=stderr,
        summary=json.loads(summary.read_text()) if summary.exists() else None,
    )


def test_a_rank_that_is_killed_is_named_by_the_others(tmp_path: Path) -> None:
    found = run_struck(tmp_path, "2:step:4:SIGKILL", size=3)
    assert found.codes == [1, 1, -signal.SIGKILL]
    assert len(found.errors) == 1, found.stderr
    assert "rank 2 of 3 ended" in found.errors[0]
    assert found.summary is not None
    assert found.summary["errors"] == [found.errors[0].removeprefix("error: ")]


def test_the_first_rank_may_be_the_one(tmp_path: Path) -> None:
    found = run_struck(tmp_path, "0:backward:5:SIGKILL")
    assert found.codes == [-signal.SIGKILL, 1]
    assert len(found.errors) == 1, found.stderr
    assert found.summary is None  # who writes it is dead


@pytest.mark.parametrize("place", ["step", "evaluation"])
def test_a_rank_that_hangs_is_named_once_the_time_limit_is_over(tmp_path: Path, place: str) -> None:
    found = run_struck(tmp_path, f"1:{place}:2:loop", *HANGS, size=3, kill_when_others_ended=True)
    assert found.codes == [1, -signal.SIGKILL, 1]
    assert len(found.errors) == 1, found.stderr
    assert "rank 1 of 3 ended, or did not come within 4 seconds" in found.errors[0]


def test_a_rank_that_is_stopped_is_named_where_work_may_take_as_long_as_it_likes(tmp_path: Path) -> None:
    found = run_struck(tmp_path, "1:load:1:SIGSTOP", *HANGS, kill_when_others_ended=True)
    assert found.codes == [1, -signal.SIGKILL]
    assert "rank 1 of 2 ended, or did not come within 4 seconds" in found.errors[0]


@pytest.mark.parametrize("strike", ["1:load:1:wait4", "0:keeping:1:wait4"])
def test_who_reads_or_writes_for_longer_than_the_time_limit_does_not_hang(tmp_path: Path, strike: str) -> None:
    found = run_struck(tmp_path, strike, "--set", "rank_timeout=2", "--epochs", "1")
    assert found.codes == [0, 0], found.stderr


@pytest.mark.parametrize("rank", [0, 1])
def test_a_bad_row_of_one_rank_ends_all_with_its_exit_code(tmp_path: Path, rank: int) -> None:
    found = run_struck(tmp_path, f"{rank}:load:1:row")
    assert found.codes == [2, 2]
    assert found.errors == ["error: row 7 is bad. Mend it."]
    assert not (tmp_path / "run").exists()


def test_memory_that_one_rank_loses_where_others_wait_for_it_ends_all(tmp_path: Path) -> None:
    found = run_struck(tmp_path, "1:backward:3:memory")
    assert found.codes == [1, 1]
    assert len(found.errors) == 1, found.stderr
    assert "memory ran out in rank 1" in found.errors[0]
    assert found.summary is not None
    assert "rank 1 ended: memory ran out in rank 1" in str(found.summary["errors"])


def test_a_full_disk_ends_all_where_the_state_must_be_there(tmp_path: Path) -> None:
    found = run_struck(tmp_path, "0:summary:1:disk")
    assert found.codes[0] == 2
    assert len(found.errors) == 1, found.stderr
    assert "No space left on device" in found.errors[0]


def test_a_mistake_of_ours_is_shown_once(tmp_path: Path) -> None:
    found = run_struck(tmp_path, "1:step:3:bug")
    assert found.codes == [1, 1]
    assert found.stderr.count("Traceback") == 1
    assert found.errors == []
    assert found.summary is not None
    assert found.summary["errors"] == ["rank 1 ended: ValueError: a mistake of ours"]


def test_a_signal_to_one_rank_stops_all_behind_the_same_step(tmp_path: Path) -> None:
    found = run_struck(tmp_path, "1:step:3:SIGTERM")
    assert found.codes == [143, 143]
    assert found.errors == [f"error: stopped (SIGTERM) after saving; `athanor resume {tmp_path / 'run'}` goes on."]
    assert found.summary is not None
    assert (tmp_path / "run" / "checkpoints" / "step-00000003").is_dir()
