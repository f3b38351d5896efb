"""What of a machine decides the last bits of a result."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from domain.exceptions import TrainingError

THREADS = "threads"
RANKS = "ranks"
COMPILED = "compiled"


def machine_facts(device: torch.device, num_ranks: int = 1, compiled: bool = False) -> dict[str, Any]:
    """Tell what sums are rounded by: device, versions, vector units, a CPU's threads, ranks, and who wrote the code."""
    facts: dict[str, Any] = {"device": device.type, "torch": torch.__version__, RANKS: num_ranks, COMPILED: compiled}
    if device.type == "cuda":
        return {**facts, "unit": torch.cuda.get_device_name(device)}
    if device.type == "cpu":
        return {**facts, "unit": torch.backends.cpu.get_cpu_capability(), THREADS: torch.get_num_threads()}
    return facts


def computed_elsewhere(saved: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Say in a sentence what differs; empty when the last bits will be the same."""
    # Once it was no question how many ranks there were, or whether layers were compiled.
    then, now = ({RANKS: 1, COMPILED: False, **facts} for facts in (saved, now))
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


@contextmanager
def summing_in_one_order(wanted: bool, device: torch.device) -> Iterator[None]:
    """Let a GPU use kernels alone inside the block that sum in one order, if that is `wanted`; a CPU always does.

    Raises: TrainingError for an operation of which there is no such kernel.
    """
    if not wanted or device.type != "cuda":
        yield
        return
    rules: Any = torch.utils.deterministic  # whose attributes are made when it is loaded
    before, fills = torch.are_deterministic_algorithms_enabled(), rules.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    # Filling what nobody reads would find a mistake of ours and costs time at each use of memory.
    rules.fill_uninitialized_memory = False
    try:
        yield
    except RuntimeError as error:
        if "does not have a deterministic implementation" not in str(error):
            raise
        operation = str(error).partition(" does not")[0]
        raise TrainingError(
            f"deterministic is true, and {operation} sums on {device} in no certain order.",
            remedy="Leave deterministic out, or take another model.",
        ) from error
    finally:
        torch.use_deterministic_algorithms(before)
        rules.fill_uninitialized_memory = fills


def use_threads(count: int) -> None:
    """Let torch compute with so many threads. It takes any number: more than there are cores are only slower."""
    if count != torch.get_num_threads():
        torch.set_num_threads(count)
