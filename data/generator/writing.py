"""Writes rows in the formats that Athanor reads."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ENDINGS = (".jsonl", ".jsonl.gz", ".parquet")


def write_array(path: Path, rows: Sequence[object]) -> None:
    """Write a JSON array with one row a line, so that a diff shows rows."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows as JSON lines, plain or compressed, or as Parquet, by the ending of the file.

    Raises: ValueError for another ending.
    """
    if not path.name.endswith(ENDINGS):
        raise ValueError(f"{path.name} ends in none of {', '.join(ENDINGS)}, which say what is written.")
    if path.suffix == ".parquet":
        _write_parquet(path, rows)
        return
    lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()
    # A time in the header would make other bytes each time.
    path.write_bytes(gzip.compress(lines, mtime=0) if path.suffix == ".gz" else lines)


def _write_parquet(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write one page a column: what the compression remembers ends with a page."""
    import pyarrow
    from pyarrow import parquet

    marks = pyarrow.list_(
        pyarrow.struct([("start", pyarrow.int32()), ("end", pyarrow.int32()), ("name", pyarrow.string())])
    )
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    named = [[dict(zip(("start", "end", "name"), mark, strict=True)) for mark in row["marks"]] for row in rows]
    columns["marks"] = pyarrow.array(named, marks)
    coded = ["label", "cwe", "surrounding", "part", "marks.list.element.name"]
    parquet.write_table(
        pyarrow.table(columns), path, compression="zstd", compression_level=19, data_page_size=1 << 28,
        row_group_size=1 << 20, use_dictionary=[name for name in coded if name.partition(".")[0] in columns],
    )  # fmt: skip
