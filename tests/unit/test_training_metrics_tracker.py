import csv
import errno
import json
import math
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exceptions import ConfigurationError, RunError, TrainingError
from infrastructure import plain_files
from infrastructure.training import training_metrics_tracker
from infrastructure.training.training_metrics_tracker import TrainingMetricsTracker


def refuse_constants(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def read_strictly(text: str) -> Any:
    return json.loads(text, parse_constant=refuse_constants)


def lines_of(path: Path) -> list[Any]:
    return [read_strictly(line) for line in path.read_text().splitlines()]


class FullDisk:
    """Takes `room` bytes of the metrics file, then says that it is full, as `write` of Linux does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room = room
        plain_open = plain_files.open_to_append
        monkeypatch.setattr(
            training_metrics_tracker, "open_to_append", lambda path: _LimitedFile(plain_open(path), self)
        )


class _LimitedFile:
    def __init__(self, file: Any, disk: FullDisk) -> None:
        self._file = file
        self._disk = disk

    def __enter__(self) -> "_LimitedFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        taken = data[: self._disk.room]
        if not taken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._disk.room -= len(taken)
        return int(self._file.write(taken))


def test_each_entry_is_a_json_line_as_soon_as_it_is_logged(tmp_path: Path) -> None:
    tracker = TrainingMetricsTracker(tmp_path / "logs", "codebert")
    tracker.log_metric("train_loss", 0.45, step=100, epoch=0)
    tracker.log_epoch_metric("eval_loss", 0.35, epoch=0)
    first, second = lines_of(tmp_path / "logs" / "codebert.jsonl")
    assert first == {"name": "train_loss", "value": 0.45, "step": 100, "epoch": 0, "timestamp": first["timestamp"]}
    assert (second["name"], second["step"], second["epoch"]) == ("eval_loss", None, 0)


def test_a_file_name_of_its_own_is_used(tmp_path: Path) -> None:
    TrainingMetricsTracker(tmp_path, file_name="metrics.jsonl").log_metric("loss", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]


@pytest.mark.parametrize("name", ["../metrics.jsonl", "a/b", "/tmp/x"])
def test_a_file_name_with_a_directory_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="plain name"):
        TrainingMetricsTracker(tmp_path, file_name=name)


def test_an_unusable_directory_is_a_run_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be used"):
        TrainingMetricsTracker(tmp_path / "file")


@settings(max_examples=25, deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12))
def test_statistics_agree_with_the_standard_library(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    tracker = TrainingMetricsTracker(tmp_path_factory.mktemp("logs"))
    for value in values:
        tracker.log_metric("loss", value)
    found = tracker.get_statistics("loss")
    assert (found.count, found.min, found.max) == (len(values), min(values), max(values))
    assert found.mean == pytest.approx(statistics.fmean(values), rel=1e-9, abs=1e-6)
    assert found.std == pytest.approx(statistics.pstdev(values), rel=1e-6, abs=1e-5)


def test_a_metric_that_was_never_logged_has_no_statistics(tmp_path: Path) -> None:
    assert TrainingMetricsTracker(tmp_path).get_statistics("absent").count == 0


def test_the_best_value_follows_the_direction_of_the_metric_and_is_never_nan(tmp_path: Path) -> None:
    tracker = TrainingMetricsTracker(tmp_path)
    for step, (loss, f1) in enumerate(
        [(math.nan, math.nan), (0.5, 0.6), (-math.inf, math.inf), (0.3, 0.9), (0.3, 0.9)]
    ):
        tracker.log_metrics({"eval_loss": loss, "eval_macro_f1": f1, "broken_loss": math.nan}, step=step, epoch=step)
    assert tracker.get_summary()["best_metrics"] == {
        "eval_loss": {"value": 0.3, "step": 3, "epoch": 3, "direction": "min"},
        "eval_macro_f1": {"value": 0.9, "step": 3, "epoch": 3, "direction": "max"},
    }


def test_an_epoch_is_summarised_by_its_own_entries(tmp_path: Path) -> None:
    tracker = TrainingMetricsTracker(tmp_path)
    for step, (epoch, loss) in enumerate([(0, 4.0), (0, 2.0), (1, 1.0)]):
        tracker.log_metric("train_loss", loss, step, epoch)
    tracker.log_metric("learning_rate", 0.1, step=9)
    summary = tracker.get_epoch_summary(0)
    assert set(summary) == {"train_loss"}
    assert (summary["train_loss"].count, summary["train_loss"].mean, summary["train_loss"].std) == (2, 3.0, 1.0)
    assert tracker.get_epoch_summary(7) == {}


def test_the_summary_tells_counts_latest_values_and_epochs(tmp_path: Path) -> None:
    tracker = TrainingMetricsTracker(tmp_path, "mine")
    tracker.log_metric("loss", 4.0, 1, 0)
    tracker.log_metric("loss", 2.0, 2, 1)
    summary = tracker.get_summary()
    assert (summary["experiment_name"], summary["num_entries"], summary["latest"]) == ("mine", 2, {"loss": 2.0})
    assert summary["statistics"]["loss"] == {"count": 2, "mean": 3.0, "std": 1.0, "min": 2.0, "max": 4.0}
    assert {epoch: of_epoch["loss"]["mean"] for epoch, of_epoch in summary["epochs"].items()} == {0: 4.0, 1: 2.0}


@pytest.mark.parametrize("value", ["0.5", None, [1.0], True, 1 + 2j, {"a": 1}], ids=repr)
def test_a_value_that_is_no_number_is_refused(tmp_path: Path, value: Any) -> None:
    tracker = TrainingMetricsTracker(tmp_path)
    with pytest.raises(ConfigurationError, match="must be a number"):
        tracker.log_metric("loss", value)
    assert not tracker.entries


def test_of_a_mapping_the_numbers_alone_are_logged(tmp_path: Path) -> None:
    tracker = TrainingMetricsTracker(tmp_path)
    metrics = {"loss": 1, "f1": np.float32(0.5), "matrix": [[1, 2]], "note": "x", "ok": True, "none": None}
    tracker.log_metrics(metrics, step=3, epoch=1)
    assert [(entry.name, entry.value, entry.step) for entry in tracker.entries] == [("loss", 1.0, 3), ("f1", 0.5, 3)]


def test_nan_is_null_on_disk_and_nan_again_in_memory(tmp_path: Path) -> None:
    TrainingMetricsTracker(tmp_path).log_metric("loss", math.nan, step=1)
    (line,) = lines_of(tmp_path / "training.jsonl")
    (entry,) = TrainingMetricsTracker(tmp_path).entries
    assert line["value"] is None
    assert math.isnan(entry.value)


def test_reopening_takes_up_every_entry_and_appends(tmp_path: Path) -> None:
    first = TrainingMetricsTracker(tmp_path)
    for step in range(5):
        first.log_metric("loss", 0.1 * step, step, epoch=step // 2)
    second = TrainingMetricsTracker(tmp_path)
    assert second.entries == first.entries
    second.log_metric("loss", 9.0, 5)
    assert [line["step"] for line in lines_of(tmp_path / "training.jsonl")] == [0, 1, 2, 3, 4, 5]


def test_a_line_cut_off_anywhere_costs_that_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    tracker = TrainingMetricsTracker(tmp_path)
    tracker.log_metric("loss", 1.0, 1)
    whole = path.read_bytes()
    tracker.log_metric("loss", 2.0, 2)
    both = path.read_bytes()
    for end in range(len(whole), len(both)):
        path.write_bytes(both[:end])
        reopened = TrainingMetricsTracker(tmp_path)
        assert [entry.step for entry in reopened.entries] == [1]
        assert reopened.num_damaged_lines == 0
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "damage",
    [
        b"\xff\xfe\n",
        b"{}\n",
        b"[1, 2]\n",
        b"null\n",
        b"\0\0\0\n",
        b'{"name": "loss", "value": "high", "step": 1, "epoch": 0, "timestamp": 1.0}\n',
        b'{"name": "loss", "value": 1.0, "step": "one", "epoch": 0, "timestamp": 1.0}\n',
        b'{"name": "loss", "value": 1.0, "step": 1, "epoch": 0, "timestamp": 1.0, "more": 1}\n',
    ],
    ids=repr,
)
def test_a_damaged_line_in_the_middle_is_counted_and_passed_over(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "training.jsonl"
    TrainingMetricsTracker(tmp_path).log_metric("loss", 1.0, 1)
    with path.open("ab") as file:
        file.write(damage)
    TrainingMetricsTracker(tmp_path).log_metric("loss", 2.0, 2)
    reopened = TrainingMetricsTracker(tmp_path)
    assert [entry.step for entry in reopened.entries] == [1, 2]
    assert reopened.num_damaged_lines == 1


def test_rewinding_forgets_later_steps_in_memory_and_on_disk(tmp_path: Path) -> None:
    tracker = TrainingMetricsTracker(tmp_path)
    for step in range(6):
        tracker.log_metric("loss", step, step)
    tracker.log_epoch_metric("eval_loss", 0.5, epoch=0)
    tracker.rewind(3)
    assert [entry.step for entry in tracker.entries] == [0, 1, 2, 3, None]
    assert [line["step"] for line in lines_of(tmp_path / "training.jsonl")] == [0, 1, 2, 3, None]
    tracker.log_metric("loss", 4, 4)
    assert TrainingMetricsTracker(tmp_path).entries == tracker.entries
    assert [path.name for path in tmp_path.iterdir()] == ["training.jsonl"]


def test_rewinding_on_a_disk_that_refuses_forgets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = TrainingMetricsTracker(tmp_path)
    tracker.log_metrics({"loss": 1.0}, step=1)
    tracker.log_metrics({"loss": 2.0}, step=2)
    monkeypatch.setattr(training_metrics_tracker, "write_whole", raise_disk_full)
    with pytest.raises(RunError, match="No space left"):
        tracker.rewind(1)
    assert [entry.step for entry in tracker.entries] == [1, 2]
    assert TrainingMetricsTracker(tmp_path).entries == tracker.entries


def test_rewinding_writes_the_entries_that_waited_for_room_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch, room=150)
    tracker = TrainingMetricsTracker(tmp_path)
    for step in range(6):
        tracker.log_metric("loss", 0.5, step)
    assert tracker.num_pending > 3
    tracker.rewind(4)
    disk.room = 10_000
    tracker.log_metric("loss", 0.5, 5)
    assert [line["step"] for line in lines_of(tmp_path / "training.jsonl")] == [0, 1, 2, 3, 4, 5]


def test_what_a_killed_rewind_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".staging-training.jsonl-4711").write_text("half")
    TrainingMetricsTracker(tmp_path).log_metric("loss", 1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["training.jsonl"]


@pytest.mark.parametrize("room", [0, 1, 50, 100, 150, 300])
def test_a_full_disk_never_raises_and_its_entries_are_written_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    path = tmp_path / "training.jsonl"
    disk = FullDisk(monkeypatch, room)
    tracker = TrainingMetricsTracker(tmp_path, save_interval_seconds=0.0)
    for step in range(6):
        tracker.log_metric("loss", 0.5, step, epoch=0)
        whole = path.read_bytes()
        assert whole.count(b"\n") == len(lines_of(path)) == step + 1 - tracker.num_pending
        assert whole == b"" or whole.endswith(b"\n")
    assert tracker.num_pending >= 3
    tracker.close()
    disk.room = 10_000
    tracker.log_metric("loss", 0.5, 6, epoch=0)
    assert tracker.num_pending == 0
    assert [line["step"] for line in lines_of(path)] == [0, 1, 2, 3, 4, 5, 6]
    assert TrainingMetricsTracker(tmp_path).entries == tracker.entries


LOG_UNDER_A_FILE_SIZE_LIMIT = """
import resource, sys
from infrastructure.training.training_metrics_tracker import TrainingMetricsTracker
tracker = TrainingMetricsTracker(sys.argv[1])
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (250, hard))
for step in range(10):
    tracker.log_metric("loss", 0.5, step)
