"""Data that is immense, deep, broken, no file at all, or written to drive a terminal."""

import functools
import gzip
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from tests.faults.hostile.arena import FORECASTER, WRITER, Place, rows
from tests.faults.hostile.case import ACCEPTED, ANY, EITHER, REFUSED, Case, train
from tests.faults.hostile.model_cases import DEEP, LONG_NUMBER, NO_FILES
from tests.faults.hostile.run_cases import OWNED

BRIEF = ("--batch-size", "4", "--precision", "fp32", "--set", "max_steps=2", "--output", "out")
GOOD = "".join(json.dumps(row) + "\n" for row in rows())


def forecast(data: str) -> tuple[str, ...]:
    """Give the words that train a forecaster for two steps."""
    shape = ("--set", "horizons=6", "--set", "patch_length=12")
    return ("train", *FORECASTER, *shape, *BRIEF, "--dataset", data)


def write_on(data: str) -> tuple[str, ...]:
    """Give the words that train a writer for two steps."""
    return ("train", *WRITER, *BRIEF, "--dataset", data)


# What takes seconds to unpack to the default is refused at an eighth of it by the same lines.
LITTLE = ("--set", "max_unpacked_mib=128")
COMMANDS: dict[str, Callable[[str], tuple[str, ...]]] = {
    "classifier": lambda data: train(data=data),
    "classifier of little": lambda data: train(*LITTLE, data=data),
    "forecaster": forecast,
    "writer": write_on,
    "writer of little": lambda data: (*write_on(data), *LITTLE),
}


def data(place: Place, name: str, content: str | bytes | Callable[[], str | bytes], kind: str) -> Sequence[str]:
    """Write a file of data and train on it."""
    place.write(name, content() if callable(content) else content)
    return COMMANDS[kind](name)


def label_of(value: str) -> str:
    """Give good rows and three with another label, as JSON."""
    return GOOD + "".join(f'{{"text": "odd {i}", "label": {value}}}\n' for i in range(3))


def more(text: str) -> str:
    """Give good rows and one line more."""
    return GOOD + text + "\n"


def of_labels(count: int) -> str:
    """Give rows of many labels."""
    return "".join(json.dumps({"text": f"t {i} {n}", "label": f"L{n}"}) + "\n" for i in range(2) for n in range(count))


def zeros(gibibytes: int = 3, head: bytes = b"") -> bytes:
    """Give a small gzip file of zeros: one member of 16 MiB, again and again."""
    return gzip.compress(head) + gzip.compress(bytes(1 << 24), 9) * (gibibytes << 6)


def columns(count: int, num_rows: int, text: bool) -> str:
    """Give a table with many columns."""
    names = [*(["text", "label"] if text else []), *(f"c{i}" for i in range(count))]
    lines = [",".join([*([f"t {i}", "ab"[i % 2]] if text else []), *["1.5"] * count]) for i in range(num_rows)]
    return "\n".join([",".join(names), *lines]) + "\n"


