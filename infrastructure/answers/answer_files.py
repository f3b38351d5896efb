"""Answers of a finished model in a file, in the format that the ending of its name says."""

import gzip
from collections.abc import Iterable
from pathlib import Path

from application.answers import Answers
from domain.exceptions import ConfigurationError
from infrastructure.data.files.opening import mended
from infrastructure.files import staged_file
from infrastructure.places import require_place

JSON_LINES, PARQUET, EXCEL = (".jsonl", ".jsonl.gz"), ".parquet", ".xlsx"
SEPARATED = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
ENDINGS = (*SEPARATED, PARQUET, EXCEL, *JSON_LINES)


class AnswerFiles:
    """Writes CSV, TSV, Parquet, Excel and JSON lines."""

    def holds_table(self, path: str) -> bool:
        """Tell whether a file of this name holds a table, and no JSON lines.

        Raises: ConfigurationError for an ending that says no format, or one whose library is not there.
        """
        ending = _ending(path)
        if ending == EXCEL:
            from infrastructure.answers.workbook_answers import require_workbooks

            require_workbooks(path)
        return ending not in JSON_LINES

    def write(self, path: str, answers: Answers) -> None:
        """Write answers into a file that is there when all of them are, and replaces what was there.

        Raises: ConfigurationError for an ending that says no format or a place that cannot be written.
        """
        _ending(path)
        target = Path(path)
        require_place(path, "--output")
        try:
            with staged_file(target) as staging:
                write_answers(staging, answers, path)
        except OSError as error:
            is_missing = not target.parent.is_dir()
            raise ConfigurationError(
                f"--output {path} cannot be written: {error.strerror or error}.",
                remedy=f"{f'Make {target.parent} first' if is_missing else 'Make room'}, or choose another place.",
            ) from error


def write_answers(staging: Path, answers: Answers, path: str) -> None:
    """Write answers to a place aside, in the format that the ending of `path` says. Raises: OSError."""
    ending = _ending(path)
    # What writes columns loads pyarrow, for which other answers need not wait.
    if ending == PARQUET:
        from infrastructure.answers.parquet_answers import write_parquet

        write_parquet(staging, answers)
    elif ending == EXCEL:
        from infrastructure.answers.workbook_answers import write_workbook

        write_workbook(staging, answers, path)
    elif ending in JSON_LINES:
        _write_lines(staging, answers.json_lines(), ending)
    else:
        _write_lines(staging, answers.csv_lines("\t" if ending.startswith(".tsv") else ","), ending)


def _ending(path: str) -> str:
    for ending in ENDINGS:
        if path.lower().endswith(ending):
            return ending
    raise ConfigurationError(
        f"--output {path} must end in one of {', '.join(ENDINGS)}, which says its format.", remedy="Rename it."
    )


def _write_lines(staging: Path, lines: Iterable[str], ending: str) -> None:
    with staging.open("wb") as file:
        if ending.endswith(".gz"):
            # Without a name and a time in its header: the same answers give the same bytes.
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                packed.writelines(f"{mended(line)}\n".encode() for line in lines)
        else:
            file.writelines(f"{mended(line)}\n".encode() for line in lines)
