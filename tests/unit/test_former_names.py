"""A setting is read by the name that it had once, with a word about the name it has today."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError
from infrastructure.runs.run_archive import RunArchive
from infrastructure.runs.run_file import dump_request, read_request
from tests.support.command_line import athanor

WORD = ("data_parallel=true is called parallel=data_parallel now.",)


@pytest.mark.parametrize(
    ("given", "parallel", "told"),
    [
        ({"data_parallel": True}, "data_parallel", WORD),
        ({"data_parallel": True, "parallel": None}, "data_parallel", WORD),
        ({"data_parallel": False}, "auto", ()),
        ({"data_parallel": False, "parallel": "ddp"}, "ddp", ()),
        ({"data_parallel": None}, "auto", ()),
    ],
    ids=str,
)
def test_the_former_name_means_what_it_meant(given: dict[str, Any], parallel: str, told: tuple[str, ...]) -> None:
    request = TrainModelRequest(**given)
    assert (request.resolved().parallel, request.warnings) == (parallel, told)
    assert request.changed(seed=1).warnings == told


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"data_parallel": "yes"}, "data_parallel is 'yes', but was true or false, and is called parallel now. Use "),
        ({"data_parallel": True, "parallel": "ddp"}, "both are the same setting. Drop data_parallel."),
    ],
    ids=str,
)
def test_what_it_never_meant_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        TrainModelRequest(**given)
    assert said in str(refused.value)


def test_run_files_of_then_are_read_shown_and_overridden(tmp_path: Path) -> None:
    settings = yaml.safe_load(dump_request(TrainModelRequest(task="text_classification", dataset_path="x").resolved()))
    assert settings.pop("parallel") == "auto"
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump({**settings, "data_parallel": False}))
    assert read_request(file).parallel == "auto"
    assert RunArchive().settings(str(tmp_path))["parallel"] == "auto"
    file.write_text(yaml.safe_dump({**settings, "data_parallel": True}))
    assert read_request(file).warnings == WORD
    assert read_request(file).changed(parallel="auto").resolved().parallel == "auto"
    assert athanor("runs", "show", tmp_path).exit_code == 0
