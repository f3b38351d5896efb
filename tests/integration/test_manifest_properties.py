"""The seal of a checkpoint: every single change of a byte is found, and any state comes back."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exceptions import CheckpointError
from infrastructure.training.checkpoint_manager import CheckpointManager
from tests.support.texts import any_text
from tests.support.trees import is_same, trees


class Holder:
    """Has whatever state it is given."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._state = state

    def state_dict(self) -> dict[str, Any]:
        return dict(self._state)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("sealed")
    model = Holder({"w": torch.tensor([1.5, -2.0])})
    extra = {"progress": {"step": 1}}
    saved = CheckpointManager(directory).save_checkpoint(model=model, optimizer=model, step=1, extra=extra)
    yield directory / saved.name
    shutil.rmtree(directory)


@settings(max_examples=40)
@given(st.data())
def test_a_single_byte_changed_removed_or_put_in_is_found_in_every_file(checkpoint: Path, data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(sorted(checkpoint.iterdir())))
    content = file.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.binary(min_size=1, max_size=1))
    kind = data.draw(st.sampled_from(("changed", "removed", "put in")))
    if kind == "changed":
        byte = bytes([content[place] ^ (byte[0] or 1)])
    damaged = content[:place] + (b"" if kind == "removed" else byte) + content[place + (kind != "put in") :]
    manager = CheckpointManager(checkpoint.parent)
    file.write_bytes(damaged)
    try:
        with pytest.raises(CheckpointError, match="step-00000001 is damaged"):
            manager.load_checkpoint(checkpoint.name)
        assert manager.load_latest_checkpoint() is None
        assert len(manager.damaged) == 1
    finally:
        file.write_bytes(content)


@settings(max_examples=5)
@given(st.dictionaries(any_text(max_size=3), trees, max_size=3))
def test_any_nested_state_comes_back_from_a_checkpoint(
    tmp_path_factory: pytest.TempPathFactory, state: dict[str, Any]
) -> None:
    manager = CheckpointManager(tmp_path_factory.mktemp("any"))
    name = manager.save_checkpoint(extra=state, step=1).name
    loaded = manager.load_checkpoint(name)
    assert loaded is not None
    assert is_same(loaded["extra"], state)
