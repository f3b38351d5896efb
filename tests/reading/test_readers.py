"""Every format gives the same rows, with the line an editor would show; a bad row is handed on, not raised."""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exceptions import DatasetError
from infrastructure.data.sources import json_rows
from infrastructure.data.sources.readers import Row, RowFault, read_rows
from tests.support.texts import any_text

ROWS = (
    {"text": "plain words", "label": "a"},
    {"text": "naïve café · 日本語 😀 \u2028 \u0085 done", "label": "b"},
    {"text": 'commas, "quotes"\tand tabs', "label": "ä b"},
    {"text": "two\nlines", "label": "a"},
)
# A plain text file holds one row a line and no labels.
ONE_LINERS = tuple({"text": row["text"]} for row in ROWS[:3])

TEXT_FORMATS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt")


def as_text(suffix: str, line_end: str = "\n") -> str:
    """Write the rows with other tools than those under test."""
    if suffix == ".json":
        return json.dumps(ROWS, ensure_ascii=False, indent=1).replace("\n", line_end)
    if suffix in (".jsonl", ".ndjson"):
        return "".join(json.dumps(row, ensure_ascii=False) + line_end for row in ROWS)
    if suffix == ".txt":
        return "".join(row["text"] + line_end for row in ONE_LINERS)
    file = io.StringIO(newline="")
    writer = csv.DictWriter(
        file, ("text", "label"), delimiter="," if suffix == ".csv" else "\t", lineterminator=line_end
    )
    writer.writeheader()
    writer.writerows(ROWS)
    return file.getvalue()


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def values_of(path: Path) -> list[dict[str, Any]]:
    return [dict(row.values) for row in rows_of(path)]


def rows_of(path: Path) -> list[Row]:
    read = list(read_rows(path))
    faults = [entry for entry in read if isinstance(entry, RowFault)]
    assert not faults
    return [entry for entry in read if isinstance(entry, Row)]


def lines_of(path: Path) -> list[int]:
    return [entry.line for entry in read_rows(path)]


def wanted(suffix: str) -> list[dict[str, str]]:
    return [dict(row) for row in (ONE_LINERS if suffix == ".txt" else ROWS)]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("suffix", TEXT_FORMATS)
class TestEveryTextFormat:
    def test_gives_the_rows_that_were_written(self, tmp_path: Path, suffix: str, packed: bool) -> None:
        assert values_of(self.file(tmp_path, suffix, as_text(suffix).encode(), packed)) == wanted(suffix)

    def test_ignores_a_byte_order_mark(self, tmp_path: Path, suffix: str, packed: bool) -> None:
        content = b"\xef\xbb\xbf" + as_text(suffix).encode()
        assert values_of(self.file(tmp_path, suffix, content, packed)) == wanted(suffix)

    def test_takes_line_ends_of_windows(self, tmp_path: Path, suffix: str, packed: bool) -> None:
        content = as_text(suffix, line_end="\r\n").encode()
        path = self.file(tmp_path, suffix, content, packed)
        assert values_of(path) == wanted(suffix)
        assert lines_of(path) == lines_of(self.file(tmp_path, suffix, as_text(suffix).encode(), packed))

    def test_needs_no_line_end_after_the_last_row(self, tmp_path: Path, suffix: str, packed: bool) -> None:
        assert values_of(self.file(tmp_path, suffix, as_text(suffix).rstrip("\n").encode(), packed)) == wanted(suffix)

    def test_is_told_by_its_ending_in_any_case(self, tmp_path: Path, suffix: str, packed: bool) -> None:
        assert values_of(self.file(tmp_path, suffix.upper(), as_text(suffix).encode(), packed)) == wanted(suffix)

    @staticmethod
    def file(tmp_path: Path, suffix: str, content: bytes, packed: bool) -> Path:
        if packed:
            return written(tmp_path / f"data.v2{suffix}.gz", gzip.compress(content))
        return written(tmp_path / f"data.v2{suffix}", content)


def test_a_parquet_file_gives_its_rows_numbered_from_one_across_row_groups(tmp_path: Path) -> None:
    table = pyarrow.table({"text": [f"row {n} 😀" for n in range(9)], "label": ["a", "b", "c"] * 3})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet", row_group_size=2)
    rows = rows_of(tmp_path / "x.parquet")
    assert [dict(row.values) for row in rows] == table.to_pylist()
    assert [row.line for row in rows] == list(range(1, 10))


