"""`import athanor` gives people who install it the names of the library and the jobs of the command line."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import athanor
from application.use_cases import train_model
from athanor.own_packages import NAMES
from domain import version
from infrastructure.training import __all__ as names_of_training
from tests.support import tiny

ROOT = Path(__file__).resolve().parents[2]
SMALL: dict[str, Any] = {
    "max_steps": 2,
    "max_length": 16,
    "batch_size": 8,
    "eval_steps": 2,
    "precision": "fp32",
    "device": "cpu",
}


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand beside a file of rows."""
    monkeypatch.chdir(tmp_path)
    return tiny.file_of_rows(tmp_path / "rows.json").relative_to(tmp_path)


def test_every_name_is_there_and_is_what_the_type_checker_is_told() -> None:
    told: dict[str, tuple[str | None, str]] = {}
    for node in ast.walk(ast.parse((ROOT / "athanor/__init__.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module not in ("importlib", "typing", "athanor.own_packages"):
            told |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
    assert sorted(told) == sorted(athanor.__all__)
    for name, (module, home_name) in told.items():
        assert getattr(athanor, name) is getattr(sys.modules[str(module)], home_name), name
    assert set(athanor.__all__) <= set(dir(athanor))
    assert set(names_of_training) <= set(athanor.__all__)
    assert athanor.__version__ == version.VERSION
    assert athanor.TrainModelRequest is train_model.TrainModelRequest
    with pytest.raises(AttributeError, match="module 'athanor' has no attribute 'Nothing'"):
        _ = athanor.Nothing


def test_the_face_has_what_the_page_of_the_library_imports() -> None:
    blocks = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "docs/library.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    imports = [node for block in blocks for node in ast.walk(ast.parse(block)) if isinstance(node, ast.ImportFrom)]
    ours = {alias.name for node in imports if str(node.module).split(".")[0] in NAMES for alias in node.names}
    assert len(ours) > 20
    assert ours - {*athanor.__all__} == set()


def test_the_jobs_take_what_their_requests_take() -> None:
    def taken(job: Callable[..., object]) -> set[str]:
        return {*inspect.signature(job).parameters}

    assert taken(athanor.evaluate) == {*athanor.EvaluateModelRequest.model_fields}
    assert taken(athanor.predict) == {*athanor.PredictRequest.model_fields, "on_text"} - {"for_spreadsheets"}
    assert taken(athanor.train) - {"monitor", "settings"} < {*athanor.TrainModelRequest.model_fields}


def test_the_import_loads_no_library() -> None:
    program = "import athanor, sys; print({'pydantic', 'numpy', 'torch', 'click'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_model_is_trained_scored_and_asked(rows: Path) -> None:
    class Watch:
        steps = 0

        def notify(self, event: athanor.Event) -> None:
            self.steps += isinstance(event, athanor.StepCompleted)

        def stop_requested(self) -> str:
            return ""

    watch, run = Watch(), Path("run")
    response = athanor.train("text_classification", rows, output_dir=run, monitor=watch, logging_steps=1, **SMALL)
    assert response.success, response.errors
    assert (response.run_dir, watch.steps) == ("run", 2)
    scored = athanor.evaluate(run, rows)
    answers = list(athanor.predict(run, rows))
    wanted = [row["label"] for row in tiny.rows()]
    right = sum(answer["label"] == label for answer, label in zip(answers, wanted, strict=True))
    assert scored.num_rows == len(wanted)
    assert scored.metrics["accuracy"] == pytest.approx(right / len(wanted))


def test_a_run_that_was_stopped_goes_on(rows: Path) -> None:
    class Stop:
        def notify(self, event: athanor.Event) -> None:
            self.seen = event

        def stop_requested(self) -> str:
            return "cancelled" if isinstance(getattr(self, "seen", None), athanor.StepCompleted) else ""

    stopped = athanor.train("text_classification", rows, output_dir="run", monitor=Stop(), logging_steps=1, **SMALL)
    assert (stopped.success, stopped.stop_reason) == (False, "cancelled")
    assert athanor.resume("run").success


def test_what_is_wrong_is_said_where_the_jobs_of_the_command_line_say_it(rows: Path) -> None:
    assert athanor.train("text_classification", "nowhere.json").errors[0].startswith("nowhere.json does not exist")
    with pytest.raises(athanor.ConfigurationError, match="Did you mean 'epochs'"):
        athanor.train("text_classification", rows, epoch=3)
    with pytest.raises(athanor.ModelError, match="nowhere is no directory"):
        athanor.evaluate("nowhere", rows)
    with pytest.raises(athanor.ConfigurationError, match="temperature"):
        athanor.predict("nowhere", rows, temperature=-1.0)
