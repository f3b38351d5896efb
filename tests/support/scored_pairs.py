"""Pairs that were scored and written out, without a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

HOSTILE = "<script>alert('1')</script>\u202e\x1b[2J"


@dataclass(frozen=True)
class Pairs:
    """Rows of a source and a target."""

    sources: Sequence[str]
    targets: Sequence[str]

    def __len__(self) -> int:
        return len(self.sources)

    def row_id(self, index: int) -> str:
        return f"pairs.jsonl:{index + 1}"

    def source(self, index: int) -> str:
        return self.sources[index]

    def reference(self, index: int) -> str:
        return self.targets[index]


def pairs(count: int) -> Pairs:
    """Give rows of which the first five are odd: hostile, empty, very long, right to left, and with tabs."""
    odd = [
        (HOSTILE, HOSTILE),
        ("nothing", ""),
        ("long " * 2000, "x = 1\n" * 2000),
        ("שלום עולם", "مرحبا بالعالم"),
        ("tabs", "def f():\n\tif x:\n\t\treturn 1\n"),
    ]
    plain = [(f"add {number} to x", f"def add(x):\n    return x + {number}\n") for number in range(count)]
    sources, targets = zip(*(odd + plain)[:count], strict=True)
    return Pairs(sources, targets)


def outcomes(rows: Pairs, num_written: int) -> dict[str, Any]:
    """Say that row i cost i + 1 nats a token, and that the first ones were written, each a little wrong."""
    counts = np.arange(len(rows)) % 7 + 1
    found: dict[str, Any] = {"loss_sum": (np.arange(len(rows)) + 1.0) * counts, "num_targets": counts}
    if num_written:
        written = np.full(len(rows), None, dtype=object)
        written[:num_written] = [f"{rows.reference(row).replace('    ', chr(9))} # {row}" for row in range(num_written)]
        found["output"] = written
    return found
