"""What takes long to make and many tests look at: made once, whichever process of the tests comes first."""

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Any]) -> tuple[Any, Path]:
    """Give what `make` has returned, as JSON knows it, and the directory that it filled; others wait meanwhile."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    place, answer = shared / name, shared / f"{name}.json"
    with open(shared / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not answer.exists():
            place.mkdir()
            answer.write_text(json.dumps(make(place)), encoding="utf-8")
    return json.loads(answer.read_text(encoding="utf-8")), place
