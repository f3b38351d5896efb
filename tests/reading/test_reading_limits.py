"""A data file made by an enemy is refused in one sentence, before it costs memory or time."""

import gzip
import io
import json
import os
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError, DatasetError
from domain.reading import MIB, Reading
from infrastructure.data.columnar import plain_columns
from infrastructure.data.labels import check as labelled_check
from infrastructure.data.labels.rows import RowSchema, load_rows
from infrastructure.data.pairs.rows import load_pairs
from infrastructure.data.sources.fields import sought
from infrastructure.data.sources.inputs import Asked, Source, read_inputs
from infrastructure.data.sources.readers import Row, RowFault, read_rows
from infrastructure.data.table.table import TableSchema, open_table
from infrastructure.data.text.documents import load_documents
from infrastructure.model_files.card import ModelCard, typed_card
from tests.support.asked import asked_texts

SMALL = Reading(max_row_mib=1, max_unpacked_mib=2)
TEXT = sought("text", ("text",))
LABELLED = RowSchema(TEXT)
LONG = "ab " * (MIB // 2)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def written(path: Path, content: str | bytes) -> Path:
    content = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)
    return path


def parquet(path: Path, **columns: Any) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def read_all(path: Path) -> list[Row | RowFault]:
    return list(read_rows(path, SMALL))


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("x.jsonl", '{"text": "a"}\n{"text": "' + LONG + '"}\n', 2),
        ("x.jsonl.gz", '{"text": "' + LONG + '"}\n', 1),
        ("x.json", '[{"text": "a"},\n{"text": "' + LONG * 3 + '"}]', 2),
        ("x.csv", 'text,label\na,b\n"' + "x\n" * MIB + '",b\n', 3),
        ("x.csv", "text,label\na,b\n" + "a," * MIB + "\n", 3),
        ("x.tsv", LONG + "\n", 1),
        ("x.txt", "one\n\n" + LONG, 3),
    ],
)
def test_a_row_beyond_the_limit_is_refused_by_file_and_line(tmp_path: Path, name: str, content: str, line: int) -> None:
    with pytest.raises(DatasetError, match=f"{name}:{line}: the row .* longer than 1 MiB") as refused:
        read_all(written(tmp_path / name, content))
    assert "--set max_row_mib" in refused.value.remedy


def test_a_file_of_a_directory_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d" / "a").mkdir(parents=True)
    written(tmp_path / "d" / "a" / "x.txt", LONG)
    with pytest.raises(DatasetError, match=r"a/x\.txt:1: the row"):
        read_all(tmp_path / "d")


def test_a_cell_that_repeats_is_counted_before_it_is_written_out(tmp_path: Path) -> None:
    texts = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 3000, pyarrow.int32()), [LONG])
    path = parquet(tmp_path / "x.parquet", text=texts)
    assert path.stat().st_size < MIB
    for (row, whole), said in (((1, 10), r"x\.parquet:1: the row"), ((2, 10), "unpacks to more than 10 MiB")):
        with pytest.raises(DatasetError, match=said):
            load_rows(path, RowSchema(TEXT, label=None, reading=Reading(max_row_mib=row, max_unpacked_mib=whole)))


def test_repeated_cells_are_written_out_a_bounded_stretch_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = parquet(tmp_path / "x.parquet", text=["one", "two", None, "one"] * 50, number=list(range(200)))
    monkeypatch.setattr(plain_columns, "BYTES_AT_ONCE", 10)  # three rows of at most three bytes
    found = [row.values for row in read_all(path) if isinstance(row, Row)]
    assert found[:3] == [{"text": "one", "number": 0}, {"text": "two", "number": 1}, {"text": None, "number": 2}]
    assert len(found) == 200


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.csv.gz", "x.txt.gz"])
def test_a_compressed_file_beyond_the_limit_is_refused(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, (b'{"a": "' + b"x" * 1000 + b'"}\n') * 4000)
    with pytest.raises(DatasetError, match="unpacks to more than 2 MiB"):
        read_all(path)
    if "txt" in name:
        with pytest.raises(DatasetError, match="unpacks to more than 2 MiB"):
            load_documents(path, reading=SMALL)


