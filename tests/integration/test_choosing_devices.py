"""Which way a run is shared out, and on which device, or why it cannot be."""

import pytest
import torch

from domain.config import PARALLELS
from domain.exceptions import ConfigurationError
from domain.launch import Launch
from domain.step_size import StepSize
from infrastructure.parallel import choosing
from infrastructure.parallel.choosing import choose_parallel
from infrastructure.parallel.ranks import ALONE, Ranks
from infrastructure.training.alike import (
    require_rows_for_all,
    require_same_data,
    require_same_settings,
    require_same_versions,
)
from infrastructure.training.device import choose_device

TWO = Ranks(Launch(rank=0, size=2, local_size=2, is_by_torchrun=True))


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let this machine have two GPUs; gives those that were chosen."""
    chosen: list[int] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    return chosen


def test_each_process_of_a_machine_has_a_gpu_of_its_own_or_is_refused(two_gpus: list[int]) -> None:
    assert [choose_device("auto", rank).index or 0 for rank in (0, 1)] == [0, 1] == two_gpus
    for name in ("auto", "cuda"):
        with pytest.raises(ConfigurationError) as refused:
            choose_device(name, 2)
        assert "process 2 of this machine has no GPU of its own; there are 2" in str(refused.value)
        assert "Start as many processes as there are GPUs" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "ranks", "said"),
    [
        ("ddp", ALONE, "parallel is ddp, but this is one process alone. Start it by `athanor launch --devices N"),
        ("fsdp", ALONE, "parallel is fsdp, but this is one process alone. Start it by `athanor launch --devices N"),
        ("single", TWO, "parallel is single, but torchrun started 2 processes. Use parallel auto, ddp or fsdp"),
        ("data_parallel", TWO, "parallel is data_parallel, but torchrun started 2 processes. Use parallel auto"),
    ],
)
def test_a_way_that_a_launch_cannot_have_is_refused(
    name: str, ranks: Ranks, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "ranks_of_this_process", lambda *given: ranks)
    with pytest.raises(ConfigurationError) as refused:
        choose_parallel(name)
    assert said in str(refused.value)


@pytest.mark.parametrize(("ranks", "name"), [(ALONE, "single"), (TWO, "ddp")])
def test_auto_is_what_the_launch_can_have(ranks: Ranks, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "ranks_of_this_process", lambda *given: ranks)
    assert choose_parallel("auto").name == name


def test_each_way_that_can_be_asked_for_is_there() -> None:
    assert {"auto", *choosing.STRATEGIES} == {*PARALLELS}


def test_one_process_has_everything_alike() -> None:
    require_rows_for_all(ALONE, StepSize(1))
    require_same_versions(ALONE, {"torch": "2"})
    require_same_data(ALONE, {"training rows": "3"})
    require_same_settings(ALONE, "{}")
    with pytest.raises(ConfigurationError, match="1 ranks cannot share"):
        require_rows_for_all(ALONE, StepSize(0))
