"""What a result may depend on beside the settings: versions and the machine, nothing measured."""

import os
import platform
import sys
from functools import cache
from importlib import metadata
from typing import Any

from domain.version import VERSION

LIBRARIES = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "pydantic")


def environment() -> dict[str, Any]:
    """Give versions, and of the processor what torch makes use of, where it has been loaded."""
    torch = sys.modules.get("torch")
    known = {} if torch is None else {"cpu_capability": torch.backends.cpu.get_cpu_capability()}
    return {
        "python": platform.python_version(),
        "platform": _platform(),
        "cpu_cores": os.cpu_count(),
        **known,
        "versions": {"athanor": VERSION, **versions()},
    }


@cache
def versions() -> dict[str, str]:
    """Give the version of each library, read once: it took a fourteenth of a tiny run, which asks three times."""
    return {name: metadata.version(name) for name in LIBRARIES}


def _platform() -> str:
    """Name system, release and machine; `platform.platform` would start a program to ask for the processor."""
    system = os.uname()
    return f"{system.sysname} {system.release} {system.machine}"
