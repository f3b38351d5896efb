"""What stands in the rows of a file beside their texts: its columns, how many rows there are, and which tells them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from application.answers import INTEGER, NUMBER, TEXT, TRUTH, WORDS, Column
from domain.exceptions import DatasetError
from domain.reading import Reading
from infrastructure.data.files.formats import COLUMNAR, is_saved_dataset
from infrastructure.data.files.opening import size_of
from infrastructure.data.files.row import LastFault
from infrastructure.data.sources.readers import SEPARATED, format_of, read_rows
from infrastructure.data.sources.text_folders import text_files

# The names of a column that tells one row from another, as `_plain` writes them; the first that is there is it.
ID_NAMES = ("id", "row_id", "key", "uuid", "guid", "identifier", "ticket_id", "ticket", "path")
_ID_ENDS = ("_id", "_key", "_uuid", "_guid")
_WHOLE, _EXACT = 1 << 63, 1 << 53  # what an integer of 64 bits holds, and what a float does
_LARGE = "large integer"
_WIDER = {frozenset((INTEGER, NUMBER)): NUMBER, frozenset((INTEGER, _LARGE)): _LARGE}


@dataclass(frozen=True)
class Contents:
    """The columns of a file, those of them that no answer can repeat, and the number of its rows."""

    columns: tuple[Column, ...]
    left_out: tuple[str, ...]
    num_rows: int

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that can be repeated."""
        return tuple(column.name for column in self.columns)


def contents_of(path: Path, reading: Reading) -> Contents:
    """Look through a file; of one that keeps its cells by column the head is enough. Raises: DatasetError."""
    if is_columnar(path):
        return _of_columns(path, reading)
    if path.is_dir():
        return Contents((Column("path", TEXT),), (), len(text_files(path)))
    size_of(path)
    return _of_rows(path, reading)


def is_columnar(path: Path) -> bool:
    """Tell whether a file keeps its cells by column. Raises: DatasetError for an unknown ending."""
    return is_saved_dataset(path) if path.is_dir() else format_of(path) in COLUMNAR


def id_among(names: Iterable[str]) -> str | None:
    """Give the column that tells rows apart: one of `ID_NAMES`, or the only one whose name ends alike.

    Of several that do, it is the one that stands first of all columns.
    """
    known = [(_plain(name), name) for name in names]
    for wanted in ID_NAMES:
        for plain, name in known:
            if plain == wanted:
                return name
    ending = [name for plain, name in known if plain.endswith(_ID_ENDS)]
    return ending[0] if len(ending) == 1 or (ending and ending[0] == known[0][1]) else None


def _plain(name: str) -> str:
    """Write a name in one way: TicketID, ticketId, "Ticket ID" and ticket-id are ticket_id."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip()[:80])
    return re.sub(r"[\s\-.]+", "_", apart).casefold()


def _of_columns(path: Path, reading: Reading) -> Contents:
    from infrastructure.data.columnar.formats import open_columnar
    from infrastructure.data.columnar.rows import keepable

    if not path.is_dir():
        size_of(path)
    file = open_columnar(path, path.name, reading)
    found = keepable(file)
    columns = tuple(Column(name, kind, knows_missing=True) for name, kind in found.items() if kind is not None)
    return Contents(columns, tuple(name for name, kind in found.items() if kind is None), len(file))


def _of_rows(path: Path, reading: Reading) -> Contents:
    kinds: dict[str, Any] = {}
    num_rows = 0
    knows_kinds = format_of(path) not in (*SEPARATED, ".txt")
    for row in read_rows(path, reading):
        if isinstance(row, LastFault):
            break  # whoever asks for the rows is told
        num_rows += 1
        if knows_kinds:
            add_kinds(kinds, row.cells)
        elif not kinds or len(row.cells) > len(kinds):
            kinds = dict.fromkeys(row.cells, TEXT)
    if not num_rows:
        raise DatasetError(f"{path} has no rows.", remedy="Give a file with rows.")
    return Contents(columns_of_kinds(kinds, knows_missing=knows_kinds), (), num_rows)


def add_kinds(kinds: dict[str, Any], cells: Mapping[str, Any]) -> None:
    """Widen what is known of columns by the cells of a row of JSON."""
    for name, cell in cells.items():
        known = kinds.setdefault(name, None)
        if known is WORDS or cell is None:
            continue
        kind = _kind_of(cell)
        if known != kind:
            kinds[name] = kind if known is None else _WIDER.get(frozenset((known, kind)), WORDS)


def columns_of_kinds(kinds: Mapping[str, Any], knows_missing: bool) -> tuple[Column, ...]:
    """Give columns of these kinds; one without any cell is of texts."""
    own = {None: TEXT, _LARGE: INTEGER}
    return tuple(Column(name, own.get(kind, kind), knows_missing) for name, kind in kinds.items())


def _kind_of(cell: Any) -> str:
    if isinstance(cell, bool):
        return TRUTH
    if isinstance(cell, int):
        return INTEGER if abs(cell) <= _EXACT else _LARGE if abs(cell) < _WHOLE else WORDS
    return NUMBER if isinstance(cell, float) else TEXT if isinstance(cell, str) else WORDS