def test_a_directory_gives_a_row_a_file_labelled_by_its_outermost_sub_directory(tmp_path: Path) -> None:
    written(tmp_path / "safe" / "a.py", "x = 1\n")
    written(tmp_path / "safe" / "deep" / "er" / "b.JAVA", "class B {}")
    written(tmp_path / "risky" / "c.txt", "naïve\r\ncode")
    written(tmp_path / "risky" / "picture.png", b"\x89PNG\x00")
    written(tmp_path / "loose.md", "no label")
    assert values_of(tmp_path) == [
        {"text": "no label", "label": None},
        {"text": "naïve\ncode", "label": "risky"},
        {"text": "x = 1\n", "label": "safe"},
        {"text": "class B {}", "label": "safe"},
    ]


def test_a_file_of_a_directory_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    written(tmp_path / "a" / "x.py", b"\xef\xbb\xbfhello")
    assert values_of(tmp_path) == [{"text": "hello", "label": "a"}]


def test_rows_of_a_table_know_the_line_they_begin_on(tmp_path: Path) -> None:
    assert lines_of(written(tmp_path / "x.csv", 'text,label\n"a\nb",x\n\nc,y\n')) == [2, 5]


def test_blank_lines_may_stand_above_the_header_of_a_table(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", "\n\na,b\n1,2\n")
    assert (values_of(path), lines_of(path)) == ([{"a": "1", "b": "2"}], [4])


def test_rows_of_a_json_array_know_the_line_they_begin_on(tmp_path: Path) -> None:
    text = '\n[\n  {"a": 1},\n\n  {\n    "a":\n      2\n  }, {"a": 3}\n  ,\n  {"a": "x\\ny"}\n\n]\n'
    assert lines_of(written(tmp_path / "x.json", text)) == [3, 5, 8, 10]


def test_rows_of_json_lines_and_text_know_their_line_among_blank_ones(tmp_path: Path) -> None:
    assert lines_of(written(tmp_path / "x.jsonl", '\n{"a": 1}\n\n \t\n{"a": 2}\n')) == [2, 5]
    assert lines_of(written(tmp_path / "x.txt", "\none\n\n  \ntwo")) == [2, 5]


def test_a_line_of_plain_text_keeps_its_blanks(tmp_path: Path) -> None:
    path = written(tmp_path / "x.txt", "  indented \t\r\nnext\n")
    assert values_of(path) == [{"text": "  indented \t"}, {"text": "next"}]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | any_text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.lists(st.dictionaries(any_text(max_size=4), JSON_VALUES, max_size=3), max_size=6)
LAYOUTS = st.sampled_from((None, 0, 1, 3))
CHUNKS = st.sampled_from((1, 2, 3, 7, 16, 64, 1 << 20))


@settings(max_examples=40)
@given(objects=OBJECTS, indent=LAYOUTS, ascii_only=st.booleans(), chunk=CHUNKS, windows=st.booleans())
def test_an_array_cut_anywhere_by_chunks_reads_like_the_whole(
    tmp_path_factory: pytest.TempPathFactory,
    objects: list[dict[str, Any]],
    indent: int | None,
    ascii_only: bool,
    chunk: int,
    windows: bool,
) -> None:
    text = json.dumps(objects, indent=indent, ensure_ascii=ascii_only) + "\n"
    # A lone surrogate has no UTF-8; json escapes it only with ensure_ascii.
    content = (text.replace("\n", "\r\n") if windows else text).encode("utf-8", errors="replace")
    path = written(tmp_path_factory.getbasetemp() / "cut.json", content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_rows, "CHUNK_CHARACTERS", chunk)
        rows = rows_of(path)
    assert [dict(row.values) for row in rows] == json.loads(content)
    assert [row.line for row in rows] == lines_by_decoding_the_whole(content.decode())


def lines_by_decoding_the_whole(text: str) -> list[int]:
    """Find where elements begin with the whole text at hand."""
    lines: list[int] = []
    end = 1  # behind the bracket
    while True:
        start = len(text) - len(text[end:].lstrip(" \t\r\n,"))
        if text[start] == "]":
            return lines
        lines.append(text.count("\n", 0, start) + 1)
        _, end = json.JSONDecoder().raw_decode(text, start)


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_an_element_much_larger_than_a_chunk_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(json_rows, "CHUNK_CHARACTERS", chunk)
    objects = [{"a": 1}, {"text": "line\n😀" * 40_000, "b": ["}", "{", "]", '"']}, {"a": "after"}]
    path = written(tmp_path / "x.json", json.dumps(objects, ensure_ascii=False, indent=1))
    assert values_of(path) == objects


def test_blanks_beyond_a_chunk_may_stand_above_an_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "CHUNK_CHARACTERS", 3)
    path = written(tmp_path / "x.json", "\n" * 9 + '[{"a": 1}]')
    assert (values_of(path), lines_of(path)) == ([{"a": 1}], [10])