ROWS: dict[str, tuple[str | Callable[[], str | bytes], tuple[int, ...]]] = {
    "a label nested deep": (lambda: label_of(DEEP), REFUSED),
    "another field nested deep": (lambda: more('{"text": "a", "label": "calm", "z": ' + DEEP + "}"), EITHER),
    "a label of 6,000 digits": (lambda: label_of(LONG_NUMBER), REFUSED),
    "half a character in a text": (more('{"text": "a \\ud800 b", "label": "calm"}'), EITHER),
    "half a character as a label": (label_of('"\\ud83d"'), EITHER),
    "half a character as a group": (more('{"text": "a", "label": "calm", "family": "\\ud800"}'), EITHER),
    "half a character as a field": ('{"\\ud800": "a b", "label": "calm"}\n' + GOOD, REFUSED),
    "NUL in text and label": (label_of('"\\u0000"') + '{"text": "\\u0000", "label": "calm"}\n', EITHER),
    "labels that are formulas": (label_of('"=cmd()"') + label_of('"@SUM(1)"'), ACCEPTED),
    "labels that are markup": (label_of('"[/bold]"') + label_of('"[link=file:///etc/passwd]x"'), ACCEPTED),
    "labels that drive a terminal": (label_of(json.dumps(OWNED)), EITHER),
    "a label of 1 MB": (lambda: label_of(json.dumps("L" * 1_000_000)), EITHER),
    "1,000 labels": (lambda: of_labels(1000), EITHER),
    "a word of 20 MB": (lambda: more(json.dumps({"text": "L" * 20_000_000, "label": "calm"})), EITHER),
    "1 MB of marks that combine": (lambda: more(json.dumps({"text": "\u0301" * 400_000, "label": "calm"})), EITHER),
    "a text that is a list": (more('{"text": ["a"], "label": "calm"}'), REFUSED),
    "a text that is NaN": (more('{"text": NaN, "label": "calm"}'), REFUSED),
    "a row that is a list": (more("[1, 2]"), REFUSED),
    "a row that is a number of 6,000 digits": (more(LONG_NUMBER), REFUSED),
    "a bad row that drives a terminal": (more(json.dumps({"text": 7, "label": OWNED, OWNED: OWNED})), REFUSED),
    "fields that drive a terminal": (json.dumps({f"te{OWNED}": "a", "label": "b"}) + "\n", REFUSED),
}


