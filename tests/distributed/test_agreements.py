"""What one rank alone meets, all of them answer alike, and as one rank would that has the whole step."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from domain.time_budget import TIME_BUDGET
from tests.support import agreeing
from tests.support.once import once
from tests.support.ranks import in_ranks

Runs = Mapping[str, Any]
COUNTED = ("steps", "best_step", "stop_reason", "num_dropped_steps", "num_rollbacks", "warnings")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return _of(1, tmp_path_factory)[0]


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> list[Runs]:
    return _of(4, tmp_path_factory)


def _of(size: int, tmp_path_factory: pytest.TempPathFactory) -> list[Runs]:
    def met(place: Path) -> list[Any]:
        return in_ranks(size, agreeing.troubles, place, directory=str(place))

    found: list[Runs] = once(tmp_path_factory, f"agreements-{size}", met)[0]
    return found


def test_each_rank_ends_with_the_weights_and_the_result_of_the_first(together: list[Runs]) -> None:
    first, *others = together
    for name, run in first.items():
        for other in others:
            assert other[name]["weights"] == run["weights"], name
            assert json.dumps(other[name]["result"]) == json.dumps(run["result"]), name  # where NaN is equal to NaN


def test_four_ranks_meet_what_one_meets(alone: Runs, together: list[Runs]) -> None:
    for name, run in together[0].items():
        expected = alone[name]
        assert {key: run["result"][key] for key in COUNTED} == {key: expected["result"][key] for key in COUNTED}, name
        assert run["events"] == expected["events"], name
        assert run["losses"] == pytest.approx(expected["losses"], rel=1e-5, nan_ok=True), name
        assert run["rates"] == pytest.approx(expected["rates"], rel=1e-12), name


def test_the_troubles_were_met(together: list[Runs]) -> None:
    runs = together[0]
    results = {name: run["result"] for name, run in runs.items()}
    assert results["patience"]["stop_reason"] == "early_stopping"
    assert len(set(runs["plateau"]["rates"])) > 1
    assert results["a row that is no number"]["num_dropped_steps"] == 4  # it comes once in each of four epochs
    assert results["going back"]["num_rollbacks"] == 2
    assert runs["memory lost in training"]["events"].count("MicroBatchHalved") == 3
    assert results["memory lost in scoring"]["warnings"] == [
        "memory ran out in an evaluation, which now takes 1 rows at once."
    ]
    assert (results["asked to stop"]["stop_reason"], results["asked to stop"]["steps"]) == ("cancelled", 5)
    assert results["no time"]["stop_reason"] == TIME_BUDGET


def test_a_rank_learns_from_its_own_rows_alone(together: list[Runs]) -> None:
    rows = [run["nothing"]["rows"] for run in together]
    for of_ranks in zip(*rows, strict=True):
        assert all(len(own) <= 2 for own in of_ranks)
    epoch = [row for of_rank in rows for step in of_rank[:4] for row in step]
    assert sorted(epoch) == list(range(agreeing.NUM_ROWS))
