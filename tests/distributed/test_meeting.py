"""Processes that were started anew meet each other, and not what the dead have left in the store."""

import socket
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from torch._C._distributed_c10d import HashStore
from torch.distributed.distributed_c10d import Store

from domain.launch import Launch
from infrastructure.parallel.lost_ranks import LostRanksError
from infrastructure.parallel.meeting import met, store_of_launch

LIMIT = 20.0


def coming(pool: ThreadPoolExecutor, store: Store, *ranks: int) -> list[Future[Store]]:
    return [pool.submit(met, store, Launch(rank=rank, size=3), LIMIT) for rank in ranks]


def test_a_second_meeting_in_one_store_knows_nothing_of_the_first() -> None:
    store = HashStore()
    with ThreadPoolExecutor(3) as pool:
        for _ in range(2):
            one, *others = [place.result() for place in coming(pool, store, 1, 2, 0)]
            assert not one.check(["said"])
            one.set("said", "yes")
            assert [other.get("said") for other in others] == [b"yes", b"yes"]


def test_who_comes_before_the_first_one_does_not_take_a_former_meeting_for_its_own() -> None:
    store = HashStore()
    with ThreadPoolExecutor(3) as pool:
        former, *_ = [place.result() for place in coming(pool, store, 0, 1, 2)]
        former.set("said", "yes")
        early = coming(pool, store, 1, 2)
        while not all(store.get(f"answer/{rank}") != store.get(f"heard/{rank}") for rank in (1, 2)):
            pass  # until both have repeated the former name
        assert not any(place.done() for place in early)
        coming(pool, store, 0)
        assert not any(place.result().check(["said"]) for place in early)


def test_those_who_do_not_come_are_named() -> None:
    for rank, who in ((0, "ranks 1, 2 of 3 did not"), (1, "rank 0 of 3 did not")):
        with pytest.raises(LostRanksError, match=who):
            met(HashStore(), Launch(rank=rank, size=3), 0.0)


def test_what_listens_and_is_no_store_is_waited_for_no_longer_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "RANK": "1", "WORLD_SIZE": "2"}
        for name, value in place.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(TimeoutError, match=r"no store answered within 0\.3 seconds"):
            store_of_launch(0.3)
