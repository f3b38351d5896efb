"""Answers of a finished model in a file, in the format that the ending of its name says."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet

from application.answers import Answers
from domain.exceptions import ConfigurationError
from infrastructure.data.clock.stamps import read_stamp
from infrastructure.data.clock.time_zones import instants
from infrastructure.files import staged_file

JSON_LINES = ".jsonl"
TABLES = (".csv", ".csv.gz", ".parquet", JSON_LINES)


class AnswerFiles:
    """Writes CSV, Parquet and JSON lines."""

    def write(self, path: str, answers: Answers) -> None:
        """Write answers into a file that is there when all of them are, and replaces what was there.

        Raises: ConfigurationError for an ending that does not suit the answers or a place that cannot be written.
        """
        target, ending = Path(path), _ending(path, answers.is_table)
        if target.exists() and not target.is_file():
            raise ConfigurationError(f"--output {path} is no file.", remedy="Name a file, new or to be replaced.")
        try:
            with staged_file(target) as staging:
                if ending == ".parquet":
                    pyarrow.parquet.write_table(_arrow_table(answers), staging)
                else:
                    _write_lines(staging, answers.json_lines() if ending == JSON_LINES else answers.csv_lines(), ending)
        except OSError as error:
            raise ConfigurationError(
                f"--output {path} cannot be written: {error.strerror or error}.",
                remedy="Make room or choose another place.",
            ) from error


def _ending(path: str, is_table: bool) -> str:
    known = TABLES if is_table else (JSON_LINES,)
    for ending in known:
        if path.lower().endswith(ending):
            return ending
    raise ConfigurationError(
        f"--output {path} must end in one of {', '.join(known)}, which says its format."
        if is_table
        else f"--output {path} must end in {JSON_LINES}: this model's answers are JSON objects, one a line.",
        remedy="Rename it.",
    )


def _write_lines(staging: Path, lines: Iterator[str], ending: str) -> None:
    with staging.open("wb") as file:
        if ending.endswith(".gz"):
            # Without a name and a time in its header: the same forecast gives the same bytes.
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                packed.writelines(f"{line}\n".encode() for line in lines)
        else:
            file.writelines(f"{line}\n".encode() for line in lines)


def _arrow_table(answers: Answers) -> pyarrow.Table:
    """Give the rows as columns: numbers as float64 with all their digits, stamps as timestamps."""
    table = pyarrow.Table.from_pylist(list(answers))
    stamps = _timestamps(table.column(0).combine_chunks()) if table.num_rows else None
    return table if stamps is None else table.set_column(0, table.column_names[0], stamps)


def _timestamps(texts: pyarrow.Array) -> pyarrow.Array | None:
    """Turn the stamps of a clock into timestamps in microseconds; None for the numbers of rows."""
    if not pyarrow.types.is_string(texts.type):
        return None
    read = [read_stamp(text) for text in texts.to_pylist()]
    if not all(read):
        return None
    stamps = [stamp for stamp in read if stamp is not None]
    zones = {zone for _, zone in stamps}
    # Arrow counts instants with a zone in UTC, and the wall clock without one.
    micros = [int(instants(np.array([stamp]), zone)[0]) for stamp, zone in stamps]
    zone = zones.pop() if len(zones) == 1 else "Z"
    return pyarrow.array(micros, pyarrow.timestamp("us", tz=None if not zone else "UTC" if zone == "Z" else zone))
