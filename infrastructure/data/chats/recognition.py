"""Whether a file of pairs holds chats instead."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.chats.forms import ChatSought, chat_columns
from infrastructure.data.chats.turns import holds_turns
from infrastructure.data.files.formats import is_saved_dataset
from infrastructure.data.files.row import Row
from infrastructure.data.sources.checking import ROWS_LOOKED_AT
from infrastructure.data.sources.readers import read_rows


def holds_chats(path: Path, wanted: ChatSought, reading: Reading = AS_FOUND) -> bool:
    """Tell by its first rows whether a file holds more than a text for a text.

    That are turns, or a system, an input or a history beside a question. A file of which neither can be told is none of
    chats, and whoever reads its pairs says what is missing.
    Raises: DatasetError when the file cannot be read, or may hold chats in several forms.
    """
    if wanted.turns.named:
        return True
    if path.is_dir() and not is_saved_dataset(path):
        return False
    head = [row for row in islice(read_rows(path, reading, nested=True), ROWS_LOOKED_AT) if isinstance(row, Row)]
    fields = list(dict.fromkeys(str(name) for row in head for name in row.values))
    try:
        columns = chat_columns(path.name, fields, wanted)
    except DatasetError:
        if any(_hold_turns(head, column) for column in fields if not wanted.source.named and not wanted.target.named):
            raise
        return False
    if columns.turns is not None:
        return _hold_turns(head, columns.turns)
    beside = [column for column in (columns.system, columns.history, *columns.optional) if column is not None]
    return any(_cells(head, column) for column in beside) or any(
        _hold_turns(head, column) for column in (*columns.source, *columns.target)
    )


def _hold_turns(head: Sequence[Row], column: str) -> bool:
    cells = _cells(head, column)
    return bool(cells) and all(map(holds_turns, cells))


def _cells(head: Sequence[Row], column: str) -> list[Any]:
    """Give the cells of some rows that are not empty."""
    return [cell for row in head if (cell := row.values.get(column)) not in (None, "", [], {})]
