"""What a thread makes before it is asked for is what would have been made then."""

import threading
from collections.abc import Iterator

import pytest

from infrastructure.training.ahead import DEPTH, Ahead

Key = tuple[int, int]


class Work:
    """Says what it was asked for, in which thread, and refuses some of it."""

    def __init__(self, *refused: Key) -> None:
        self.asked: list[Key] = []
        self.threads: set[int] = set()
        self._refused = refused

    def __call__(self, key: Key) -> str:
        self.asked.append(key)
        self.threads.add(threading.get_ident())
        if key in self._refused:
            raise MemoryError(str(key))
        return f"{key[0]} in parts of {key[1]}"


def after(key: Key) -> Key:
    return key[0] + 1, key[1]


@pytest.fixture
def opened() -> Iterator[list[Ahead[Key, str]]]:
    made: list[Ahead[Key, str]] = []
    yield made
    for ahead in made:
        ahead.close()


def ahead_of(work: Work, opened: list[Ahead[Key, str]]) -> Ahead[Key, str]:
    opened.append(Ahead(work, after))
    return opened[-1]


def test_each_value_is_made_once_in_one_other_thread_and_not_too_many(opened: list[Ahead[Key, str]]) -> None:
    work = Work()
    ahead = ahead_of(work, opened)
    assert [ahead.at((step, 8)) for step in range(9)] == [f"{step} in parts of 8" for step in range(9)]
    ahead.close()
    assert work.asked == [(step, 8) for step in range(len(work.asked))]
    assert len(work.asked) <= 9 + DEPTH
    assert len(work.threads) == 1
    assert threading.get_ident() not in work.threads


def test_another_size_or_an_earlier_step_is_made_anew(opened: list[Ahead[Key, str]]) -> None:
    ahead = ahead_of(Work(), opened)
    asked = [(0, 8), (1, 8), (1, 4), (2, 4), (0, 4), (7, 4), (8, 4)]
    assert [ahead.at(key) for key in asked] == [f"{step} in parts of {size}" for step, size in asked]


def test_an_error_comes_to_who_asks_for_its_value_and_to_nobody_before(opened: list[Ahead[Key, str]]) -> None:
    ahead = ahead_of(Work((2, 8)), opened)
    assert [ahead.at((step, 8)) for step in (0, 1)] == ["0 in parts of 8", "1 in parts of 8"]
    with pytest.raises(MemoryError, match="2"):
        ahead.at((2, 8))
    assert ahead.at((2, 4)) == "2 in parts of 4"


def test_it_goes_on_behind_its_end(opened: list[Ahead[Key, str]]) -> None:
    ahead = ahead_of(Work(), opened)
    ahead.at((0, 8))
    ahead.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
    assert ahead.at((1, 8)) == "1 in parts of 8"
