"""A task, a kind and an observer are added from outside, as the page that tells of it does it."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from application.training import TRAININGS
from domain.task import TASKS
from infrastructure.tasks.kind import FinishedTask, TaskKind
from infrastructure.tasks.registry import KINDS

PAGE = (Path(__file__).resolve().parents[2] / "docs/how_to_add.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAME = re.compile(r"# (\w+)\.py\n")
QUOTE = re.compile(r"(?:^> .*\n)+", re.MULTILINE)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Run the page in an empty directory; gives its variables, and what it printed as `printed`."""
    printed: list[str] = []
    variables: dict[str, Any] = {"print": lambda *words: printed.append(" ".join(map(str, words))), "printed": printed}
    with pytest.MonkeyPatch.context() as change, patch.dict(TASKS), patch.dict(KINDS), patch.dict(TRAININGS):
        change.chdir(tmp_path_factory.mktemp("outside"))
        change.syspath_prepend(str(Path.cwd()))
        for language, code in BLOCK.findall(PAGE):
            assert language == "python"
            name = NAME.match(code)
            if name:
                Path(f"{name[1]}.py").write_text(code, encoding="utf-8")
            else:
                exec(compile(code, "how_to_add.md", "exec"), variables)
        yield variables
        for name in re.findall(r"^```python\n# (\w+)\.py$", PAGE, re.MULTILINE):
            sys.modules.pop(name, None)


def test_a_task_of_an_existing_kind_is_one_entry(page: dict[str, Any]) -> None:
    response = page["response"]
    assert response.success, response.errors
    assert (response.task, response.metric_name) == ("mood", "accuracy")
    assert response.best_metric > 0.9
    assert page["answer"]["label"] in ("calm", "loud")


def test_a_kind_of_task_is_one_file_and_one_line(page: dict[str, Any]) -> None:
    whole = page["whole"]
    assert whole.success, whole.errors
    assert whole.final_metrics["loss"] < whole.baselines["mean_loss"] / 100
    answers = [answer["answer"] for answer in page["athanor"].predict("runs/sums", "sums.jsonl")]
    wanted = [json.loads(line)["sum"] for line in Path("sums.jsonl").read_text().splitlines()]
    assert answers == pytest.approx(wanted, abs=0.2)


def test_the_kind_of_the_page_has_what_a_kind_needs_and_no_more(page: dict[str, Any]) -> None:
    def members(thing: type) -> set[str]:
        return {name for each in thing.__mro__ for name in vars(each) if not name.startswith("_")}

    kinds = sys.modules["number_kind"]
    assert members(kinds.Numbers) == members(TaskKind)
    assert members(kinds.FinishedNumbers) == members(FinishedTask)


def test_the_loader_gives_the_rows_of_the_kind_of_the_page(page: dict[str, Any]) -> None:
    assert [len(page[name]) for name in ("all_rows", "train", "held_out")] == [64, 48, 16]


def test_an_observer_ends_a_run_that_goes_on_as_if_nobody_had(page: dict[str, Any]) -> None:
    assert (page["stopped"].stop_reason, page["stopped"].success) == ("cancelled", False)
    assert page["resumed"].success
    assert page["one"] == page["other"]


def test_the_page_quotes_what_is_printed(page: dict[str, Any]) -> None:
    said = "\n".join(page["printed"])
    quoted = [quote.removeprefix("> ").replace("\n> ", " ").strip() for quote in QUOTE.findall(PAGE)]
    assert quoted
    assert [sentence for sentence in quoted if sentence not in said] == []
