"""Batches that a thread builds before they are asked for change nothing of a run, whatever becomes of it."""

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from domain.events import MicroBatchHalved
from infrastructure.training import batches
from tests.fakes.ports import FakeMonitor, StopsAt
from tests.support.tiny_module import Net, rows, trainer, weights


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Tensor]:
    model = Net()
    trainer(model, tmp_path_factory.mktemp("undisturbed")).train()
    return weights(model)


@pytest.fixture(autouse=True)
def built_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "builds_ahead", lambda device, dataset: True)


def assert_same(model: Net, expected: list[Tensor]) -> None:
    assert all(torch.equal(a, b) for a, b in zip(weights(model), expected, strict=True))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_a_run_ends_with_the_same_weights(tmp_path: Path, undisturbed: list[Tensor]) -> None:
    model = Net()
    trainer(model, tmp_path).train()
    assert_same(model, undisturbed)


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path: Path, undisturbed: list[Tensor]) -> None:
    trainer(Net(), tmp_path, StopsAt(5)).train()
    model = Net()
    trainer(model, tmp_path).train()
    assert_same(model, undisturbed)


def test_rows_that_do_not_fit_are_computed_in_smaller_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monitor, model = FakeMonitor(), Net(3, "training")
    trainer(model, tmp_path / "ahead", monitor).train()
    assert [event.micro_batch_size for event in monitor.events if isinstance(event, MicroBatchHalved)] == [4, 2]
    monkeypatch.undo()
    alone = Net(3, "training")
    trainer(alone, tmp_path / "alone").train()
    assert_same(model, weights(alone))


class Torn(list[Any]):
    """Rows of which one cannot be read."""

    def __getitem__(self, index: Any) -> Any:
        if index == 7:
            raise OSError("the disk is gone")
        return super().__getitem__(index)


def test_a_row_that_cannot_be_read_ends_the_run_as_it_does_without(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="the disk is gone"):
        trainer(Net(), tmp_path, training=Torn(rows())).train()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_only_a_gpu_and_rows_known_by_their_content_are_built_ahead_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    kinds: tuple[Any, ...] = (type("Known", (list,), {"fingerprint": "1"})(), [])
    found = [batches.builds_ahead(torch.device(name), data) for name in ("cuda", "cpu") for data in kinds]
    assert found == [True, False, False, False]
