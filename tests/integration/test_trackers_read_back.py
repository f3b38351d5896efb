"""What the libraries read of a run that was told to all four, stopped, and went on; and that nothing left the machine.

The environment leads every request over HTTP to a place that notes it, for the helper of wandb is no Python; Python's
own connections are noted by a module that each process of a tracker loads.
"""

import json
import socket
import sqlite3
import struct
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from domain.events import RolledBack
from domain.run_layout import RunLayout
from domain.tracking import TRACKERS
from infrastructure.trackers.ids import kept_id
from infrastructure.trackers.process import TrackerProcess
from tests.support.tracked_runs import (
    SETTINGS,
    TASK,
    closed,
    evaluation,
    left_by_a_run,
    started,
    step,
    told,
    trackers_of,
)

pytestmark = pytest.mark.usefixtures("pictures_drawn")
NAME = "run one & only"  # a space and a sign in the paths of every store
NOTING = """
import os, socket
real = socket.socket.connect
def connect(self, address):
    if self.family != socket.AF_UNIX:
        with open(os.environ["NOTED"], "a") as file:
            file.write(repr(address) + "\\n")
        raise OSError("no network here")
    return real(self, address)
socket.socket.connect = connect
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tell a run twice: it rolls back, is stopped at step 4, goes on and ends at step 6."""
    directory = tmp_path_factory.mktemp("all runs")
    noting = tmp_path_factory.mktemp("noting")
    (noting / "sitecustomize.py").write_text(NOTING, encoding="utf-8")
    layout = left_by_a_run(directory / NAME, _png(noting / "picture.png"))
    with pytest.MonkeyPatch.context() as patch, closing(socket.create_server(("127.0.0.1", 0))) as proxy:
        for name in ("MLFLOW_TRACKING_URI", "WANDB_DIR", "WANDB_MODE", "TRACKIO_DIR", "MLFLOW_EXPERIMENT_NAME"):
            patch.delenv(name, raising=False)
        patch.setenv("PYTHONPATH", str(noting))
        patch.setenv("NOTED", str(noting / "noted"))
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
            patch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        with trackers_of(layout, *TRACKERS) as (observer, warnings):
            told(observer, started(NAME), step(1, 0.9), step(2, 0.8), evaluation(2), step(3, 77.0))
            told(observer, RolledBack(3, 2, 0.5), step(3), step(4), evaluation(4), closed(layout, "stopped"))
        with trackers_of(layout, *TRACKERS) as (observer, more_warnings):
            told(observer, started(NAME, 4), step(5), step(6), evaluation(6), closed(layout))
        assert warnings + more_warnings == []
        assert not (noting / "noted").exists(), (noting / "noted").read_text(encoding="utf-8")
        proxy.settimeout(0)
        with pytest.raises(BlockingIOError):
            proxy.accept()
    return directory


def _png(path: Path) -> bytes:
    Figure(figsize=(2, 1), dpi=50).savefig(path)
    return path.read_bytes()


def test_tensorboard_shows_one_curve_without_the_steps_that_were_taken_back(runs: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(RunLayout(runs / NAME).trackers / "tensorboard"))
    read.Reload()
    losses = [(point.step, point.value) for point in read.Scalars("train/loss")]
    assert losses == [(number, pytest.approx(loss)) for number, loss in enumerate((0.9, 0.8, *_falling(3, 7)), 1)]
    assert [(point.step, point.value) for point in read.Scalars("eval/accuracy")] == [
        (number, pytest.approx(number / 10)) for number in (2, 4, 6)
    ]
    assert read.Scalars("test/accuracy")[-1].value == 0.5
    (picture, *_) = read.Images("pictures/training_curves")
    assert (picture.width, picture.height) == (100, 50)
    table = read.Tensors("run/text_summary")[-1].tensor_proto.string_val[0].decode()
    assert "| status | `finished` |" in table
    assert f"| report | `{runs / NAME / 'report.html'}` |" in table
    assert {"eval/ece", "eval/loss", "eval/per_class"} & set(read.Tags()["scalars"]) == set()
    assert read.SummaryMetadata("_hparams_/session_start_info").plugin_data.plugin_name == "hparams"


