"""Runs that are stopped or killed and go on, and what is compared of two of them."""

import hashlib
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from application.training_request import TrainModelRequest
from domain.results import Report
from infrastructure.container import Container
from infrastructure.report_writer import ReportWriter
from infrastructure.runs.run_file import dump_request
from tests.fakes.ports import StopsAt
from tests.support.forked import start


def bytes_of(run: Path) -> str:
    """Digest the weights that a run ended with."""
    return hashlib.sha256((run / "model" / "model.safetensors").read_bytes()).hexdigest()


def metrics_of(run: Path) -> list[tuple[str, float, int]]:
    """Every metric but those that measure time or memory."""
    entries = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    measured = ("seconds", "per_second", "memory_bytes")
    return [(e["name"], e["value"], e["step"]) for e in entries if not e["name"].endswith(measured)]


def files_of(run: Path) -> dict[str, str]:
    """Digest every file of the model that a run ended with."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((run / "model").iterdir())}


@contextmanager
def reports_left_out() -> Iterator[None]:
    """Let runs end without a report, which takes longer than the steps of a tiny one and alters no weight."""
    with patch.object(ReportWriter, "write", lambda *given: Report()):
        yield


def stopped_and_resumed(wanted: TrainModelRequest, *steps: int) -> None:
    """Stop a run at one step or at several, and let it go on each time, at last to its end.

    What it writes where it is stopped is written anew at its end: a report is so where it is stopped last.
    """
    for number, (before, step) in enumerate(pairwise((0, *steps)), 1):
        with nullcontext() if number == len(steps) else reports_left_out():
            stopped = (
                Container().train_model().execute(wanted, StopsAt(step))
                if number == 1
                else Container().resume_training().execute(str(wanted.output_dir), StopsAt(step - before))
            )
        assert (stopped.success, stopped.stop_reason) == (False, "cancelled")
    resumed = Container().resume_training().execute(str(wanted.output_dir))
    assert resumed.success, resumed.errors


def killed_and_resumed(wanted: TrainModelRequest, checkpoint: str) -> None:
    """Kill the process of a run as soon as a checkpoint exists, and let the run go on to its end."""
    run = Path(str(wanted.output_dir))
    run_file = run.with_name("run.yaml")
    run_file.write_text(dump_request(wanted.resolved()))
    kill_once_there(["train", "--config", str(run_file)], run / "checkpoints" / checkpoint)
    assert not (run / "summary.json").exists()
    resumed = Container().resume_training().execute(str(run))
    assert resumed.success, resumed.errors


def kill_once_there(words: list[str], checkpoint: Path) -> None:
    """Start the command line and send SIGKILL as soon as a checkpoint exists."""
    with TemporaryDirectory() as answers:
        process = start(words, Path(answers))
        process.wait_for(checkpoint)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
