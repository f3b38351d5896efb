"""The rows that a finished model is asked, and what of them stands beside its answers."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from application.answers import Column
from application.joining import Joining, Keep
from domain.reading import Reading
from infrastructure.data.files.encodings import decoded
from infrastructure.data.files.opening import BoundedLines, mended, undecodable
from infrastructure.data.sources.contents import (
    Contents,
    add_kinds,
    columns_of_kinds,
    contents_of,
    id_among,
    is_columnar,
)
from infrastructure.data.sources.inputs import STANDARD_INPUT, Input, Source, cells_of_line
from infrastructure.data.sources.typed_lines import TYPED, Arriving, standard_input

_AT_ONCE = 1 << 20


@dataclass
class AskedRows:
    """Rows to be answered. Without `joining` the input is a table and its answers stand alone.

    `columns` are those of a table of answers, `num_rows` is None where it is not known. A row that stands for itself
    (`each_its_own`) may have an id of its own.
    """

    source: Source
    joining: Joining | None = None
    columns: tuple[Column, ...] = ()
    num_rows: int | None = None
    each_its_own: bool = False
    _has_looked: bool = field(default=False, init=False)

    def batches(self, inputs: Iterable[Input], most: int) -> Iterator[list[Input]]:
        """Give rows together as far as they have come: nobody waits for an answer until others have asked."""
        batch: list[Input] = []
        lines = self.source.lines
        for row in inputs:
            batch.append(row)
            if len(batch) >= most or (lines is not None and not lines.has_line()):
                yield batch
                batch = []
        if batch:
            yield batch

    def joined(self, row: int, cells: Mapping[str, Any], answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """Put an answer behind what is kept of its row."""
        joining = self.joining
        if joining is None:
            return answer
        id_column = joining.id_column
        if self.each_its_own or (not self._has_looked and joining.kept is None):
            id_column = id_among(cells)
            if cells and not self.each_its_own:  # the first row speaks for the file
                joining.id_column, self._has_looked = id_column, True
        return joining.joined(row, cells, answer, id_column)

    def facts(self) -> Iterator[str]:
        """Say which names were taken."""
        return iter(()) if self.joining is None else self.joining.facts()


def asked_rows(
    path: str,
    keep: Keep,
    as_table: bool,
    answered: tuple[Column, ...],
    reading: Reading,
    say: Callable[[str], None],
) -> AskedRows:
    """Look at what is asked, as far as it must be known before the first answer.

    Lines of standard input stand each for itself, unless all answers become a table: then they are copied first.
    Raises: DatasetError for a file that cannot be read, ConfigurationError for a column that is not there.
    """
    is_typed = path == STANDARD_INPUT
    lines = standard_input() if is_typed else None
    if is_typed and not as_table:
        return AskedRows(Source(path, lines=lines), Joining(None, keep, None, answered), each_its_own=True)
    name = TYPED if is_typed else Path(path).name
    if lines is not None:
        lines, contents = _copied(lines, reading)
    elif as_table or not keep.is_none or (Path(path).exists() and is_columnar(Path(path))):
        contents = contents_of(Path(path), reading)
    else:
        return AskedRows(Source(path), Joining(None, keep, None, answered))
    kept = keep.among(contents.names, contents.left_out, name)
    if contents.left_out and kept == contents.names and not keep.is_none:
        names = ", ".join(map(repr, contents.left_out[:20]))
        say(f"{name}: {names} hold neither text nor number and are not kept.")
    id_column = id_among(contents.names)
    joining = Joining(kept, keep, id_column, answered)
    wanted = tuple(dict.fromkeys((*kept, *([id_column] if id_column is not None else []))))
    columns = joining.table(contents.columns) if as_table else ()
    return AskedRows(Source(path, wanted, lines), joining, columns, contents.num_rows)


def _copied(lines: Arriving, reading: Reading) -> tuple[Arriving, Contents]:
    """Copy standard input and look through it. Raises: DatasetError."""
    copy = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115  # lives as long as what reads from it
    while part := lines.read1(_AT_ONCE):
        copy.write(part)
    copy.seek(0)
    kinds: dict[str, Any] = {}
    num_rows = 0
    bounded = BoundedLines(decoded(cast(BinaryIO, Arriving(copy)), TYPED, reading), TYPED, reading)
    try:
        for number, line in enumerate(bounded, 1):
            bounded.row_begins(number + 1)
            if line.strip():
                num_rows += 1
                cells = cells_of_line(mended(line.rstrip("\r\n")))
                add_kinds(kinds, {"text": mended(line)} if cells is None else cells)
    except UnicodeDecodeError as error:
        raise undecodable(TYPED, error) from error
    copy.seek(0)
    return Arriving(copy), Contents(columns_of_kinds(kinds, knows_missing=True), (), num_rows)
