"""Whether a disk is waited for, which took a tenth of the time of the tests that train."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def disk_not_awaited() -> Iterator[None]:
    """Let `os.fsync` refuse what is not open, as it does, and ask no disk.

    It guards from a loss of power, which no test can see: what a killed process wrote is with the system already. Files
    that are not synced and are removed within seconds never come to the disk at all.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)
        yield
