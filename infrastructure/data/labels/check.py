"""What each row of a labelled file must hold, and what is taken from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, MAX_LABELS, MAX_NAME_CHARACTERS, Reading
from infrastructure.data.files.row import Row, RowFault
from infrastructure.data.labels.carried_columns import CarriedColumns, RowCarries
from infrastructure.data.sources.checking import Faults, TextCells, shown_cell
from infrastructure.data.sources.fields import Say, Sought, columns_of, sought
from infrastructure.data.sources.label_names import LabelColumn, name_of

UNLABELLED = -1
FAMILY = "family"  # the field that groups rows where they have it
LABEL = sought("label", ("label",))
_CARRIES_NOTHING = RowCarries()


@dataclass(frozen=True)
class RowSchema:
    """What the rows of a file must hold: a text, and a label unless that is None.

    `labels` is the closed set of labels, empty when any label goes. `group_field` names rows that belong together;
    None takes "family" where rows have it. `carried` names what else is read where rows have it, among "marks",
    "findings", "cwe" and "part".
    """

    text: Sought
    label: Sought | None = LABEL
    labels: tuple[str, ...] = ()
    group_field: str | None = None
    carried: tuple[str, ...] = ()
    reading: Reading = field(default=AS_FOUND, repr=False)  # no part of the name of cached rows


class LabelledCheck:
    """Takes line, text, number of the label, number of the group and what else it carries from a row."""

    def __init__(self, name: str, schema: RowSchema) -> None:
        self._name, self._schema = name, schema
        self.columns: list[tuple[str, ...]] = []
        self.labels = LabelColumn(name, "label", schema.labels)
        self.carried = CarriedColumns(name, schema.carried)
        self._groups: dict[str, int] = {}
        self._group_names: dict[str, int] = {"": -1}

    def look(self, fields: Sequence[str], say: Say) -> None:
        """Find the columns. Raises: DatasetError."""
        schema = self._schema
        wanted = [schema.text] if schema.label is None else [schema.text, schema.label]
        if schema.group_field is not None:
            wanted.append(sought("group", (), schema.group_field))
        self.columns = columns_of(self._name, fields, wanted, say)
        self._cells = TextCells(self.columns[0])
        self._column = self._cells.single
        self._label = None if schema.label is None else self.columns[1][0]
        self._group = FAMILY if schema.group_field is None else self.columns[-1][0]
        if self._label is not None:
            self.labels = LabelColumn(self._name, self._label, schema.labels)
        self._known = self.labels.known
        self.carried.look(fields, self.columns[0], [column for found in self.columns[1:] for column in found])

    def __call__(self, row: Row) -> tuple[int, str, int, int, RowCarries] | Faults:
        """Give line, text, label, group and what else a good row carries."""
        values = row.values
        text: Any = values.get(self._column)
        if type(text) is not str or not text or text.isspace():
            text = self._cells.of(row)
        label: Any = UNLABELLED
        if self._label is not None:
            cell = values.get(self._label)
            label = self._known.get(cell) if type(cell) is str else None
            if label is None:
                label = self._new_label(row, cell)
        group: Any = -1
        if self._group in values:
            cell = values[self._group]
            group = self._groups.get(cell) if type(cell) is str else None
            if group is None:
                group = self._new_group(row, cell)
        carried: Any = _CARRIES_NOTHING
        if self._schema.carried and type(text) is str:
            carried = self.carried.of(row, text)
        if type(text) is str and type(label) is int and type(group) is int and type(carried) is RowCarries:
            return row.line, text, label, group, carried
        found = (text, label, group, *(carried if type(carried) is list else ()))
        return [fault for fault in found if isinstance(fault, RowFault)]

    def last_faults(self) -> Faults:
        """Say why the column holds no labels."""
        fault = self.labels.measured()
        return [RowFault(*fault)] if fault else []

    def words(self) -> Sequence[str]:
        """Say how many texts were numbers, and what was unusual beside them."""
        return [*self._cells.words(self._name), *self.carried.words()]

    def _new_label(self, row: Row, cell: Any) -> int | RowFault:
        if (number := self.labels.met(cell)) is not None:
            return number
        field = self._label
        if field not in row.values:
            return RowFault(row.line, f"field {field!r} is missing", "Add it, or set label_field.")
        name = name_of(cell)
        if cell is None or name == "":
            return RowFault(row.line, f"{field} is empty", "Give the row a label or remove the row.")
        if name is None:
            return RowFault(row.line, f"{field} is {shown_cell(cell)}, not a name", "Name the label in a string.")
        if self._schema.labels and name not in self._schema.labels:
            remedy = "Correct the row, or use --task text_classification for labels of your own."
            known = ", ".join(self._schema.labels)
            return RowFault(row.line, f"label {name[:40]!r} is not one of {known}", remedy)
        if len(name) > MAX_NAME_CHARACTERS:
            return _too_long(row, str(field), name)
        number = self.labels.add(cell, name, row.line)
        if len(self.labels.distinct) > MAX_LABELS:
            if fault := self.labels.measured():
                raise DatasetError(f"{self._name}:{fault[0]}: {fault[1]}.", remedy=fault[2])
            raise DatasetError(
                f"{self._name}:{row.line}: there are more than {MAX_LABELS:,} different labels in the rows up to "
                "here, but a classifier knows at most that many.",
                remedy="Check that label_field names the field of the labels.",
            )
        return number

    def _new_group(self, row: Row, cell: Any) -> int | RowFault:
        name = name_of(cell)
        if name is None:
            return RowFault(row.line, f"{self._group} is {shown_cell(cell)}, not a name", "Name the group in a string.")
        if len(name) > MAX_NAME_CHARACTERS:
            return _too_long(row, self._group, name)
        number = self._group_names.setdefault(name, len(self._group_names) - 1)
        if type(cell) is str:
            self._groups[cell] = number
        return number


def _too_long(row: Row, field: str, name: str) -> RowFault:
    said = f"{field} has {len(name):,} characters, but a name has at most {MAX_NAME_CHARACTERS:,}"
    return RowFault(row.line, said, "Shorten it, or name the field that holds the labels with label_field.")
