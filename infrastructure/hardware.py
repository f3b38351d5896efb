"""What this machine can do, for a person who wonders why something is slow or does not work."""

import os
import re
import shutil
import subprocess
from itertools import combinations
from typing import Any

import torch
import torch.distributed as dist

from domain.launch import num_cores
from infrastructure.data.kept.cache import cache_root
from infrastructure.environment import environment
from infrastructure.trackers.known import installed
from infrastructure.training.device import choose_device
from infrastructure.training.precision import choose_precision, probe

SECONDS_TO_ANSWER = 10


class HardwareReport:
    """Looks at the machine and measures which precision it runs fastest."""

    def num_gpus(self) -> int:
        """Count the GPUs that this process may use."""
        return torch.cuda.device_count()

    def describe(self) -> dict[str, Any]:
        """Give device, cores, memory in bytes, matrix speed in GFLOP/s for each precision, versions, disk.

        And what several processes would have: GPUs and the links between them, backends, cores for each.
        """
        device = choose_device("auto")
        names = ("fp32", "tf32", "bf16", "fp16") if device.type == "cuda" else ("fp32", "bf16")
        speeds = probe(device, names) if device.type != "mps" else {}
        return {
            "device": str(device),
            **_devices(),
            "threads": torch.get_num_threads(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "free_disk_bytes": shutil.disk_usage(".").free,
            "matrix_gflops": {name: round(speed, 1) for name, speed in speeds.items()},
            "precision": choose_precision("auto", True, device),
            **environment(),
            "trackers": installed(),
            "cache": str(cache_root()),
        }


def _devices() -> dict[str, Any]:
    """Tell what a run on many devices would have here."""
    numbers = range(torch.cuda.device_count())
    counts = [len(numbers)] if len(numbers) > 1 else [count for count in (2, 4, 8) if count <= num_cores()]
    return {
        "gpus": [torch.cuda.get_device_name(number) for number in numbers],
        "gpu_memory": [
            f"{torch.cuda.get_device_properties(number).total_memory / 2**30:.1f} GiB" for number in numbers
        ],
        "links": _links(len(numbers)),
        "backends": {
            "gloo": "yes" if dist.is_gloo_available() else "no",
            "nccl": "yes" if dist.is_nccl_available() and len(numbers) else "no",
        },
        "parallel": "single; ddp with `athanor launch`" + (f" on {len(numbers)} GPUs" if len(numbers) > 1 else ""),
        "cores_per_rank": [f"{max(1, num_cores() // count)} where there are {count}" for count in counts],
    }


def _links(count: int) -> dict[str, str]:
    """Name what joins each two GPUs, as nvidia-smi does (NV18, PIX, SYS), and whether one reads the other's memory."""
    told = told_links(_topology()) if count > 1 else {}
    return {
        f"{one}-{other}": " ".join(
            filter(None, (told.get((one, other)), "direct" if _reads(one, other) else "through the host"))
        )
        for one, other in combinations(range(count), 2)
    }


def _reads(one: int, other: int) -> bool:
    return torch.cuda.can_device_access_peer(one, other)


def _topology() -> str:
    try:
        return subprocess.run(
            ("nvidia-smi", "topo", "-m"), capture_output=True, text=True, check=True, timeout=SECONDS_TO_ANSWER
        ).stdout
    except (OSError, subprocess.SubprocessError):  # another maker's GPUs, or a container without the program
        return ""


def told_links(topology: str) -> dict[tuple[int, int], str]:
    """Read the matrix of `nvidia-smi topo -m`: what joins the first GPU of a pair to the second."""
    rows = [line.split() for line in topology.splitlines() if re.match(r"GPU\d+\s", line)]
    numbers = [int(row[0].removeprefix("GPU")) for row in rows]
    return {
        (number, other): cell
        for number, (_, *cells) in zip(numbers, rows, strict=True)
        for other, cell in zip(numbers, cells, strict=False)
        if number != other
    }
