"""What `doctor` says of devices, and of processes that would share them."""

from importlib import metadata

import pytest
import torch

from infrastructure import hardware
from infrastructure.environment import environment
from infrastructure.hardware import HardwareReport, told_links

# As nvidia-smi prints it, its last columns shortened.
TOPOLOGY = """\t\x1b[4mGPU0\tGPU1\tGPU2\tCPU Affinity\x1b[0m
GPU0\t X \tNV18\tSYS\t0-63
GPU1\tNV18\t X \tPIX\t0-63
GPU2\tSYS\tPIX\t X \t64-127

Legend:
  X    = Self
"""


def test_links_are_read_from_what_the_driver_prints() -> None:
    joined = {(0, 1): "NV18", (0, 2): "SYS", (1, 2): "PIX"}
    assert told_links(TOPOLOGY) == {**joined, **{(other, one): name for (one, other), name in joined.items()}}
    assert told_links("No devices were found") == {}


def test_each_pair_of_gpus_is_told_with_its_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_topology", lambda: TOPOLOGY)
    monkeypatch.setattr(hardware, "_reads", lambda one, other: (one, other) == (0, 1))
    assert hardware._links(3) == {
        "0-1": "NV18 direct",
        "0-2": "SYS through the host",
        "1-2": "PIX through the host",
    }
    monkeypatch.setattr(hardware, "_topology", str)
    assert hardware._links(2) == {"0-1": "direct"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="of a machine without a GPU")
def test_a_machine_without_gpus_says_what_its_cores_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "num_cores", lambda: 4)
    told = HardwareReport().describe()
    assert (told["gpus"], told["gpu_memory"], told["links"]) == ([], [], {})
    assert told["backends"] == {"gloo": "yes", "nccl": "no"}
    assert told["cores_per_rank"] == ["2 where there are 2", "1 where there are 4"]
    assert told["parallel"] == "single; ddp with `athanor launch`"
    assert HardwareReport().num_gpus() == 0


def test_versions_are_read_once_for_all_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    known = environment()
    assert known["versions"]["torch"] == metadata.version("torch")
    monkeypatch.setattr(metadata, "version", None)
    assert environment() == known