def stream(columns: dict[str, Any]) -> bytes:
    """Give columns as a stream of Arrow."""
    made, table = io.BytesIO(), pa.table(columns)
    with pa.ipc.new_stream(made, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return made.getvalue()


def repeated(count: int) -> pa.Array:
    """Give a text of 4 KiB many times, which is kept once."""
    return pa.DictionaryArray.from_arrays(pa.array(memoryview(bytes(4 * count)).cast("i"), pa.int32()), ["x" * 4096])


def workbook(*places: str) -> bytes:
    """Give a workbook of one sheet with cells at these places."""
    book = openpyxl.Workbook()
    for place in places:
        book.worksheets[0][place] = 1
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


FILES: dict[str, tuple[str, str | bytes | Callable[[], str | bytes], str, tuple[int, ...]]] = {
    "zeros as JSON lines": ("x.jsonl.gz", zeros, "classifier", REFUSED),
    "zeros behind rows": ("x.jsonl.gz", lambda: zeros(head=GOOD.encode()), "classifier", REFUSED),
    "zeros as JSON": ("x.json.gz", zeros, "classifier", REFUSED),
    "zeros as CSV": ("x.csv.gz", zeros, "classifier", REFUSED),
    "zeros as a table": ("x.csv.gz", lambda: zeros(head=b"a,b\n1,2\n"), "forecaster", REFUSED),
    "zeros as text": ("x.txt.gz", zeros, "writer", REFUSED),
    "one letter, 3 GiB of it": (
        "x.txt.gz", lambda: gzip.compress(b"a" * (1 << 24), 9) * 192, "writer of little", REFUSED),
    "zeros as Parquet": ("x.parquet.gz", zeros, "classifier of little", REFUSED),
    "an Arrow stream of 4 GiB": ("x.arrow", lambda: stream({"text": repeated(1 << 20)}), "classifier", REFUSED),
    "an Arrow stream of lists as texts": (
        "x.arrow", lambda: stream({"text": [["a"]], "label": ["b"]}), "classifier", REFUSED),
    "an Arrow stream whose types drive a terminal": (
        "x.arrow", lambda: stream({"text": [{OWNED: 1}], "label": ["b"]}), "classifier", REFUSED),
    "an Arrow file that is cut off": ("x.arrow", b"ARROW1\0\0\xff\xff\xff\xff\x10\0\0\0", "classifier", REFUSED),
    "a workbook with cells far apart": ("x.xlsx", lambda: workbook("A1", "XFD1048576"), "classifier", REFUSED),
    "a workbook that is a zip of nothing": ("x.xlsx", b"PK\5\6" + bytes(18), "classifier", REFUSED),
    "a table with cells far apart": ("x.xlsx", lambda: workbook("A1", "XFD1048576"), "forecaster", REFUSED),
    "gzip in gzip": ("x.jsonl.gz", lambda: gzip.compress(zeros(1)), "classifier", REFUSED),
    "gzip cut off": ("x.jsonl.gz", gzip.compress(GOOD.encode())[:-40], "classifier", REFUSED),
    "a JSON array nested deep": ("x.json", DEEP, "classifier", REFUSED),
    "JSON objects nested deep": ("x.json", '[{"text": ' + '{"a":' * 50_000 + "1", "classifier", REFUSED),
    "JSON that is one word": ("x.json", lambda: '"' + "x" * 5_000_000, "classifier", REFUSED),
    "CSV with NUL": ("x.csv", "text,label\na\0b,calm\nc,loud\n" * 3, "classifier", REFUSED),
    "CSV with an open quote": ("x.csv", "text,label\n" + '"' + "x" * 500_000, "classifier", REFUSED),
    "CSV of a header alone": ("x.csv", "text,label\n", "classifier", REFUSED),
    "CSV of 100,000 columns": ("x.csv", lambda: columns(100_000, 20, True), "classifier", EITHER),
    "a table of 100,000 columns": ("x.csv", lambda: columns(100_000, 20, False), "forecaster", REFUSED),
    "a table with NUL": ("x.csv", "a,b\n" + "1,2\n" * 300 + "\0,2\n", "forecaster", REFUSED),
    "a table with an open quote": ("x.csv", "a,b\n" + "1,2\n" * 300 + '"' + "x" * 500_000, "forecaster", REFUSED),
    "a table of numbers too large": ("x.csv", "a,b\n" + "1e308,2\n-1e308,3\n" * 200, "forecaster", ANY),
    "a table with a number of 6,000 digits": (
        "x.csv", "a,b\n" + "1,2\n" * 300 + LONG_NUMBER + ",2\n", "forecaster", ANY),
    "a table to the end of time": (
        "x.csv", "date,a\n" + "".join(f"{9990 + i // 12}-{i % 12 + 1:02}-01,{i}\n" for i in range(118)),
        "forecaster", ANY),
    "columns that drive a terminal": ("x.csv", f"a{OWNED},b\n" + "1,2\n2,3\n" * 200, "forecaster", EITHER),
    "a cell that drives a terminal": ("x.csv", "a,b\n" + "1,2\n" * 300 + f"{OWNED},1\n", "forecaster", REFUSED),
    "half a byte of text": ("x.txt", b"hello \xc3\x28 " * 900, "writer", EITHER),
    "UTF-16": ("x.jsonl", GOOD.encode("utf-16"), "classifier", ACCEPTED),
    "an unknown ending that drives a terminal": (f"x.js{OWNED.replace('/', '')}", GOOD, "classifier", REFUSED),
    "a bad row in a file whose name drives a terminal": (f"x{OWNED}.jsonl", "{\n", "classifier", REFUSED),
    "good rows in a file whose name drives a terminal": (f"x{OWNED}.jsonl", GOOD, "classifier", EITHER),
}  # fmt: skip


def parquet(place: Place, made: Callable[[], bytes], kind: str) -> Sequence[str]:
    """Write a Parquet file and train on it."""
    place.write("x.parquet", made())
    return COMMANDS[kind]("x.parquet")


def written(table: pa.Table, **settings: Any) -> bytes:
    """Give the bytes of a Parquet file."""
    made = io.BytesIO()
    pq.write_table(table, made, **settings)
    return made.getvalue()


def good_parquet() -> bytes:
    """Give rows as Parquet."""
    return written(pa.Table.from_pylist(rows()))


def repeated_parquet() -> bytes:
    """Give 1 Mi texts of 4 KiB, which a dictionary and run lengths hold in a few kilobytes: 4 GiB when read."""
    first = pa.array(memoryview(bytes(4 << 20)).cast("i"), pa.int32())
    columns = {"text": "x" * 4096, "label": "calm"}
    texts = {name: pa.DictionaryArray.from_arrays(first, pa.array([text])) for name, text in columns.items()}
    return written(pa.table(texts), compression="zstd")


def large_cell() -> bytes:
    """Give one text of 80 MiB, which compresses to nothing."""
    return written(pa.table({"text": ["x" * (80 << 20)], "label": ["calm"]}), compression="zstd", use_dictionary=False)


def _flipped(position: int, value: int) -> Callable[[], bytes]:
    def made() -> bytes:
        content = bytearray(good_parquet())
        content[position] = value
        return bytes(content)

    return made


def _declares(size: bytes) -> Callable[[], bytes]:
    return lambda: good_parquet()[:-8] + size + b"PAR1"


PARQUETS: dict[str, tuple[Callable[[], bytes], str, tuple[int, ...]]] = {
    "of 4 GiB in a few kilobytes": (repeated_parquet, "classifier of little", REFUSED),
    "with one text of 80 MiB": (large_cell, "classifier", REFUSED),
    "whose footer says it is immense": (_declares(b"\xff\xff\xff\x7f"), "classifier", REFUSED),
    "whose footer says it is nothing": (_declares(b"\0\0\0\0"), "classifier", REFUSED),
    "that is cut off": (lambda: good_parquet()[:-30], "classifier", REFUSED),
    "of four bytes": (lambda: b"PAR1", "classifier", REFUSED),
    "with a damaged footer": (_flipped(-60, 0xFF), "classifier", EITHER),
    "with lists as texts": (lambda: written(pa.table({"text": [["a"]], "label": ["b"]})), "classifier", REFUSED),
    "with bytes as texts": (lambda: written(pa.table({"text": [b"\xff"], "label": ["b"]})), "classifier", REFUSED),
    "with columns that drive a terminal": (
        lambda: written(pa.table({OWNED: ["a"], "label": ["b"]})), "classifier", REFUSED),
    "of no rows": (lambda: written(pa.table({"text": pa.array([], pa.string())})), "classifier", REFUSED),
    "of 5,000 columns": (lambda: written(pa.table({f"c{i}": [1.0] * 3 for i in range(5000)})), "forecaster", REFUSED),
}  # fmt: skip


def no_file(place: Place, make: Callable[[Path], object], name: str) -> Sequence[str]:
    """Give something as data that is no regular file."""
    make(place.work / name)
    return COMMANDS["forecaster" if name.endswith(".csv") else "classifier"](name)


def directory(place: Place, fill: Callable[[Path, Path], object]) -> Sequence[str]:
    """Give a directory as data, with two good classes and something more."""
    for label in ("calm", "loud"):
        for number in range(4):
            place.write(f"texts/{label}/{number}.txt", f"a text of {label}, number {number}\n")
    fill(place.work / "texts", place.outside)
    return train(data="texts")


def _many_links(texts: Path, outside: Path) -> None:
    (outside / "file.txt").write_text("outside\n")
    for number in range(20):
        (texts / "calm" / f"link{number}.txt").symlink_to(outside / "file.txt")


DIRECTORIES: dict[str, tuple[Callable[[Path, Path], object], tuple[int, ...]]] = {
    "with a link to itself": (lambda texts, outside: (texts / "calm" / "loop").symlink_to(texts), EITHER),
    "of links that lead out": (_many_links, EITHER),
    "with a fifo": (lambda texts, outside: os.mkfifo(texts / "calm" / "fifo.txt"), EITHER),
    "with endless zeros": (lambda texts, outside: (texts / "calm" / "zero.txt").symlink_to("/dev/zero"), EITHER),
    "with labels that drive a terminal": (lambda texts, outside: (texts / "loud").rename(texts / OWNED), EITHER),
    "with a label that is no text": (
        lambda texts, outside: (texts / "loud").rename(texts / os.fsdecode(b"\xff")), EITHER),
}  # fmt: skip


def asked(place: Place, kind: str, name: str, content: str | bytes) -> Sequence[str]:
    """Ask a finished model with a file."""
    place.write(name, content)
    tokens = ("--max-new-tokens", "2") if kind == "writer" else ()
    return ("predict", str(place.good / kind), "--input", name, *tokens)


def piped(place: Place, kind: str = "classifier") -> Sequence[str]:
    """Ask a finished model through standard input."""
    tokens = ("--max-new-tokens", "2") if kind == "writer" else ()
    return ("predict", str(place.good / kind), "--input", "-", *tokens)


LINES: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "escapes": (f"a{OWNED}b\n".encode(), ACCEPTED),
    "NUL": (b"a\0b\n", ACCEPTED),
    "bytes that are not UTF-8": (b"\xff\xfe\xfa\n", EITHER),
    "half a character": (b'{"text": "a \\ud800 b"}\n', EITHER),
    "a deep line": (DEEP.encode() + b"\n", EITHER),
    "a number of 6,000 digits": (LONG_NUMBER.encode() + b"\n", EITHER),
    "words of the tokenizer": (b"[MASK] [CLS] <s> </s> <|endoftext|>\n", ACCEPTED),
    "a text that is a number": (b'{"text": 1}\n', ACCEPTED),
}


