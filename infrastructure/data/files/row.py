"""One row of a file, or what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_FAULTS_SHOWN = 20


@dataclass(frozen=True)
class Row:
    """Values of one row and the line of the file it begins on, counted from 1."""

    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class RowFault:
    """What is wrong with a row, and what to do."""

    line: int
    problem: str
    remedy: str


class LastFault(RowFault):
    """A fault that ends the reading: rows behind it cannot be told apart."""
