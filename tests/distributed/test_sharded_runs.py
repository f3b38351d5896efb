"""Runs whose ranks hold the state together: stopped, taken up on another number of ranks, rolled back, refused."""

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from domain.events import RolledBack, Warned
from infrastructure.parallel.ranks import ranks_of_this_process
from infrastructure.training import checkpoint_files
from infrastructure.training.checkpoint_manager import CheckpointNotSavedError
from tests.fakes.ports import FakeMonitor, StopsAt
from tests.support.once import once
from tests.support.ranks import in_ranks
from tests.support.tiny_module import Net, flip, rows, trainer

NUM_STEPS, STOPPED_AT, STOPPED_AFTER = 8, 3, 2


def run(directory: Path, parallel: str = "fsdp", monitor: Any = None, accept: bool = False, **settings: Any) -> Any:
    """Train eight steps, or what is left of them."""
    settings = {
        "num_epochs": NUM_STEPS // 4,
        "average_decay": 0.9,
        "logging_steps": 1,
        "parallel": parallel,
        **settings,
    }
    return trainer(Net(), directory, monitor, **settings).train(accept_changes=accept)


def losses(directory: Path) -> dict[int, float]:
    entries = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    return {entry["step"]: entry["value"] for entry in entries if entry["name"] == "train_loss"}


def copied(directory: Path, name: str) -> Path:
    """Copy a run beside itself, once for all ranks."""
    ranks, copy = ranks_of_this_process(), directory.with_name(name)
    if ranks.is_first:
        shutil.copytree(directory, copy)
    ranks.wait_for_all()
    return copy


def is_near(left: Path, right: Path) -> bool:
    one, other = (load_file(path / "model" / "model.safetensors") for path in (left, right))
    return all(torch.allclose(tensor, other[name], rtol=1e-5, atol=1e-6) for name, tensor in one.items())


# What the ranks do


def on_four(place: str) -> None:
    """Train undisturbed; stop another run, and take it up."""
    run(Path(place) / "undisturbed")
    run(Path(place) / "stopped", monitor=StopsAt(STOPPED_AT))
    run(copied(Path(place) / "stopped", "same"))


def on_two(place: str) -> dict[str, Any]:
    """Take up the run of four, to the end and to be stopped again, also with whole weights; and that of one."""
    stopped = Path(place) / "stopped"
    run(copied(stopped, "as ddp"), "ddp")
    run(copied(stopped, "again"), monitor=StopsAt(STOPPED_AFTER))
    run(Path(place) / "of one")
    monitor, changed = FakeMonitor(), copied(stopped, "changed")
    run(changed, monitor=monitor, accept=True, learning_rate=1e-3, max_checkpoints=50)
    state = json.loads((changed / "checkpoints" / f"step-{STOPPED_AT:08d}" / "state.json").read_text())
    return {
        "changed": [event.message for event in monitor.events if isinstance(event, Warned)],
        "anew": state["extra"]["settings"]["learning_rate"],
    }


def in_trouble(place: str) -> dict[str, Any]:
    """Lose steps to rows that are no numbers, the best state to a bit, and states to the disk of one rank."""
    ranks = ranks_of_this_process()
    told: dict[str, Any] = {}
    bad = rows()
    bad[7] = (bad[7][0], torch.tensor([float("nan")]))
    monitor = FakeMonitor()
    went = run(Path(place) / "bad", monitor=monitor, training=bad, max_bad_steps=1, max_rollbacks=1)
    told["reason"] = went.stop_reason
    told["back to"] = [event.to_step for event in monitor.events if isinstance(event, RolledBack)]

    # Scored on the contrary of what is learnt: the best state is not the newest.
    scored: dict[str, Any] = {
        "evaluation": rows(12, -1.0),
        "eval_steps": 4,
        "early_stopping_patience": 0,
        "max_checkpoints": 50,
    }
    whole = run(Path(place) / "whole", **scored)
    best = copied(Path(place) / "whole", "damaged")
    if ranks.is_first:
        flip(best / "checkpoints" / f"step-{whole.best_step:08d}" / "model-00002-of-00002.safetensors")
    ranks.wait_for_all()
    settled = run(best, **scored)
    told["best"] = [whole.best_step, settled.best_step, *settled.warnings]

    refuse(ranks.rank == 1, {4, 6})
    told["refused"] = list(run(Path(place) / "refused", max_checkpoints=50).warnings)
    refuse(ranks.rank == 1, {0})
    try:
        run(Path(place) / "at once")
    except CheckpointNotSavedError as error:
        told["at once"] = error.problem
    return told


def refuse(applies: bool, steps: set[int]) -> None:
    """Let the disk be broken whenever a state of these steps is written."""

    def write(tensors: dict[str, Tensor], path: Path) -> None:
        if applies and any(f"step-{step:08d}" in str(path) for step in steps):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        save_file(tensors, path)

    setattr(checkpoint_files, "save_file", write)  # noqa: B010  # in this process, which ends with the test


# What is so of them


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold runs of one process, of four ranks, of two and of one again."""
    return once(tmp_path_factory, "sharded-runs", _run_all)[1]


def _run_all(place: Path) -> None:
    run(place / "single", "single")
    run(place / "of one", "single", StopsAt(STOPPED_AT))
    in_ranks(4, on_four, place / "answers" / "four", place=str(place))
    (place / "told.json").write_text(json.dumps(in_ranks(2, on_two, place / "answers" / "two", place=str(place))))
    run(place / "again", "single")


def test_as_many_ranks_end_with_the_same_bytes(place: Path) -> None:
    files = [place / name / "model" / "model.safetensors" for name in ("undisturbed", "same")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert losses(place / "undisturbed") == losses(place / "same")


@pytest.mark.parametrize("name", ["undisturbed", "as ddp", "again", "of one"])
def test_on_another_number_the_run_goes_on_as_if_nothing_had_been(place: Path, name: str) -> None:
    """Four, then two, then one; four and then whole weights; one and then two."""
    alone, found = losses(place / "single"), losses(place / name)
    assert list(found) == list(alone) == list(range(1, NUM_STEPS + 1))
    assert max(abs(found[step] / alone[step] - 1.0) for step in alone) < 1e-5
    assert is_near(place / name, place / "single")


def test_each_layout_was_on_disk(place: Path) -> None:
    files = {path.name for path in (place / "again" / "checkpoints").glob("*/model*")}
    assert files >= {"model.safetensors", "model-00002-of-00002.safetensors"}


def test_other_settings_are_accepted_by_all_and_the_state_saved_anew(place: Path) -> None:
    first, second = json.loads((place / "told.json").read_text())
    assert first == second
    assert any("learning_rate was 0.01 and is 0.001" in message for message in first["changed"])
    assert first["anew"] == 1e-3


def test_trouble_of_one_rank_is_met_by_all(tmp_path: Path) -> None:
    first, second = in_ranks(2, in_trouble, tmp_path / "answers", place=str(tmp_path))
    assert first["reason"] == second["reason"] == "diverged"
    assert len(first["back to"]) == 1
    assert first["best"] == second["best"]
    best, next_best, *warnings = first["best"]
    assert next_best != best
    assert any("is damaged or was never saved" in warning for warning in warnings)
    assert any("model-00002-of-00002.safetensors does not have the SHA-256" in warning for warning in warnings)
    assert [message.split()[1] for message in first["refused"]] == ["step-00000004", "step-00000006"]
    assert first["refused"] == second["refused"]
    assert "step-00000000 cannot be written" in first["at once"]
    assert first["at once"] == second["at once"]
    assert not list((tmp_path / "at once" / "checkpoints").glob("step-*"))
