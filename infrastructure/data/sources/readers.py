"""Rows of a file in any of the formats we take, one at a time and with their line."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, TextIO

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.files.encodings import Say, survey, survey_of
from infrastructure.data.files.formats import COLUMNAR, is_saved_dataset
from infrastructure.data.files.opening import mended, open_text, require_unicode, row_too_large, told_of
from infrastructure.data.files.row import Row as Row
from infrastructure.data.files.row import RowFault as RowFault
from infrastructure.data.separated.dialect import SeparatedFile
from infrastructure.data.separated.rows import separated_rows
from infrastructure.data.sources.json_rows import json_array, json_lines, json_objects, json_shape, single_lines
from infrastructure.data.sources.text_folders import text_files

HEAD_CHARACTERS = 1 << 16


def read_rows(
    path: Path,
    reading: Reading = AS_FOUND,
    say: Say = lambda word: None,
    kept: Sequence[str] = (),
    nested: bool = False,
) -> Iterator[Row | RowFault]:
    """Read a file or a directory of text files; a directory gives one row a file, labelled by its sub-directory.

    `kept` names columns of a file of columns whose cells are wanted with their types, in `Row.kept`; with `nested`
    its cells may be lists and objects.
    What is unusual about the file as a whole is told to `say`, a sentence at a time. Memory does not grow with the
    file. Raises: DatasetError when the file as a whole cannot be read.
    """
    if path.is_dir() and not is_saved_dataset(path):
        yield from _directory(path, reading, say)
        return
    kind = COLUMNAR[0] if path.is_dir() else format_of(path)
    if kind in COLUMNAR:
        from infrastructure.data.columnar.formats import open_columnar
        from infrastructure.data.columnar.rows import columnar_rows

        columns = open_columnar(path, path.name, reading)
        for note in columns.notes:
            say(f"{path.name}: {note}")
        yield from columnar_rows(columns, kept, say, nested)
    elif kind in SEPARATED:
        yield from separated_rows(SeparatedFile(path, path.name, reading, say))
    else:
        encoding = survey(path, path.name, reading, say).encoding
        read = _READERS[kind] if kind == ".txt" else _json_reader(path, kind, reading, encoding, say)
        with told_of(path), open_text(path, reading, encoding) as file:
            yield from read(file, path.name, reading)


def format_of(path: Path) -> str:
    """Give the suffix that decides how a file is read, `.gz` set aside. Raises: DatasetError for an unknown one."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise DatasetError(
            f"{path.name} has the ending {suffix!r}, but must have one of {known} (or that and .gz).",
            remedy="Convert or rename the file.",
        )
    return suffix


def _json_reader(path: Path, kind: str, reading: Reading, encoding: str, say: Say) -> "_Read":
    """Choose by what the text begins with, whatever its ending says."""
    with told_of(path), open_text(path, reading, encoding) as file:
        shape = json_shape(file.read(HEAD_CHARACTERS), kind != ".json")
    usual = "array" if kind == ".json" else "lines"
    if shape != usual:
        say(f"{path.name}: {_SHAPES[shape]}.")
    return {"array": json_array, "lines": json_lines, "objects": json_objects}[shape]


def _plain_lines(file: TextIO, name: str, reading: Reading) -> Iterator[Row | RowFault]:
    for number, line in single_lines(file, name, reading):
        if line.strip():
            yield Row(number, {"text": line.rstrip("\r\n")})


def _directory(path: Path, reading: Reading, say: Say) -> Iterator[Row | RowFault]:
    require_unicode(path)
    for number, file in enumerate(text_files(path, say), 1):
        name = mended(file.relative_to(path).as_posix())
        with told_of(file, name):
            encoding = survey_of(_binary(file), name, reading, say).encoding
            with file.open(encoding=encoding) as opened:
                text = opened.read(reading.row_characters + 1)
        if len(text) > reading.row_characters:
            raise row_too_large(name, 1, reading)
        label = file.relative_to(path).parts[0] if file.parent != path else None
        yield Row(number, {"text": text, "label": label}, {"path": name})


def _binary(file: Path) -> Callable[[], BinaryIO]:
    return lambda: file.open("rb")


_Read = Callable[[TextIO, str, Reading], Iterator[Row | RowFault]]
_READERS: Mapping[str, _Read] = {
    ".json": json_array,
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".txt": _plain_lines,
}
_SHAPES = {
    "array": "it holds a JSON array, and was read as one",
    "lines": "it holds a JSON object a line, and was read as JSON Lines",
    "objects": "it holds JSON objects that follow one another, and each was read as a row",
}


SEPARATED = (".csv", ".tsv")
FORMATS = (*_READERS, *SEPARATED, *COLUMNAR)
