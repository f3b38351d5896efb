"""What this machine can do, for a person who wonders why something is slow or does not work."""

import os
import platform
import shutil
from importlib import metadata
from typing import Any

import torch

from domain.version import VERSION
from infrastructure.data.kept.cache import cache_root
from infrastructure.trackers.known import installed
from infrastructure.training.device import choose_device
from infrastructure.training.precision import choose_precision, probe

LIBRARIES = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "pydantic")


def environment() -> dict[str, Any]:
    """Give what a result may depend on beside the settings: versions and the machine, nothing measured."""
    return {
        "python": platform.python_version(),
        "platform": _platform(),
        "cpu_cores": os.cpu_count(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "versions": {"athanor": VERSION, **{name: metadata.version(name) for name in LIBRARIES}},
    }


def _platform() -> str:
    """Name system, release and machine; `platform.platform` would start a program to ask for the processor."""
    system = os.uname()
    return f"{system.sysname} {system.release} {system.machine}"


class HardwareReport:
    """Looks at the machine and measures which precision it runs fastest."""

    def num_gpus(self) -> int:
        """Count the GPUs that this process may use."""
        return torch.cuda.device_count()

    def describe(self) -> dict[str, Any]:
        """Give device, cores, memory in bytes, matrix speed in GFLOP/s for each precision, versions, disk."""
        device = choose_device("auto")
        names = ("fp32", "bf16", "fp16") if device.type == "cuda" else ("fp32", "bf16")
        speeds = probe(device, names) if device.type != "mps" else {}
        return {
            "device": str(device),
            "gpus": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())],
            "threads": torch.get_num_threads(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "free_disk_bytes": shutil.disk_usage(".").free,
            "matrix_gflops": {name: round(speed, 1) for name, speed in speeds.items()},
            "precision": choose_precision("auto", True, device),
            **environment(),
            "trackers": installed(),
            "cache": str(cache_root()),
        }
