"""Shipped data and run files are found by their names wherever a user stands, and the user's own go before."""

from pathlib import Path

import pytest

from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError
from domain.task import STANDARD_LIBRARY, TASKS, Task, task_named
from infrastructure.data.sources.shipped import located
from infrastructure.runs.run_store import RunStore
from infrastructure.shipped_files import CHECKOUT, found

CONFIGS = sorted((CHECKOUT / "configs").glob("*.yaml"))


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("task", [task for task in TASKS.values() if task.default_dataset != STANDARD_LIBRARY])
def test_the_default_data_of_a_task_is_found_in_an_empty_directory(task: Task) -> None:
    assert located(task.default_dataset, task) == CHECKOUT / task.default_dataset
    assert located(task.default_dataset, task).is_file()


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_a_shipped_run_file_is_found_and_read(config: Path) -> None:
    assert RunStore().read_request(f"configs/{config.name}") == RunStore().read_request(str(config))


def test_what_the_user_has_under_that_name_goes_before(empty_directory: Path) -> None:
    for name in ("data/security.parquet", "configs/security_classification.yaml"):
        mine = empty_directory / name
        mine.parent.mkdir()
        mine.write_text("seed: 5")
        assert found(name) == Path(name)
    assert RunStore().read_request("configs/security_classification.yaml") == TrainModelRequest(seed=5)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "security.parquet",
            "data",
            "data/",
            "data/generator",
            "data/nothing.json",
            "data/../pyproject.toml",
            "-",
            "",
        ),
        *("domain/task.py", "mine/data/security.parquet", "/data/security.parquet", "data/generator/severity.json"),
    ],
)
def test_any_other_path_is_the_users(path: str) -> None:
    assert found(path) == Path(path)


def test_the_data_of_another_task_is_a_path_like_any_other() -> None:
    assert located("data/security.parquet", task_named("text_classification")) == Path("data/security.parquet")


def test_a_run_file_that_is_nowhere_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"run file configs/mine\.yaml does not exist"):
        RunStore().read_request("configs/mine.yaml")
