"""Answers beside the rows that they answer: which columns are repeated, and what happens where names meet."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from typing import Any

from application.answers import INTEGER, TEXT, Column
from domain.exceptions import ConfigurationError
from domain.showing import shown

ALL, NONE = "all", "none"
ROW, ID, ERROR = "row", "id", "error"
MAX_NAMES_SHOWN = 20
LONGEST_NAME_COMPARED = 80


@dataclass(frozen=True)
class Keep:
    """Which columns of the input are repeated before its answers: "all", "none", or names, in the order given.

    Names in a text are split by commas, unless the whole of it is a name; a list may also be written as JSON, which is
    the way to a column that is called "all".
    """

    wanted: str | tuple[str, ...] = NONE
    was_said: bool = False

    @property
    def is_none(self) -> bool:
        """Tell whether nothing is repeated."""
        return self.wanted == NONE or self.wanted == ()

    def among(self, columns: Sequence[str], left_out: Sequence[str], file: str) -> tuple[str, ...]:
        """Give the columns of a file that are meant. Raises: ConfigurationError for a name that it has not."""
        if self.is_none:
            return ()
        if self.wanted == ALL:
            return tuple(columns)
        names = self._names(columns)
        if unknown := [name for name in names if name not in columns]:
            raise ConfigurationError.of(list(_unknown_told(unknown, columns, left_out, file)))
        return tuple(dict.fromkeys(names))

    def of_line(self, cells: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give what is repeated of a row that stands for itself, such as a line of standard input."""
        if self.is_none:
            return {}
        if self.wanted == ALL:
            return cells
        return {name: cells[name] for name in self._names(tuple(cells)) if name in cells}

    def _names(self, columns: Sequence[str]) -> Sequence[str]:
        if not isinstance(self.wanted, str):
            return self.wanted
        if self.wanted in columns:
            return (self.wanted,)
        if self.wanted.lstrip().startswith("["):
            try:
                listed = json.loads(self.wanted)
            except (ValueError, RecursionError):
                listed = None
            if isinstance(listed, list) and all(isinstance(name, str) for name in listed):
                return listed
        return [name.strip() if name not in columns else name for name in self.wanted.split(",")]


def _unknown_told(unknown: Sequence[str], columns: Sequence[str], left_out: Sequence[str], file: str) -> Iterator[str]:
    for name in islice(unknown, MAX_NAMES_SHOWN):
        if name in left_out:
            yield f"keep names {shown(name)}, whose cells in {file} are neither text nor number. Leave it out."
            continue
        holding = [column for column in columns if name and name.casefold() in re.split(r"[\W_]+", column.casefold())]
        plain = {column[:LONGEST_NAME_COMPARED]: column for column in columns}
        near = get_close_matches(name[:LONGEST_NAME_COMPARED], plain, n=1) or holding
        known = ", ".join(map(shown, columns[:MAX_NAMES_SHOWN])) + (", ..." if len(columns) > MAX_NAMES_SHOWN else "")
        hint = f"Did you mean {shown(near[0])}?" if near else "Name one of them, or use all or none."
        yield f"keep names {shown(name)}, but {file} has the columns {known}. {hint}"


NOTHING_KEPT = Keep()


@dataclass
class Joining:
    """Puts an answer behind the cells of its row.

    First come the cells that are kept, under their own names, then `row`, counted from 1, `id` where a column of the
    input tells rows apart, and the answer; `error` last. A name of an answer that a kept column has gets `answer_`
    before it, until nobody has it.
    """

    kept: tuple[str, ...] | None
    keep: Keep
    id_column: str | None
    answered: tuple[Column, ...]
    renamed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Rename what two would be called by."""
        if self.kept is not None:
            own = (ROW, ID, *(column.name for column in self.answered), "scores", ERROR)
            self.renamed = _renamed(own, self.kept, self.id_column)

    def table(self, of_input: Sequence[Column]) -> tuple[Column, ...]:
        """Give the columns of a table of joined answers."""
        assert self.kept is not None
        known = {column.name: column for column in of_input}
        columns = [known[name] for name in self.kept]
        has_id = [] if self.id_column is None or self.id_column == ID in self.kept else [known[self.id_column]]
        ids = [Column(self._name(ID), column.kind, column.knows_missing) for column in has_id]
        answered = [Column(self._name(column.name), column.kind, column.knows_missing) for column in self.answered]
        return (*columns, Column(self._name(ROW), INTEGER), *ids, *answered, Column(self._name(ERROR), TEXT))

    def joined(
        self, row: int, cells: Mapping[str, Any], answer: Mapping[str, Any], id_column: str | None
    ) -> dict[str, Any]:
        """Give one row."""
        if self.kept is None:
            before = dict(self.keep.of_line(cells))
            named = _renamed((ROW, ID, *answer), tuple(before), id_column)
        else:
            before = {name: cells[name] for name in self.kept if name in cells}
            named = self.renamed
        before[named.get(ROW, ROW)] = row
        if id_column is not None and id_column in cells:
            before[named.get(ID, ID)] = cells[id_column]
        for name, cell in answer.items():
            before[named.get(name, name)] = cell
        return before

    def facts(self) -> Iterator[str]:
        """Say which names were taken."""
        own = ", ".join(f"{name!r}" for name in self.renamed)
        others = ", ".join(f"{other!r}" for other in self.renamed.values())
        if len(self.renamed) == 1:
            yield f"the input has a column {own} of its own, which is kept; that of the answers is {others}."
        elif self.renamed:
            yield f"the input has columns {own} of its own, which are kept; those of the answers are {others}."

    def _name(self, name: str) -> str:
        return self.renamed.get(name, name)


def _renamed(own: Sequence[str], kept: Sequence[str], id_column: str | None) -> dict[str, str]:
    taken = {*kept, *own}
    renamed = {}
    for name in own:
        if name not in kept or (name == ID == id_column):  # the same cell under the same name
            continue
        other = name
        while other in taken:
            other = f"answer_{other}"
        renamed[name] = other
        taken.add(other)
    return renamed