pending = tracker.num_pending
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
tracker.close()
print(pending, tracker.num_pending)
"""


def bare_python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, cwd=root, check=False
    )


def test_a_file_that_the_system_keeps_from_growing_is_taken_like_a_full_disk(tmp_path: Path) -> None:
    done = bare_python(LOG_UNDER_A_FILE_SIZE_LIMIT, str(tmp_path))
    assert done.returncode == 0, done.stderr
    before, after = map(int, done.stdout.split())
    assert (before > 5, after) == (True, 0)
    assert [line["step"] for line in lines_of(tmp_path / "training.jsonl")] == list(range(10))


LOG_AND_DIE = """
import os, signal, sys
from infrastructure.training.training_metrics_tracker import TrainingMetricsTracker
tracker = TrainingMetricsTracker(sys.argv[1], save_interval_seconds=1000.0)
for step in range(50):
    tracker.log_metric("loss", 0.5, step)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_sigkill_loses_nothing_that_was_logged(tmp_path: Path) -> None:
    done = bare_python(LOG_AND_DIE, str(tmp_path))
    assert done.returncode == -9, done.stderr
    assert [entry.step for entry in TrainingMetricsTracker(tmp_path).entries] == list(range(50))


@pytest.mark.parametrize(("interval", "expected"), [(0.0, 20), (3600.0, 0)])
def test_the_disk_is_synced_at_most_every_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interval: float, expected: int
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    tracker = TrainingMetricsTracker(tmp_path, save_interval_seconds=interval)
    for step in range(20):
        tracker.log_metric("loss", 0.5, step)
    assert len(synced) == expected
    tracker.close()
    assert len(synced) == expected + 1