def test_mlflow_has_one_run_with_settings_metrics_pictures_and_status(runs: Path) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{runs / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(f"athanor-{TASK}")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == (NAME, "FINISHED")
    expected = {name: str(value) for name, value in SETTINGS.items() if value is not None}
    assert run.data.params == {**expected, "split": "[0.8, 0.2]"}
    history = client.get_metric_history(run.info.run_id, "train/loss")
    assert [metric.step for metric in sorted(history, key=lambda metric: metric.timestamp)] == [1, 2, 3, 3, 4, 5, 6]
    assert run.data.metrics["train/loss"] == pytest.approx(1 / 6)
    assert run.data.metrics["eval/accuracy"] == 0.6
    assert (run.data.metrics["best/accuracy"], run.data.metrics["test/accuracy"]) == (0.75, 0.5)
    assert run.data.metrics["baseline/majority_accuracy"] == 0.25
    assert run.data.metrics["epoch"] == 1
    tags = run.data.tags
    assert (tags["task"], tags["run_id"], tags["stop_reason"]) == (TASK, NAME, "completed")
    assert (tags["model"], tags["report"]) == (str(runs / NAME / "model"), str(runs / NAME / "report.html"))
    (picture,) = client.list_artifacts(run.info.run_id, "pictures")
    kept = client.download_artifacts(run.info.run_id, picture.path)
    assert Path(kept).read_bytes() == (runs / NAME / "training_curves.png").read_bytes()


def test_wandb_has_files_of_each_start_under_one_id(runs: Path) -> None:
    starts = [
        _wandb_records(file) for file in sorted((runs / NAME / "trackers" / "wandb").glob("offline-run-*/*.wandb"))
    ]
    ids = {record.run.run_id for records in starts for record in records if record.HasField("run")}
    assert ids == {(runs / NAME / "trackers" / "wandb.id").read_text(encoding="utf-8").strip()}
    rows = [_wandb_items(record.history.item) for start in starts for record in start if record.HasField("history")]
    losses = [(row["step"], row["train/loss"]) for row in rows if "train/loss" in row]
    assert [number for number, _ in losses] == [1, 2, 3, 3, 4, 5, 6]
    assert [loss for _, loss in losses] == [pytest.approx(loss) for loss in (0.9, 0.8, 77.0, *_falling(3, 7))]
    assert [row["eval/accuracy"] for row in rows if "eval/accuracy" in row] == [0.2, 0.4, 0.6]
    assert any(name.startswith("pictures/training_curves") for row in rows for name in row)
    assert len(list((runs / NAME / "trackers" / "wandb").glob("offline-run-*/files/media/images/**/*.png"))) == 2
    last: dict[str, Any] = {}
    for record in starts[-1]:
        if record.HasField("summary"):
            last |= _wandb_items(record.summary.update)
    assert (last["test/accuracy"], last["status"]) == (0.5, "finished")
    codes = [record.exit.exit_code for start in starts for record in start if record.HasField("exit")]
    assert codes == [130, 0]


def _wandb_records(file: Path) -> list[Any]:
    """Read a log in the format of LevelDB, behind a header of seven bytes: blocks of pieces that hold records."""
    messages: Any = import_module("wandb.proto.wandb_internal_pb2")
    content, at, records, held = file.read_bytes(), 7, [], b""
    while at < len(content):
        if (left := 32768 - at % 32768) < 7:  # no piece begins so near to the end of a block
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", content[at : at + 7])
        held += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            record = messages.Record()
            record.ParseFromString(held)
            records.append(record)
            held = b""
    return records


def _wandb_items(items: Any) -> dict[str, Any]:
    return {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}


def test_trackio_has_one_run_in_its_store(runs: Path) -> None:
    with closing(sqlite3.connect(runs / "trackio" / f"athanor-{TASK}.db")) as store:
        rows = store.execute("SELECT run_name, run_id, step, metrics FROM metrics ORDER BY id").fetchall()
        ((config,),) = store.execute("SELECT config FROM configs").fetchall()
    assert {row[0] for row in rows} == {NAME}
    assert {row[1] for row in rows} == {(runs / NAME / "trackers" / "trackio.id").read_text(encoding="utf-8").strip()}
    logged = [(number, json.loads(metrics)) for _, _, number, metrics in rows]
    assert [number for number, metrics in logged if "train/loss" in metrics] == [1, 2, 3, 3, 4, 5, 6]
    assert [metrics["eval/accuracy"] for _, metrics in logged if "eval/accuracy" in metrics] == [0.2, 0.4, 0.6]
    ends = [metrics for _, metrics in logged if "status" in metrics]
    assert [end["status"] for end in ends] == ["stopped", "finished"]
    assert ends[-1]["test/accuracy"] == 0.5
    assert ends[-1]["model"] == str(runs / NAME / "model")
    assert "pictures/training_curves" in ends[-1]
    assert {"seed": 7, "task": TASK}.items() <= json.loads(config).items()


def test_a_run_leaves_everything_in_its_directory_or_beside_it(runs: Path) -> None:
    assert {entry.name for entry in runs.iterdir()} == {NAME, "mlflow.db", "mlflow-artifacts", "trackio"}
    left = {entry.name for entry in (runs / NAME / "trackers").iterdir()}
    assert left == {"tensorboard", "wandb", *(f"{name}.id" for name in TRACKERS)}


def test_what_others_have_put_into_the_directory_leads_nowhere(tmp_path: Path) -> None:
    layout = left_by_a_run(tmp_path / "run")
    for content in ("../../elsewhere", "a b", "", "x" * 10_000, "\0"):
        layout.trackers.mkdir(exist_ok=True)
        (layout.trackers / "wandb.id").write_text(content, encoding="utf-8")
        assert kept_id(str(layout.directory), "wandb") == ""
    (layout.trackers / "tensorboard").symlink_to(tmp_path)
    with trackers_of(layout, "tensorboard") as (observer, warnings):
        told(observer, started(), step(1), closed(layout))
    assert "is a symbolic link" in warnings[0]
    assert not list(tmp_path.glob("events*"))


def test_who_is_killed_leaves_what_was_told_and_a_run_that_says_killed(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    layout = left_by_a_run(tmp_path / "run")
    process = TrackerProcess.of("tensorboard")
    process.ask(begin={"run_id": "run", "task": TASK, "directory": str(layout.directory), "settings": {}})
    process.ask(points=[{"step": 3, "time": 1.5, "values": {"train/loss": 0.25}}])
    process.close()  # as the system does for who is killed
    read = EventAccumulator(str(layout.trackers / "tensorboard"))
    read.Reload()
    (point,) = read.Scalars("train/loss")
    assert (point.wall_time, point.step, point.value) == (1.5, 3, 0.25)
    assert b"`killed`" in read.Tensors("run/text_summary")[0].tensor_proto.string_val[0]


def _falling(first: int, behind: int) -> tuple[float, ...]:
    return tuple(1 / number for number in range(first, behind))
