"""Which of the processes that come to a store belong together."""

import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import timedelta
from threading import Thread

from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from domain.launch import Launch
from infrastructure.parallel.lost_ranks import SECONDS_BETWEEN_LOOKS, LostRanksError, named

_NAME = "meeting"
Wait = Callable[[Sequence[int]], None]


def store_of_launch(timeout: float) -> Store:
    """Connect to the store of the launch that the environment names.

    In a thread, since torch waits without end, and hears no signal, where something listens that is no store.
    Raises: TimeoutError behind `timeout` seconds, and RuntimeError or ValueError, which are torch's.
    """
    found: Future[Store] = Future()

    def connect() -> None:
        try:
            store, _, _ = next(rendezvous("env://", timeout=timedelta(seconds=timeout)))
            found.set_result(store)
        except Exception as error:
            found.set_exception(error)

    Thread(target=connect, daemon=True).start()
    with suppress(TimeoutError):
        return found.result(timeout)
    raise TimeoutError(f"no store answered within {timeout:g} seconds")


def met(store: Store, launch: Launch, timeout: float) -> Store:
    """Wait for all ranks of a launch; gives the part of the store that they have for themselves, the same to all.

    torchrun keeps its store when it starts processes anew, with all that the dead have said there: where they listen,
    why they ended. How often it has done so, each of its agents counts by itself. So the first rank makes up a name,
    each other one repeats it together with a word that it makes up, and knows it for new when that word comes back.
    Raises: LostRanksError naming those that do not come within `timeout` seconds.
    """
    until = time.monotonic() + timeout

    def wait(missing: Sequence[int]) -> None:
        if time.monotonic() > until:
            raise LostRanksError(
                f"{named(missing)} of {launch.size} did not come within {timeout:g} seconds.",
                remedy="See what it said last, or allow more time with rank_timeout.",
            )
        time.sleep(SECONDS_BETWEEN_LOOKS)

    name = _asked(store, launch, wait) if launch.is_first else _answered(store, launch, wait)
    return PrefixStore(name, store)


def _asked(store: Store, launch: Launch, wait: Wait) -> str:
    name = secrets.token_hex(8)
    store.set(_NAME, name)
    missing = list(range(1, launch.size))
    while True:
        answers = {rank: _said(store, f"answer/{rank}") for rank in missing}
        for rank in missing:
            if answers[rank].startswith(name):
                store.set(f"heard/{rank}", answers[rank])
        missing = [rank for rank in missing if not answers[rank].startswith(name)]
        if not missing:
            return name
        wait(missing)


def _answered(store: Store, launch: Launch, wait: Wait) -> str:
    word = secrets.token_hex(8)
    while True:
        if name := _said(store, _NAME):  # perhaps that of a former meeting, which nobody hears any more
            answer = f"{name}:{word}"
            store.set(f"answer/{launch.rank}", answer)
            if _said(store, f"heard/{launch.rank}") == answer:
                return name
        wait([0])


def _said(store: Store, key: str) -> str:
    return store.get(key).decode() if store.check([key]) else ""
