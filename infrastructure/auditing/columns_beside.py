"""What rows hold beside text and label and what may give them away: a project, a commit, a time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from application.phases import phase
from domain.reading import Reading
from infrastructure.auditing.sides import Integers
from infrastructure.data.files.row import Row, RowFault
from infrastructure.data.sources.checking import Faults, good_rows, is_blank
from infrastructure.data.sources.fields import Say, columns_of, plain_name, sought
from infrastructure.data.sources.label_names import name_of

# A column is taken for a group when one of its words is here, for a time when one is there. A word that says what a
# row holds ("subject", "source") is not here: it names texts as often as groups.
GROUP_WORDS = frozenset(
    (
        *(
            "project",
            "projects",
            "repo",
            "repository",
            "commit",
            "pair",
            "family",
            "group",
            "author",
            "user",
            "patient",
        ),
        *("customer", "client", "session", "conversation", "thread", "dialogue", "cluster", "speaker", "device"),
    )
)
TIME_WORDS = frozenset(
    (
        *("date", "datetime", "time", "timestamp", "created", "published", "committed", "modified", "updated"),
        *("year", "received", "sent", "opened"),
    )
)
MAX_COLUMNS = 12
MAX_CHARACTERS = 300
NO_GROUP = -1
YES_OR_NO = frozenset(("true", "false", "yes", "no", "0", "1", "y", "n", "t", "f"))
_WORD = re.compile(r"[^\W_]+")
_BEFORE_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class Beside:
    """Columns of all rows of a file, by their names.

    `groups` are numbers [N] that are equal for equal values in every file that was read with the same `values`, -1 for
    none. `times` are cells [N] as the file has them. `named` are the columns that a caller named, with what they are.
    """

    groups: dict[str, Integers]
    times: dict[str, list[Any]]
    named: dict[str, str]


@dataclass
class GroupValues:
    """Numbers of the values that columns of several files may have in common."""

    numbers: dict[str, dict[str, int]] = field(default_factory=dict)

    def number(self, column: str, value: str) -> int:
        """Give the number of a value of a column."""
        known = self.numbers.setdefault(column, {})
        return known.setdefault(value, len(known))

    def names(self, column: str) -> list[str]:
        """Give the values of a column by their numbers."""
        return list(self.numbers.get(column, {}))

    def holds_groups(self, column: str) -> bool:
        """Tell whether a column has several values, and says more than yes and no."""
        values = {value.casefold() for value in islice(self.numbers.get(column, {}), len(YES_OR_NO) + 1)}
        return len(values) > 1 and not values <= YES_OR_NO


class BesideCheck:
    """Takes from each row what may be a group or a time."""

    def __init__(self, name: str, group_field: str | None, time_field: str | None, taken: Sequence[str]) -> None:
        self._name, self._taken = name, frozenset(taken)
        self._named = {"group": group_field, "time": time_field}
        self._roles: dict[str, str] = {}  # by the name of the field, "" for one that is neither
        self.named: dict[str, str] = {}
        self.columns: dict[str, str] = {}

    def look(self, fields: Sequence[str], say: Say) -> None:
        """Find the columns that were named. Raises: DatasetError for one that is not there."""
        wanted = [sought(role, (), name) for role, name in self._named.items() if name is not None]
        roles = [role for role, name in self._named.items() if name is not None]
        for role, (column,) in zip(roles, columns_of(self._name, fields, wanted, say) if wanted else [], strict=True):
            self._roles[column] = self.columns[column] = self.named[column] = role
        for name in fields:
            self._role(name)

    def __call__(self, row: Row) -> tuple[dict[str, str], dict[str, Any]] | Faults:
        """Give the groups and the times of a row."""
        if is_blank(row):
            return [RowFault(row.line, "is blank", "")]  # the other reading left it out
        groups, times = {}, {}
        for name in row.values:
            role = self._roles.get(name)
            if role is None:
                role = self._role(name)
            if role == "group" and (said := name_of(row.values[name])):
                groups[name] = said[:MAX_CHARACTERS]
            elif role == "time" and row.values[name] is not None:
                times[name] = row.values[name]
        return groups, times

    def last_faults(self) -> Faults:
        """Say nothing: what is not there gives nothing away."""
        return []

    def words(self) -> Sequence[str]:
        """Say nothing of good rows."""
        return ()

    def _role(self, name: str) -> str:
        if name not in self._roles:
            is_new = name not in self._taken and len(self.columns) < MAX_COLUMNS
            words = _words_of(name) if is_new else set()
            role = "time" if words & TIME_WORDS else "group" if words & GROUP_WORDS else ""
            self._roles[name] = role
            if role:
                self.columns[name] = role
        return self._roles[name]


def read_beside(
    path: Path,
    reading: Reading,
    values: GroupValues,
    group_field: str | None,
    time_field: str | None,
    taken: Sequence[str],
) -> Beside:
    """Read the columns of a file that may be groups or times, in the order of its rows; not those that are `taken`.

    Raises: DatasetError when a named column is not there.
    """
    check = BesideCheck(path.name, group_field, time_field, taken)
    rows: list[tuple[dict[str, int], dict[str, Any]]] = []
    with phase(f"reading what stands beside the texts of {path.name}"):
        for groups, times in good_rows(path, check, reading, lambda word: None, nested=True):
            rows.append(({name: values.number(name, value) for name, value in groups.items()}, times))
    found = Beside({}, {}, check.named)
    for name, role in check.columns.items():
        if role == "group":
            numbers = (groups.get(name, NO_GROUP) for groups, _ in rows)
            found.groups[name] = np.fromiter(numbers, dtype=np.int64, count=len(rows))
        else:
            found.times[name] = [times.get(name) for _, times in rows]
    return found


def _words_of(name: str) -> set[str]:
    return set(_WORD.findall(plain_name(_BEFORE_CAPITAL.sub("_", name))))