def test_running_text_without_a_blank_is_refused_and_a_long_line_with_blanks_is_not(tmp_path: Path) -> None:
    assert len(load_documents(written(tmp_path / "line.txt", LONG), reading=SMALL)) == 1
    with pytest.raises(DatasetError, match="holds more than 1 MiB without a blank"):
        load_documents(written(tmp_path / "word.txt", "a b" + "x" * 2 * MIB), reading=SMALL)


def test_a_gzipped_parquet_file_is_read_and_limited(tmp_path: Path) -> None:
    plain = parquet(tmp_path / "x.parquet", text=["one", "two"])
    packed = written(tmp_path / "y.parquet.gz", plain.read_bytes())
    assert [row.values["text"] for row in read_all(packed) if isinstance(row, Row)] == ["one", "two"]
    bomb = written(tmp_path / "z.parquet.gz", bytes(4 * MIB))
    with pytest.raises(DatasetError, match="unpacks to more than 2 MiB"):
        read_all(bomb)
    with pytest.raises(DatasetError, match="unpacks to more than 2 MiB"):
        open_table(bomb, TableSchema(), SMALL)


def test_by_default_a_file_may_grow_to_a_gibibyte_or_two_hundred_times() -> None:
    assert Reading().unpacked_bytes(1) == 1 << 30
    assert Reading().unpacked_bytes(1 << 30) == 200 << 30
    assert Reading(max_unpacked_mib=3).unpacked_bytes(1 << 30) == 3 << 20


@pytest.mark.parametrize("values", [{"max_row_mib": 0}, {"max_row_mib": 4096}, {"max_unpacked_mib": 0}])
def test_limits_that_make_no_sense_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(values))):
        TrainModelRequest(**values).resolved()


def test_the_limits_of_a_card_hold_for_what_is_read_later() -> None:
    card = typed_card(ModelCard, {"task": "text_classification", **Reading(max_row_mib=3).travelling()}, Path())
    assert card.reading == Reading(max_row_mib=3)


def test_what_is_of_a_file_does_not_travel_and_the_clock_does() -> None:
    told = Reading(delimiter=";", encoding="latin-1", sheet="May", time_format="%d.%m.%Y", time_zone="Europe/Berlin")
    assert told.travelling().keys() == {"time_format", "time_zone", "max_row_mib"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"delimiter": ":"}, "delimiter is ':'"),
        ({"encoding": "klingon"}, "encoding is 'klingon'"),
        ({"encoding": "base64"}, "encoding is 'base64'"),
        ({"encoding": 8}, "encoding is 8"),
        ({"time_format": "day"}, "time_format is 'day'"),
        ({"time_zone": "Berlin"}, "time_zone is 'Berlin'"),
        ({"time_zone": "../etc/passwd"}, "time_zone is"),
        ({"max_row_mib": True}, "max_row_mib is True"),
        ({"delimitre": ","}, "'delimitre' is not one of reading"),
    ],
)
def test_settings_of_reading_that_make_no_sense_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        Reading.given(values)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def unix_socket(path: Path) -> None:
    at = os.getcwd()
    os.chdir(path.parent)  # its path may be longer than the name of a socket
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(at)


def process_file(path: Path) -> None:
    path.symlink_to("/proc/kmsg" if Path("/proc/kmsg").exists() else "/proc/self/status")


def itself(path: Path) -> None:
    path.symlink_to(path.name)


