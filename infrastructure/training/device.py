"""Where tensors live, and what that place has to give."""

import ctypes
import platform
import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

from domain.exceptions import ConfigurationError

# mallopt(3): the largest request that is served from the heap, and how much free heap is kept.
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
_KEPT_BYTES, _RETURNED_BYTES = 2**30, 2**18


def choose_device(name: str, local_rank: int = 0) -> torch.device:
    """Find the device a request names; "auto" takes CUDA, else MPS, else the CPU.

    Of several processes on one machine each takes the GPU of its `local_rank`, unless one is named by its number.
    Raises: ConfigurationError when this machine does not have it.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return _gpu_of(local_rank)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, _, number = name.partition(":")
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(kind, False):
        raise ConfigurationError(f"device {name!r} is not available on this machine.", remedy="Leave device at auto.")
    if number and int(number) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise ConfigurationError(f"device {name!r} does not exist; there are {count}.", remedy="Use a lower number.")
    return _gpu_of(local_rank) if name == "cuda" else torch.device(name)


def _gpu_of(local_rank: int) -> torch.device:
    if local_rank >= torch.cuda.device_count():
        raise ConfigurationError(
            f"process {local_rank} of this machine has no GPU of its own; there are {torch.cuda.device_count()}.",
            remedy="Start as many processes as there are GPUs, or use --set device=cpu.",
        )
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank) if local_rank else torch.device("cuda")


def keep_freed_memory() -> None:
    """Ask glibc to keep what tensors free instead of giving it back to the kernel at once.

    A training step frees and takes the same megabytes over and over; without this each of them is mapped and
    zeroed by the kernel again (measured by benchmarks/levers.py). Does nothing with another C library.
    """
    _tell_glibc(_M_MMAP_THRESHOLD, _KEPT_BYTES)
    _tell_glibc(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def return_freed_memory() -> None:
    """Ask glibc to give tensors back to the kernel at once when they are freed.

    Where whole blocks of weights come and go the heap would else grow around them: decoder-base on two ranks took
    300 MiB more in a step than it held. Does nothing with another C library.
    """
    _tell_glibc(_M_MMAP_THRESHOLD, _RETURNED_BYTES)


def _tell_glibc(parameter: int, value: int) -> None:
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(parameter, value)


def memory_bytes(device: torch.device) -> int:
    """Tell the memory in use: of the device, or of this process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    if sys.platform == "linux":
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    return peak_memory_bytes(device)


def peak_memory_bytes(device: torch.device) -> int:
    """Tell the most memory that was ever in use."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def begin_peak(device: torch.device) -> None:
    """Let `recent_peak_bytes` count from now on."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif sys.platform == "linux":
        with suppress(OSError):  # refused in some containers: the peak is then that of the whole process
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def recent_peak_bytes(device: torch.device) -> int:
    """Tell the most memory in use since `begin_peak`: of the device, or of this process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "linux":
        return _kib_in(Path("/proc/self/status"), "VmHWM") * 1024
    return peak_memory_bytes(device)


def free_memory_bytes(device: torch.device) -> int | None:
    """Tell what memory has left beside what this process holds; None where the machine does not say."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free
    if sys.platform != "linux":
        return None
    free = _kib_in(Path("/proc/meminfo"), "MemAvailable") * 1024
    with suppress(OSError, ValueError):  # a container may have a limit of its own
        group = Path("/sys/fs/cgroup")
        limit, used = (int((group / name).read_text(encoding="ascii")) for name in ("memory.max", "memory.current"))
        free = min(free, max(0, limit - used))
    return free


def _kib_in(file: Path, name: str) -> int:
    for line in file.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0
