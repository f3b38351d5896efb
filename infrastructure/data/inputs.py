"""What a finished model is asked: texts of a file or of standard input, one at a time."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.encodings import decoded
from infrastructure.data.opening import BoundedLines, mended, size_of, undecodable
from infrastructure.data.readers import Row, RowFault, read_rows
from infrastructure.data.rows import RowSchema, fault_of, text_field_of

STANDARD_INPUT = "-"


def read_inputs(path: str, fields: tuple[str, ...], reading: Reading = AS_FOUND) -> Iterator[str]:
    """Read texts from the first of `fields` that rows have; `-` reads standard input, a text or JSON object a line.

    Raises: DatasetError at a bad row.
    """
    return _lines_of_standard_input(fields, reading) if path == STANDARD_INPUT else _texts(Path(path), fields, reading)


def _texts(path: Path, fields: tuple[str, ...], reading: Reading) -> Iterator[str]:
    if not path.is_dir():
        size_of(path)
    schema = RowSchema(fields, label_field=None)
    field = ""
    for row in read_rows(path, reading):
        if not field and isinstance(row, Row):
            field = text_field_of(path, row, schema)
        fault = row if isinstance(row, RowFault) else fault_of(row, field, schema)
        if fault is not None:
            raise DatasetError(f"{path.name}:{fault.line}: {fault.problem}.", remedy=fault.remedy)
        assert isinstance(row, Row)
        yield mended(row.values[field])
    if not field:
        raise DatasetError(f"{path} has no rows.", remedy="Give a file with rows.")


def _lines_of_standard_input(fields: tuple[str, ...], reading: Reading) -> Iterator[str]:
    if sys.stdin is None:  # as a service may be started
        raise DatasetError("standard input is closed.", remedy="Give a file, or pipe rows into it.")
    try:
        stream = decoded(sys.stdin.buffer, "standard input", reading)
        lines = BoundedLines(stream, "standard input", reading)
        for number, line in enumerate(lines, 1):
            lines.row_begins(number + 1)
            if line.strip():
                yield mended(_text_of_line(line.rstrip("\r\n"), number, fields))
    except UnicodeDecodeError as error:
        raise undecodable("standard input", error) from error


def _text_of_line(line: str, number: int, fields: tuple[str, ...]) -> str:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return line
    if not isinstance(values, dict):
        return line
    for name in fields:
        if isinstance(values.get(name), str) and values[name].strip():
            return str(values[name])
    raise DatasetError(
        f"standard input:{number}: has no text in {' or '.join(map(repr, fields))}.", remedy="Add the field."
    )