NO_FILES = (pipe, device, unix_socket, process_file, itself)
READERS: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("x.jsonl", lambda path: load_rows(path, LABELLED)),
    ("x.parquet", lambda path: load_rows(path, LABELLED)),
    ("x.jsonl", lambda path: load_pairs(path, sought("source", ("a",)), sought("target", ("b",)))),
    ("x.txt", lambda path: load_documents(path)),
    ("x.csv", lambda path: open_table(path, TableSchema())),
    ("x.parquet", lambda path: open_table(path, TableSchema())),
    ("x.jsonl", lambda path: asked_texts(str(path), TEXT)),
)


@pytest.mark.parametrize("make", NO_FILES)
@pytest.mark.parametrize(("name", "read"), READERS)
def test_what_is_no_file_is_refused_without_being_opened(
    tmp_path: Path, make: Callable[[Path], None], name: str, read: Callable[[Path], object]
) -> None:
    make(tmp_path / name)
    with pytest.raises(DatasetError, match=r"is a pipe|is a device|is a socket|is empty|cannot be read"):
        read(tmp_path / name)


@pytest.mark.parametrize("make", [pipe, device, unix_socket])
def test_what_has_the_name_of_a_text_and_is_no_file_fails_its_directory(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    (tmp_path / "d" / "a").mkdir(parents=True)
    written(tmp_path / "d" / "a" / "x.txt", "text")
    make(tmp_path / "d" / "a" / "y.txt")
    for read in (lambda path: load_rows(path, LABELLED), load_documents):
        with pytest.raises(DatasetError, match=r"y\.txt is a"):
            read(tmp_path / "d")


def test_a_directory_that_contains_itself_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "d" / "a").mkdir(parents=True)
    written(tmp_path / "d" / "a" / "x.txt", "text")
    (tmp_path / "d" / "b").symlink_to(tmp_path / "d")
    assert len(load_rows(tmp_path / "d", LABELLED)) == 1


BAD = "\\ud83d"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (f'{{"text": "a", "label": "a", "{BAD}": 1}}', "the field .* has no valid Unicode as its name"),
    ],
)
@pytest.mark.parametrize("is_array", [False, True])
def test_a_name_that_nothing_can_write_down_is_refused_by_file_and_line(
    tmp_path: Path, row: str, said: str, is_array: bool
) -> None:
    lines = ['{"text": "good", "label": "a"}', row]
    content = "[" + ",\n".join(lines) + "]" if is_array else "\n".join(lines)
    path = written(tmp_path / ("x.json" if is_array else "x.jsonl"), content)
    with pytest.raises(DatasetError, match=f"{path.name}:2: {said}") as refused:
        load_rows(path, LABELLED)
    assert str(refused.value).isascii()


def test_half_a_character_in_a_text_is_mended_in_predict_as_in_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "x.jsonl", f'{{"text": "a {BAD} b", "label": "a"}}\n')
    (trained,) = load_rows(path, LABELLED).texts
    (asked,) = asked_texts(str(path), TEXT)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    (typed,) = asked_texts("-", TEXT)
    assert trained == asked == typed
    assert trained.encode().decode() == trained


def test_half_a_character_in_a_label_or_a_group_is_mended_with_a_word(tmp_path: Path) -> None:
    lines = [f'{{"text": "t", "label": "sad{BAD}", "family": "f{half}"}}' for half in (BAD, BAD, "")]
    rows = load_rows(written(tmp_path / "x.jsonl", "\n".join(lines)), LABELLED)
    assert (rows.label_names, rows.groups.tolist()) == (("sad\ufffd",), [0, 0, 1])
    assert "x.jsonl: 3 labels had" in rows.warnings[0]


def test_a_directory_whose_name_is_a_label_and_no_unicode_is_mended_too(tmp_path: Path) -> None:
    (tmp_path / "d" / os.fsdecode(b"a\xff")).mkdir(parents=True)
    written(tmp_path / "d" / os.fsdecode(b"a\xff") / "x.txt", "text")
    rows = load_rows(tmp_path / "d", LABELLED)
    assert rows.label_names[0].startswith("a\ufffd")
    assert rows.warnings[0].encode()


