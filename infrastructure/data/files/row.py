"""One row of a file, or what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_FAULTS_SHOWN = 20


@dataclass(frozen=True)
class Row:
    """Values of one row and the line of the file it begins on, counted from 1.

    `kept` holds what is repeated beside an answer where that is not `values` themselves.
    """

    line: int
    values: Mapping[str, Any]
    kept: Mapping[str, Any] | None = None

    @property
    def cells(self) -> Mapping[str, Any]:
        """Give what the row held, as the file held it."""
        return self.values if self.kept is None else self.kept


@dataclass(frozen=True)
class RowFault:
    """What is wrong with a row, and what to do; `cells` are those that could be told apart all the same."""

    line: int
    problem: str
    remedy: str
    cells: Mapping[str, Any] = field(default_factory=dict, compare=False)


class LastFault(RowFault):
    """A fault that ends the reading: rows behind it cannot be told apart."""
