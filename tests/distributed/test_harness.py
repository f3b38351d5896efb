"""What tests of several ranks stand on: functions and the command line in processes that meet."""

from pathlib import Path
from typing import Any

import pytest

from infrastructure.parallel.ranks import ranks_of_this_process
from tests.support.ranks import athanor_in_ranks, in_ranks


def place(word: str) -> Any:
    ranks = ranks_of_this_process()
    return [word, ranks.rank, ranks.summed(ranks.rank)]


def failing() -> None:
    ranks = ranks_of_this_process()
    if ranks.rank == 1:
        raise ValueError("this one alone")
    ranks.wait_for_all()


def test_each_rank_knows_its_place_and_they_meet(tmp_path: Path) -> None:
    assert in_ranks(3, place, tmp_path, word="here") == [["here", 0, [3.0]], ["here", 1, [3.0]], ["here", 2, [3.0]]]


def test_the_traceback_of_a_rank_that_fails_is_shown(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="ValueError: this one alone"):
        in_ranks(2, failing, tmp_path)


def test_the_command_line_answers_once(tmp_path: Path) -> None:
    answers = athanor_in_ranks(2, ["--version"], tmp_path)
    assert [answer.exit_code for answer in answers] == [0, 0]
    assert [bool(answer.stdout) for answer in answers] == [True, False]