def test_the_json_export_is_strict_and_complete(tmp_path: Path) -> None:
    tracker = TrainingMetricsTracker(tmp_path / "logs")
    tracker.log_metrics({"loss": math.nan, "f1": 0.5, "perplexity": math.inf}, step=1, epoch=0)
    path = tracker.export_to_json(tmp_path / "new" / "metrics.json")
    content = read_strictly(path.read_text())
    assert path == tmp_path / "new" / "metrics.json"
    assert [(entry["name"], entry["value"]) for entry in content["entries"]] == [
        ("loss", None),
        ("f1", 0.5),
        ("perplexity", None),
    ]
    assert content["statistics"]["loss"]["mean"] is None
    assert content["best_metrics"]["f1"]["value"] == 0.5


def test_the_csv_export_holds_one_row_an_entry(tmp_path: Path) -> None:
    tracker = TrainingMetricsTracker(tmp_path)
    tracker.log_metric('odd, "name"', 0.1, step=1, epoch=0)
    tracker.log_epoch_metric("loss", math.nan, epoch=2)
    with tracker.export_to_csv(str(tmp_path / "metrics.csv")).open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["name"], float(first["value"]), first["step"], first["epoch"]) == ('odd, "name"', 0.1, "1", "0")
    assert (second["value"], second["step"], second["epoch"]) == ("nan", "", "2")


def test_an_export_that_the_disk_refuses_is_a_training_error_and_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = TrainingMetricsTracker(tmp_path)
    before = tracker.export_to_json(tmp_path / "metrics.json").read_bytes()
    tracker.log_metric("loss", 1.0)
    monkeypatch.setattr(os, "fsync", raise_disk_full)
    with pytest.raises(TrainingError, match="No space left"):
        tracker.export_to_json(tmp_path / "metrics.json")
    assert (tmp_path / "metrics.json").read_bytes() == before


def test_finishing_writes_both_exports_beside_the_entries(tmp_path: Path) -> None:
    tracker = TrainingMetricsTracker(tmp_path, file_name="metrics.jsonl")
    tracker.log_metric("loss", 1.0)
    assert tracker.finish() == str(tmp_path / "metrics.json")
    assert {path.name for path in tmp_path.iterdir()} == {"metrics.jsonl", "metrics.json", "metrics.csv"}


def raise_disk_full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
