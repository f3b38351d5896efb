"""A Python with a small standard library: the data of a run that names none, read within a second."""

import shutil
import sysconfig
from pathlib import Path

import pytest

MODULES = ("argparse.py", "configparser.py", "csv.py", "json", "logging", "statistics.py", "textwrap.py")


def small_library(tmp_path: Path, patch: pytest.MonkeyPatch) -> Path:
    """Copy some modules and let the interpreter say that it has no others; gives their directory."""
    paths = sysconfig.get_paths()
    source, root = Path(paths["stdlib"]), tmp_path / "python"
    root.mkdir()
    for name in MODULES:
        if (source / name).is_dir():
            shutil.copytree(source / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source / name, root / name)
    patch.setattr(sysconfig, "get_paths", lambda *words, **options: {**paths, "stdlib": str(root)})
    return root