@pytest.mark.parametrize(("name", "read"), READERS)
def test_a_file_whose_name_is_no_unicode_is_refused(tmp_path: Path, name: str, read: Callable[[Path], object]) -> None:
    path = written(tmp_path / os.fsdecode(b"\xff" + name.encode()), "a,b\n1,2\n")
    with pytest.raises(DatasetError, match="is no valid Unicode") as refused:
        read(path)
    assert str(refused.value).isascii()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("9" * 6000, "is not JSON"),
        ("9" * 4000, "label is 9+..., not a name"),
        ("[" * 900 + "]" * 900, "is not JSON|label is an array, not a name"),
        ("[" * 100_000 + "]" * 100_000, "is not JSON"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "is not JSON"),
        (json.dumps("L" * 2000), "label has 2,000 characters, but a name has at most 1,000"),
        ("NaN", "label is empty"),
    ],
)
@pytest.mark.parametrize("is_array", [False, True])
def test_a_value_of_absurd_size_or_depth_is_a_short_fault_of_its_row(
    tmp_path: Path, value: str, said: str, is_array: bool
) -> None:
    row = f'{{"text": "a", "label": {value}}}'
    path = written(tmp_path / ("x.json" if is_array else "x.jsonl"), f"[\n{row}]" if is_array else f"\n{row}")
    with pytest.raises(DatasetError, match=f"{path.name}:2: ({said})") as refused:
        load_rows(path, LABELLED)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("content", ["[" * 100_000, "9" * 6000, '{"text": ' + "[" * 100_000])
def test_a_line_of_standard_input_that_is_no_json_is_a_text(content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    assert asked_texts("-", TEXT) == [content]


def test_a_line_of_standard_input_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one\n" + LONG.encode())))
    inputs = read_inputs(Source("-"), TEXT, SMALL)
    assert isinstance(first := next(inputs), Asked)
    assert first.text == "one"
    with pytest.raises(DatasetError, match="standard input:2: the row"):
        next(inputs)


def test_a_table_of_very_many_columns_is_refused_at_once_and_a_few_of_them_are_read(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(20_000)]
    path = written(tmp_path / "x.csv", ",".join(names) + "\n" + (",".join(["1"] * 20_000) + "\n") * 3)
    with pytest.raises(DatasetError, match="has 20,000 columns to read, but at most 1,000 are taken"):
        open_table(path, TableSchema())
    table = open_table(path, TableSchema(columns=("c7", "c19999")))
    assert table.values.tolist() == [[1.0, 1.0]] * 3


def test_a_row_of_more_fields_than_any_row_has_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", ",".join(map(str, range(100_001))) + "\n1\n")
    for read in (read_all, lambda path: open_table(path, TableSchema())):
        with pytest.raises(DatasetError, match="has 100,001 columns, but at most 100,000 are read"):
            read(path)


def test_a_name_of_a_column_that_is_no_utf8_is_a_sentence(tmp_path: Path) -> None:
    path = parquet(tmp_path / "x.parquet", zzzz=[1.0, 2.0])
    path.write_bytes(path.read_bytes().replace(b"zzzz", b"z\xff\xffz"))
    for read in (read_all, lambda path: open_table(path, TableSchema())):
        with pytest.raises(DatasetError):
            read(path)


def test_more_labels_than_a_classifier_knows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelled_check, "MAX_LABELS", 3)
    lines = [json.dumps({"text": f"t{number}", "label": f"l{number}"}) for number in range(5)]
    with pytest.raises(DatasetError, match=r"x\.jsonl:4: there are more than 3 different labels"):
        load_rows(written(tmp_path / "x.jsonl", "\n".join(lines)), LABELLED)


def test_a_request_that_says_nothing_has_the_limits_of_the_domain() -> None:
    assert TrainModelRequest().reading == Reading()
