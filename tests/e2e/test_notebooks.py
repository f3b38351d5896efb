"""The guides as notebooks run from top to bottom, and show what they promise."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

from tests.support.notebooks import shown_by

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
# Each notebook stands alone: in a directory of its own, without the names of the one before. Models are small here.
BEFORE = """
%reset -f
import os
import pytest
from tests.support.small_presets import small_presets
os.chdir({directory!r})
small_presets(pytest.MonkeyPatch())
%reset -f
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelManager]:
    """Give a kernel that has imported torch once for all notebooks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel()
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_its_run(path: Path, tmp_path: Path, kernel: KernelManager) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "keep notebooks without outputs"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(BEFORE.format(directory=str(tmp_path))))
    NotebookClient(notebook, kernel, timeout=300).execute()
    page = shown_by(notebook)
    assert "report.html" in page  # the response shows itself
    assert "to learn" in page  # and so does the run while it goes on
    assert re.search(r"(completed|early_stopping) after \d+ steps", page)  # a start that is right needs no more
    assert "<progress" not in page  # which leaves no bar behind