def test_a_number_cut_by_a_chunk_is_one_element(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "CHUNK_CHARACTERS", 3)
    assert lines_of(written(tmp_path / "x.json", "[123456,\n789]")) == [1, 2]


def test_the_text_of_an_array_is_copied_once_a_chunk_and_not_once_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies: list[str] = []
    decode = json.JSONDecoder.raw_decode

    def noting(self: json.JSONDecoder, text: str, start: int = 0) -> tuple[Any, int]:
        if not copies or copies[-1] is not text:
            copies.append(text)
        return decode(self, text, start)

    monkeypatch.setattr(json_rows, "CHUNK_CHARACTERS", 4096)
    monkeypatch.setattr(json.JSONDecoder, "raw_decode", noting)
    content = json.dumps([{"a": "x" * 60}] * 2_000)
    assert len(rows_of(written(tmp_path / "x.json", content))) == 2_000
    assert len(content) <= sum(map(len, copies)) < 2 * len(content)


def test_the_largest_field_of_a_table_is_not_cut_or_refused(tmp_path: Path) -> None:
    text = "word " * 100_000  # csv refuses fields beyond 131,072 characters unless told otherwise
    assert values_of(written(tmp_path / "x.csv", f"text,label\n{text},a\n")) == [{"text": text, "label": "a"}]


FAULTY: Sequence[tuple[str, str, list[tuple[int, str]]]] = (
    ("x.jsonl", '{"a": 1}\nnonsense\n\n{"a": 2}\n{"a": \n', [(2, "is not JSON"), (5, "is not JSON")]),
    (
        "x.jsonl",
        '[1]\n"s"\ntrue\nnull\n1.5\n',
        [(1, "an array"), (2, "a string"), (3, "a truth value"), (4, "null"), (5, "a number")],
    ),
    (
        "x.json",
        '[{"a": 1},\n[2],\n"s",\nnull,\nfalse,\n{"a": 3}]',
        [(2, "an array"), (3, "a string"), (4, "null"), (5, "a truth value")],
    ),
    ("x.json", '[{"a": 1},\n{"a": 2}', [(2, "not closed")]),
    ("x.json", '[{"a": 1},\n{"a": \n', [(2, "is not JSON")]),
    ("x.json", '[{"a": 1}\n{"a": 2}]', [(2, "a comma is missing")]),
    ("x.json", "[", [(1, "not closed")]),
    ("x.csv", "a,b\n1,2\n3\n4,5,6\n7,8\n", [(3, "but the header has 2"), (4, "but the header has 2")]),
    ("x.csv", 'a,b\n1,2\n"3\n4,5\n', [(3, "cannot be read")]),
    ("x.csv", 'a,b\n1,2\n3,"4"5\n', [(3, "cannot be read")]),
    ("x.tsv", "a\tb\n1\t2\n3,4\n", [(3, "but the header has 2")]),
)


@pytest.mark.parametrize(("name", "content", "faults"), FAULTY, ids=[f"{n}-{c[:17]!r}" for n, c, _ in FAULTY])
def test_a_bad_row_is_handed_on_with_its_line_and_a_remedy(
    tmp_path: Path, name: str, content: str, faults: list[tuple[int, str]]
) -> None:
    found = [entry for entry in read_rows(written(tmp_path / name, content)) if isinstance(entry, RowFault)]
    assert [fault.line for fault in found] == [line for line, _ in faults]
    for fault, (_, said) in zip(found, faults, strict=True):
        assert said in fault.problem
        assert fault.remedy


NO_JSON = ('[{"a": 1}]\n[{"a": 2}]', '[{"a": 1}] x', '[,{"a": 1}]', '[{"a": 1},,{"a": 2}]', '[{"a": 1},]')


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
@pytest.mark.parametrize("content", NO_JSON)
def test_an_array_that_json_refuses_has_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, chunk: int
) -> None:
    monkeypatch.setattr(json_rows, "CHUNK_CHARACTERS", chunk)
    with pytest.raises(ValueError, match="line"):
        json.loads(content)
    faults = [entry for entry in read_rows(written(tmp_path / "x.json", content)) if isinstance(entry, RowFault)]
    assert len(faults) == 1
    assert "is not JSON" in faults[0].problem


def test_a_quote_out_of_place_is_handed_on_too(tmp_path: Path) -> None:
    for content in ('a,b\n1,"2"3\n', 'a,b\n1,"2\n'):
        (fault,) = read_rows(written(tmp_path / "x.csv", content))
        assert isinstance(fault, RowFault)
        assert "quotes" in fault.remedy


def test_good_rows_around_a_bad_one_are_still_read(tmp_path: Path) -> None:
    read = list(read_rows(written(tmp_path / "x.jsonl", '{"a": 1}\nnonsense\n{"a": 2}\n')))
    assert [type(entry) for entry in read] == [Row, RowFault, Row]
    assert read[2] == Row(3, {"a": 2})


