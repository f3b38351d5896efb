"""How a long table is read, and which of its columns is what."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from infrastructure.data.files.table_faults import TableFaults
from infrastructure.data.table.choice import TableSchema, choose_columns
from infrastructure.data.table.columns import Header

ROLES = {"series_column": "series", "static_columns": "static", "known_columns": "known", "target_columns": "targets"}


@dataclass(frozen=True)
class PanelSchema:
    """How a long table is read.

    `table` says what it says of any table: the clock, which columns are read (`columns`), which are the targets
    (`needed`, else all that are nothing else), and what is done about values and about stamps, those of one series.
    `series_columns` together tell series apart, None finds them. `static_columns` stay the same throughout a series,
    `known_columns` are known ahead. A series with fewer than `least_rows` rows that hold a value of a target is left
    out. `categories` are those of a finished model, by the name of their column; None finds them.
    """

    table: TableSchema = field(default_factory=TableSchema)
    series_columns: tuple[str, ...] | None = None
    static_columns: tuple[str, ...] = ()
    known_columns: tuple[str, ...] = ()
    least_rows: int = 1
    categories: tuple[tuple[str, tuple[str, ...]], ...] | None = None


@dataclass(frozen=True)
class Roles:
    """What the columns of a long table are; `others` may be targets, past or static, or be left out."""

    time: str
    series: tuple[str, ...]
    targets: tuple[str, ...]
    others: tuple[str, ...]
    known: tuple[str, ...]
    static: tuple[str, ...]

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that become numbers, in the order in which they are kept at first."""
        return (*self.targets, *self.others, *self.known, *self.static)


def choose_roles(
    header: Header, schema: PanelSchema, series: Sequence[str], is_text: bool, faults: TableFaults
) -> Roles | None:
    """Say which column is what; what stands in the way goes to `faults`, and then there may be nothing to say."""
    table, named = schema.table, {"series": tuple(series), "static": schema.static_columns}
    named |= {"known": schema.known_columns, "targets": table.needed}
    for name, count in Counter(name for names in named.values() for name in names).items():
        if count > 1:
            where = " and ".join(setting for setting, role in ROLES.items() if name in named[role])
            faults.add(f"{name!r} stands {count} times in {where}", "Name each column once.")
    if faults.count:
        return None
    declared = tuple(name for names in named.values() for name in names)
    columns = table.columns
    if columns is not None:
        columns = tuple(dict.fromkeys((*columns, *declared)))
    elif not {*declared} <= {*header.names}:
        columns = declared  # so that the names that do not exist are told, and nothing else
    needed = tuple(name for name in table.needed if name in header.names)
    time, chosen = choose_columns(header, replace(table, columns=columns, needed=needed), is_text, faults)
    if time in declared and not faults.count:
        faults.add(f"{time!r} is the time column, and can be nothing else", "Take it out, or name another time_column.")
    if faults.count:
        return None
    if time is None:
        faults.add(
            "has no time column, which many series, known_columns and holidays need",
            "Name it with time_column, or drop holidays and known_columns.",
        )
        return None
    others = tuple(name for name in chosen if name not in declared)
    if not others and not table.needed:
        faults.add("has no column beside those that are named for something else", "Leave one of them to be forecast.")
        return None
    return Roles(time, tuple(series), table.needed, others, schema.known_columns, schema.static_columns)
