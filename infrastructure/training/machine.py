"""What of a machine decides the last bits of a result."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

THREADS = "threads"
RANKS = "ranks"


def machine_facts(device: torch.device, num_ranks: int = 1) -> dict[str, Any]:
    """Tell what sums are rounded by: device, versions, vector units, on a CPU its threads, and how many ranks."""
    facts: dict[str, Any] = {"device": device.type, "torch": torch.__version__, RANKS: num_ranks}
    if device.type == "cuda":
        return {**facts, "unit": torch.cuda.get_device_name(device)}
    if device.type == "cpu":
        return {**facts, "unit": torch.backends.cpu.get_cpu_capability(), THREADS: torch.get_num_threads()}
    return facts


def computed_elsewhere(saved: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Say in a sentence what differs; empty when the last bits will be the same."""
    then, now = ({RANKS: 1, **facts} for facts in (saved, now))  # how many ranks once was no question
    told = [f"{name} {then[name]} then, {now.get(name)} now" for name in then if then[name] != now.get(name)]
    if not told:
        return ""
    return (
        f"the run was begun on another machine ({', '.join(told)}): it goes on rightly, but the last bits of its "
        "result will differ from those of an undisturbed run."
    )


@contextmanager
def computing_with(num_threads: int | None) -> Iterator[None]:
    """Let torch compute with so many threads inside the block, None for as many as now; afterwards as before."""
    before = torch.get_num_threads()
    if num_threads is not None:
        use_threads(num_threads)
    try:
        yield
    finally:
        use_threads(before)


def use_threads(count: int) -> None:
    """Let torch compute with so many threads. It takes any number: more than there are cores are only slower."""
    if count != torch.get_num_threads():
        torch.set_num_threads(count)