def test_nesting_deeper_than_the_interpreter_allows_is_a_fault_of_its_row(tmp_path: Path) -> None:
    deep = "[" * 100_000
    for name, content in (("x.jsonl", f'{{"a": 1}}\n{{"b": {deep}\n{{"a": 2}}'), ("x.json", f'[{{"b":\n{deep}')):
        faults = [entry for entry in read_rows(written(tmp_path / name, content)) if isinstance(entry, RowFault)]
        assert len(faults) == 1
        assert "recursion" in faults[0].problem


def test_rows_come_before_the_file_has_been_read_to_its_end(tmp_path: Path) -> None:
    """A damaged tail is met only by who reads that far: rows are not gathered before they are handed on."""
    first, later = '{"a": 1}', json.dumps({"a": "x" * 10_000})
    for suffix, content in (
        (".jsonl", f"{first}\n" + f"{later}\n" * 400),
        (".json", f"[{first}" + f",{later}" * 400 + "]"),
    ):
        path = written(tmp_path / f"x{suffix}.gz", gzip.compress(content.encode(), 1)[:-9])
        rows = read_rows(path)
        assert next(rows) == Row(1, {"a": 1})
        with pytest.raises(DatasetError, match="damaged or cut off"):
            exhaust(rows)


def exhaust(rows: Iterator[Row | RowFault]) -> None:
    for row in rows:
        if isinstance(row, Row):
            dict(row.values)


REFUSED = (
    ("missing.json", None, "does not exist"),
    ("x.json", b"", "is empty"),
    ("x.txt", b"a\x00b", "is binary"),
    ("x.csv.gz", b"text,label\n", "is not gzip"),
    ("x.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 99, mtime=0)[:-5], "damaged or cut off"),
    ("x.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 99, mtime=0)[:-8] + bytes(8), "damaged or cut off"),
    ("x.jsonl", b'{"a": "caf\x81"}', "is not UTF-8: byte 0x81 at offset 10"),
    ("x.json", b'[{"a": 1}, {"a": "\xc3\xa9t\xe9"}]', "is not UTF-8: byte 0xe9 at offset 21"),
    ("x.csv", "text,label\n".encode("utf-16-le"), "seems to be UTF-16 without the mark"),
    ("x.json", b'{"data": [{"a": 1}]}', "holds a JSON object with the rows in 'data'"),
    ("x.json", b'"text"', "holds no JSON array"),
    ("x.parquet", b"PAR1 and no more", "no readable Parquet"),
    ("missing.parquet", None, "does not exist"),
    ("x.docx", b"PK", "'.docx'"),
    ("x.gz", b"\x1f\x8b", "the ending ''"),
)


@pytest.mark.parametrize(("name", "content", "said"), REFUSED, ids=[f"{n}-{s}" for n, _, s in REFUSED])
def test_a_file_that_cannot_be_read_at_all_is_refused_with_a_remedy(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    path = tmp_path / name if content is None else written(tmp_path / name, content)
    with pytest.raises(DatasetError) as caught:
        exhaust(read_rows(path))
    assert said in caught.value.problem
    assert name in caught.value.problem or "the file" in caught.value.problem
    assert caught.value.remedy


def test_a_gzipped_parquet_file_gives_the_same_rows(tmp_path: Path) -> None:
    table = pyarrow.table({"text": ["a", "b"], "label": ["x", "y"]})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    (tmp_path / "y.parquet.gz").write_bytes(gzip.compress((tmp_path / "x.parquet").read_bytes()))
    assert rows_of(tmp_path / "y.parquet.gz") == rows_of(tmp_path / "x.parquet")


def test_a_parquet_file_with_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    parts = [None, pyarrow.py_buffer(b"\0\0\0\0\1\0\0\0"), pyarrow.py_buffer(b"\xff")]
    table = pyarrow.table({"text": pyarrow.Array.from_buffers(pyarrow.string(), 1, parts)})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(DatasetError, match=r"column 'text' holds text that is not UTF-8"):
        exhaust(read_rows(tmp_path / "x.parquet"))


def test_a_directory_without_texts_and_one_with_a_file_in_another_encoding_are_refused(tmp_path: Path) -> None:
    written(tmp_path / "none" / "picture.png", b"\x89PNG")
    with pytest.raises(DatasetError, match="without text or code files"):
        exhaust(read_rows(tmp_path / "none"))
    written(tmp_path / "old" / "a" / "latin.py", b"# caf\x81")
    with pytest.raises(DatasetError, match=r"a/latin\.py is not UTF-8"):
        exhaust(read_rows(tmp_path / "old"))
