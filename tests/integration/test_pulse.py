"""The thread by which a process tells others that it lives."""

import atexit
import threading
from typing import Any

import pytest
from torch._C._distributed_c10d import HashStore

from domain.launch import Launch
from infrastructure.parallel import lost_ranks
from infrastructure.parallel.lost_ranks import Presence


def test_it_is_over_before_python_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    # Python aborts a process whose threads come back from code in C++ while it ends.
    at_end: list[Any] = []
    monkeypatch.setattr(atexit, "register", at_end.append)
    monkeypatch.setattr(lost_ranks, "_another_connection", lambda store: store)
    Presence(HashStore(), Launch(size=2), timeout=60.0)
    (thread,) = _pulses()
    for end in at_end:
        end()
    assert not thread.is_alive()


def _pulses() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "pulse"]
