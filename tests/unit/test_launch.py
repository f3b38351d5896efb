"""What torchrun tells its processes, and what is refused of it."""

import pytest

from domain.exceptions import ConfigurationError
from domain.launch import Launch

SECOND = {"RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}


def test_a_program_that_torchrun_did_not_start_is_alone() -> None:
    launch = Launch.of({"PATH": "/bin", "MASTER_PORT": "29500"})
    assert launch == Launch()
    assert (launch.size, launch.is_first, launch.num_nodes, launch.is_by_torchrun) == (1, True, 1, False)


def test_a_process_of_several_knows_its_place() -> None:
    launch = Launch.of({**SECOND, "TORCHELASTIC_RESTART_COUNT": "2", "TORCHELASTIC_RUN_ID": "mine"})
    assert launch == Launch(1, 4, 1, 2, 2, "mine", is_by_torchrun=True)
    assert (launch.is_first, launch.num_nodes) == (False, 2)


def test_nodes_that_are_not_full_are_counted() -> None:
    assert Launch.of({**SECOND, "WORLD_SIZE": "5"}).num_nodes == 3


def test_one_node_is_taken_for_all_where_nothing_is_said_of_it() -> None:
    said = {name: value for name, value in SECOND.items() if name != "LOCAL_WORLD_SIZE"}
    assert Launch.of(said).num_nodes == 1


def test_a_launch_without_a_name_has_none() -> None:
    assert Launch.of({**SECOND, "TORCHELASTIC_RUN_ID": "none"}).name == ""


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"RANK": None}, "RANK is missing in the environment beside WORLD_SIZE=4"),
        ({"WORLD_SIZE": None, "LOCAL_RANK": None}, "WORLD_SIZE and LOCAL_RANK are missing"),
        ({"RANK": "4"}, "RANK=4, WORLD_SIZE=4"),
        ({"WORLD_SIZE": "0"}, "which cannot be"),
        ({"LOCAL_RANK": "2"}, "LOCAL_RANK=2, LOCAL_WORLD_SIZE=2, which cannot be"),
        ({"RANK": "-1"}, "RANK is '-1' in the environment, which is no number"),
        ({"WORLD_SIZE": ""}, "WORLD_SIZE is '' in the environment, which is no number"),
        ({"RANK": "\u0663"}, "which is no number"),
    ],
)
def test_an_environment_that_cannot_be_is_refused_with_a_way_out(changed: dict[str, str | None], told: str) -> None:
    environment = {name: value for name, value in {**SECOND, **changed}.items() if value is not None}
    with pytest.raises(ConfigurationError, match=told) as refused:
        Launch.of(environment)
    assert refused.value.exit_code == 2
    assert "Start it by torchrun, or without these variables." in str(refused.value)
