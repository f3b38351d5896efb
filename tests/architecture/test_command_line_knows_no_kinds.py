"""What the command line shows follows from metrics and from the words of a kind, never from the name of a task."""

import ast
from pathlib import Path

import pytest

from domain.headlines import label_of
from domain.task import TASKS
from presentation.cli.wording import speed_of, words_of

SCREEN = Path(__file__).resolve().parents[2] / "presentation"
NAMES = {name for task in TASKS.values() for name in (task.name, task.kind)}


@pytest.mark.parametrize("path", sorted(SCREEN.rglob("*.py")), ids=lambda path: path.relative_to(SCREEN).as_posix())
def test_no_file_of_the_command_line_compares_with_a_task_or_a_kind(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert texts & NAMES == set()


def test_each_kind_has_its_words() -> None:
    told = {name: (words_of(name).read, words_of(name).fed, label_of("loss", words_of(name))) for name in TASKS}
    assert told["text_classification"] == ("rows", "rows", "loss")
    assert told["language_modeling"] == ("documents", "blocks", "loss")
    assert told["quantile_forecasting"] == ("windows", "windows", "pinball loss")
    assert speed_of(words_of("market_direction"), 10.0, 2_000.0) == "2,000 windows/s"
    assert speed_of(words_of("code_generation"), 10.0, 2_000.0) == "10 tokens/s"
    assert words_of("of elsewhere") == words_of(None)