def answers() -> Iterator[Case]:
    """What finished models are asked."""
    for kind in ("classifier", "writer"):
        for name, (stdin, exits) in LINES.items():
            if kind == "writer" and name not in ("escapes", "half a character", "a deep line"):
                continue
            yield Case(f"{kind}: {name} on standard input", functools.partial(piped, kind=kind), exits, stdin=stdin)
    for name, file, content, exits in (
        ("zeros", "x.jsonl.gz", zeros(1), REFUSED),
        ("deep JSON", "x.json", DEEP, REFUSED),
        ("a key of half a character", "x.jsonl", '{"\\ud800": "a"}\n', EITHER),
    ):
        build = functools.partial(asked, kind="classifier", name=file, content=content)
        yield Case(f"classifier: asked {name}", build, exits, (r"x\.json",) if exits == REFUSED else ())
    build = functools.partial(asked, kind="forecaster", name="x.csv", content=f"a{OWNED},b\n1,2\n")
    yield Case("forecaster: asked a table of other columns", build, REFUSED)


CASES = [
    *(Case(f"rows: {name}", functools.partial(data, name="x.jsonl", content=c, kind="classifier"), exits,
           (r"x\.jsonl",) if exits == REFUSED else (), max_errors=20)
      for name, (c, exits) in ROWS.items()),
    *(Case(f"data: {name}", functools.partial(data, name=file, content=c, kind=kind), exits,
           (r"\bx|the file",) if exits == REFUSED else (), max_errors=21)
      for name, (file, c, kind, exits) in FILES.items()),
    *(Case(f"parquet {name}", functools.partial(parquet, made=m, kind=kind), exits,
           (r"x\.parquet",) if exits == REFUSED else (), max_errors=21)
      for name, (m, kind, exits) in PARQUETS.items()),
    *(Case(f"data: {file} is {name}", functools.partial(no_file, make=make, name=file), REFUSED, ("x.",), max_errors=2)
      for name, make in NO_FILES.items() for file in ("x.jsonl", "x.csv", "x.parquet")
      if name in ("a fifo", "endless zeros") or (name != "a directory" and file == "x.jsonl")),
    *(Case(f"a directory of texts {name}", functools.partial(directory, fill=fill), exits, max_errors=21,
           reads_outside=True)
      for name, (fill, exits) in DIRECTORIES.items()),
    *answers(),
]  # fmt: skip
