"""Files whose content is another than their ending says: told by their first bytes."""

import re
from pathlib import Path

from domain.exceptions import DatasetError
from infrastructure.data.files.formats import ARROW, EXCEL, PARQUET

HEAD_BYTES = 4096
_ZIP = b"PK\x03\x04"
# First bytes, what they mean, and the endings of files that begin so.
_KINDS: tuple[tuple[bytes, str, tuple[str, ...]], ...] = (
    (b"PAR1", "Parquet", (PARQUET,)),
    (b"ARROW1", "Arrow", ARROW),
    (b"FEA1", "Feather", (".feather", ".arrow")),
    (b"\xff\xff\xff\xff", "an Arrow stream", ARROW),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old or locked Excel workbook", (".xls", ".xlsx", ".xlsm")),
    (b"\x1f\x8b", "gzip", (".gz",)),
)
_FOREIGN = (
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"(\xb5/\xfd", "a zstd archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "an SQLite database"),
    (b"{\\rtf", "a text of a word processor"),
)
_ROWS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson")
_POINTER = b"version https://git-lfs.github.com/spec/"
_PAGES = (b"<!doctype", b"<html", b"<?xml", b"<table")
_JSON = re.compile(rb'\[?\s*\{\s*"[^"]*"\s*:')
_OFFICE = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/")


def disguised(name: str, head: bytes, ending: str) -> DatasetError | None:
    """Say what a file is and what to do when its first bytes speak against its ending, None when they do not."""
    if head.startswith(_ZIP):
        return None if ending in EXCEL else _zipped(name, head)
    for magic, what, endings in _KINDS:
        if head.startswith(magic):
            return None if ending in endings else _named_wrongly(name, what, endings[0])
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            remedy = "Unpack it." if what.endswith("archive") else "Save what it holds as CSV."
            return DatasetError(f"{name} is {what}.", remedy=remedy)
    if head.startswith(_POINTER):
        return DatasetError(f"{name} is a pointer of Git LFS, not the data.", remedy="Fetch it: git lfs pull")
    if ending in _ROWS and (error := _other_text(name, head, ending)) is not None:
        return error
    return _text(name, head) if ending in (PARQUET, *ARROW, *EXCEL) and _is_text(head) else None


def _other_text(name: str, head: bytes, ending: str) -> DatasetError | None:
    """Say that rows are a page of the web, as failed downloads are, or JSON in a file of cells."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:9].lower().startswith(_PAGES):
        said = f"{name} is HTML or XML."
        return DatasetError(said, remedy="Download the file itself, or open it in a spreadsheet program and save it.")
    if ending in (".csv", ".tsv") and (found := _JSON.match(start)):
        return _named_wrongly(name, "JSON", ".json" if found[0].startswith(b"[") else ".jsonl")
    return None


def _zipped(name: str, head: bytes) -> DatasetError:
    # The name of the first entry stands behind its header of 30 bytes.
    if head[30:].startswith(_OFFICE):
        return _named_wrongly(name, "an Excel workbook or another document of Office", ".xlsx")
    return DatasetError(f"{name} is a zip archive.", remedy="Unpack it and name the file that it holds.")


def _text(name: str, head: bytes) -> DatasetError:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"<":
        return DatasetError(f"{name} is HTML or XML.", remedy="Open it in a spreadsheet program and save it as .xlsx.")
    line = head.splitlines()[0]
    table = ".tsv" if line.count(b"\t") > line.count(b",") else ".csv"
    return _named_wrongly(name, "text", {b"{": ".jsonl", b"[": ".json"}.get(start, table))


def _is_text(head: bytes) -> bool:
    if not head.strip() or b"\0" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.end >= len(head)  # a letter that the end of the head cut in two
    return True


def _named_wrongly(name: str, what: str, ending: str) -> DatasetError:
    is_packed = name.lower().endswith(".gz")
    inner = Path(name[:-3] if is_packed else name)
    right = f"{name}.gz" if ending == ".gz" else f"{inner.stem}{ending}{'.gz' if is_packed else ''}"
    return DatasetError(f"{name} is {what}, which its ending does not say.", remedy=f"Rename it to {right}.")
