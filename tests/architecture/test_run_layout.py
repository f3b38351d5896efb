"""One file knows where a run keeps what."""

import ast
from pathlib import Path, PurePosixPath

from domain.run_layout import RunLayout
from tests.support.sources import LAYERS, parsed, sources

HOME = PurePosixPath("domain/run_layout.py")
PATHS = [name for name, value in vars(RunLayout).items() if isinstance(value, property) and name != "own_places"]
NAMES = [getattr(RunLayout(Path("run")), name).name for name in PATHS]


def spelt(source: str) -> list[str]:
    """Name what a file spells of a run: names of its files, and its directories behind a slash."""
    found = []
    for node in ast.walk(parsed(source)):
        match node:
            case ast.Constant(value=str(name)) if name in NAMES and "." in name:
                found.append(f"{node.lineno}: {name}")
            case ast.BinOp(op=ast.Div(), right=ast.Constant(value=str(name))) if name in NAMES:
                found.append(f"{node.lineno}: / {name}")
    return found


def test_every_path_lies_in_the_directory_of_the_run_and_has_its_own_name() -> None:
    assert {getattr(RunLayout(Path("run")), name).parent for name in PATHS} == {Path("run")}
    assert len(set(NAMES)) == len(NAMES) >= 15
    assert set(RunLayout(Path("run")).own_places) <= {Path("run") / name for name in NAMES}


def test_no_other_file_spells_a_path_of_a_run() -> None:
    found = {str(path): spelt(source) for path, source in sources(*LAYERS) if path != HOME}
    assert {path: names for path, names in found.items() if names} == {}


def test_a_path_that_is_spelt_is_seen() -> None:
    assert spelt('open(run / "model")\nname = "metrics.jsonl"\nkind = "model"') == ["2: metrics.jsonl", "1: / model"]
