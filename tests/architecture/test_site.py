"""The pages say all there is: each task, each public name, each variable; and the README stays short."""

import re
from pathlib import Path

import athanor
from domain.task import TASKS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
START = (ROOT / "docs/index.md").read_text(encoding="utf-8")
LINES_OF_A_SCREEN = 66


def test_each_task_has_a_page_and_a_run_file() -> None:
    assert {path.stem for path in (ROOT / "docs/tasks").glob("*.md")} == {*TASKS}
    assert {*TASKS} <= {path.stem for path in (ROOT / "configs").glob("*.yaml")}
    for page in (README, START):
        assert [name for name in TASKS if f"`{name}`" not in page and f"[{name}]" not in page] == []


def test_the_reference_has_every_public_name() -> None:
    page = (ROOT / "docs/reference.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^::: athanor\.(\w+)$", page, re.MULTILINE)) == sorted(
        {*athanor.__all__} - {"__version__"}
    )


def test_the_readme_and_the_start_name_the_same_variables() -> None:
    variables = re.compile(r"^\| variable \|.*\n(?:\|.*\n)+", re.MULTILINE)
    assert variables.findall(README) == variables.findall(START) != []


def test_the_readme_is_one_screen_longer_than_its_quick_start() -> None:
    quick_start, rest = README.split("\n## Your own file\n")
    assert "## Quick start" in quick_start
    assert len(rest.splitlines()) <= LINES_OF_A_SCREEN
