"""Columns beside the texts, on both sides of a split: what leaks by them, and which rows belong together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from application.training import LabelTraining
from domain.audit import GroupLeak, TimeLeak
from domain.exceptions import DatasetError
from infrastructure.auditing.columns_beside import NO_GROUP, Beside, GroupValues, read_beside
from infrastructure.auditing.leaks import Times, group_leak, time_leak
from infrastructure.auditing.sides import Integers, Side, Sides
from infrastructure.data.labels.check import FAMILY
from infrastructure.data.sources.fields import names_in

Booleans = NDArray[np.bool_]
# Groups are held out as a whole where there are enough to hold out some and to learn from others.
FEWEST_GROUPS = 10
LARGEST_SHARE = 0.5  # of the rows, in one group


@dataclass(frozen=True)
class SideColumns:
    """Columns of all rows of both files, the training file first: groups as numbers of `names`, times as cells.

    `group_field` is the one whose rows were to stay on one side.
    """

    groups: Mapping[str, tuple[Integers, Integers]]
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    times: Mapping[str, tuple[Sequence[Any], Sequence[Any]]] = field(default_factory=dict)
    group_field: str | None = None
    time_field: str | None = None

    @classmethod
    def read(cls, sides: Sides, training: LabelTraining, time_field: str | None) -> "SideColumns":
        """Read what stands beside texts and labels. Raises: DatasetError for a named column that is not there."""
        values, named = GroupValues(), training.group_field
        train = _beside(sides.train, training, values, named, time_field)
        scored = train if sides.is_one_file else _beside(sides.evaluation, training, values, None, time_field)
        known = [name for name in train.groups if name in scored.groups]
        known = [name for name in known if name == named or values.holds_groups(name)]
        return cls(
            {name: (train.groups[name], scored.groups[name]) for name in known},
            {name: values.names(name) for name in known},
            {name: (train.times[name], scored.times[name]) for name in train.times if name in scored.times},
            named if named in known else None,
            next((name for name, role in train.named.items() if role == "time"), None),
        )

    @classmethod
    def of_split(cls, sides: Sides, training: LabelTraining) -> "SideColumns":
        """Take the groups that the rows were read with, and read nothing; those of two files count as different."""
        groups, scored = (np.asarray(side.rows.groups) for side in (sides.train, sides.evaluation))
        if not (groups >= 0).any():
            return cls({})
        if not sides.is_one_file:
            scored = np.where(scored >= 0, scored + groups.max() + 1, NO_GROUP)
        name = training.group_field or FAMILY
        return cls({name: (groups, scored)}, group_field=name)

    def held_out(self, sides: Sides) -> str | None:
        """Choose the column whose groups are held out: the named one, else the coarsest that can be divided."""
        if self.group_field is not None:
            return self.group_field
        sizes = {
            name: np.bincount(known[known != NO_GROUP]) for name in self.groups if len(known := self.of(name, sides))
        }
        usable = {
            name: int((counts > 0).sum())
            for name, counts in sizes.items()
            if counts.sum() > counts.max(initial=0) / LARGEST_SHARE
        }
        usable = {name: number for name, number in usable.items() if number >= FEWEST_GROUPS}
        return min(usable, key=lambda name: usable[name], default=None)

    def of(self, column: str, sides: Sides) -> Integers:
        """Give the values of a column for rows of both sides, the training part first [N]."""
        train, scored = self.groups[column]
        return np.concatenate([train[sides.train.indices], scored[sides.evaluation.indices]])

    def shared(self, column: str, sides: Sides, some: Sides) -> Booleans:
        """Tell which of some evaluation rows have a value that any row of the training part has [E]."""
        train, scored = self.groups[column]
        values = scored[some.evaluation.indices]
        return (values != NO_GROUP) & np.isin(values, np.unique(train[sides.train.indices]))

    def group_leaks(self, sides: Sides) -> tuple[GroupLeak, ...]:
        """Say of each column of groups whether its values stand on both sides."""
        return tuple(
            group_leak(name, self.names[name], train[sides.train.indices], scored[sides.evaluation.indices])
            for name, (train, scored) in self.groups.items()
            if name in self.names
        )

    def time_leaks(self, sides: Sides) -> tuple[tuple[TimeLeak, ...], tuple[str, ...]]:
        """Say of each column of times whether it divides both sides, and what of them could not be read.

        Raises: DatasetError when the column that was named holds none.
        """
        found, notes = [], []
        for name, (train, scored) in self.times.items():
            cells = [train[row] for row in sides.train.indices] + [scored[row] for row in sides.evaluation.indices]
            try:
                times = Times(name, cells, sides.name)
            except DatasetError as error:
                if name == self.time_field:
                    raise
                notes.append(f"the column {name!r} was not compared as a time: {error.problem}")
                continue
            ends = len(sides.train)
            leak = time_leak(name, times.values[:ends], times.values[ends:], times.text)
            if leak is not None:
                found.append(leak)
            elif name == self.time_field:
                raise DatasetError(f"the column {name!r} has no times in one of the parts.", remedy="Name another one.")
        return tuple(found), tuple(notes)


def _beside(
    side: Side, training: LabelTraining, values: GroupValues, group_field: str | None, time_field: str | None
) -> Beside:
    taken = [*names_in(side.rows.text_field), *names_in(side.rows.label_field)]
    return read_beside(side.rows.path, training.reading, values, group_field, time_field, taken)
