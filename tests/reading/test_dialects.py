"""How a text file is written is found once: its encoding, its delimiter, its quotes, what stands before the tenths."""

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.sources.fields import Sought
from infrastructure.data.sources.readers import Row, RowFault, read_rows
from infrastructure.data.table.table import Table, TableSchema, open_table
from infrastructure.data.text.documents import load_documents
from tests.support.asked import asked_texts

LABELS = ("pos", "neg")
GERMAN = "Müller sagt, daß der Käse „schön“ größer ist – 5 €"
RUSSIAN = "Привет, это письмо пришло вчера и всё хорошо"


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path, content: str | bytes, reading: Reading = AS_FOUND) -> tuple[list[list[Any]], list[str]]:
    """Read rows; a fault is an error. Gives the cells and what was said."""
    said: list[str] = []
    rows = []
    for row in read_rows(written(path, content), reading, said.append):
        if isinstance(row, RowFault):
            raise DatasetError(f"{path.name}:{row.line}: {row.problem}.", remedy=row.remedy)
        rows.append(list(row.values.values()))
    return rows, said


def refused(path: Path, content: str | bytes, reading: Reading = AS_FOUND) -> str:
    with pytest.raises(DatasetError) as caught:
        read(path, content, reading)
    return str(caught.value)


def table_of(path: Path, content: str | bytes, reading: Reading = AS_FOUND, **schema: Any) -> Table:
    return open_table(written(path, content), TableSchema(**schema), reading)


def table_refused(path: Path, content: str | bytes, reading: Reading = AS_FOUND, **schema: Any) -> str:
    with pytest.raises(DatasetError) as caught:
        table_of(path, content, reading, **schema)
    return str(caught.value)


def setting_of(message: str, name: str) -> list[str]:
    """Give the values that a message says to set."""
    return [part.split("'")[1] if part.startswith("'") else part.split()[0].rstrip(".,") for part in
            message.split(f"--set {name}=")[1:]]  # fmt: skip


# Encodings


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", []),
        ("utf-8-sig", []),
        ("utf-16", ["r.csv: the text was read as UTF-16."]),
        ("utf-32", ["r.csv: the text was read as UTF-32."]),
        ("cp1252", ["r.csv: the text is not UTF-8; it was read as WINDOWS-1252."]),
    ],
)
def test_an_encoding_is_found_and_told_where_it_is_unusual(tmp_path: Path, encoding: str, said: list[str]) -> None:
    rows = [[f"{number} {GERMAN}", LABELS[number % 2]] for number in range(6)]
    text = "text,label\n" + "".join(f'"{text}",{label}\n' for text, label in rows)
    assert read(tmp_path / "r.csv", text.encode(encoding)) == (rows, said)
    packed = written(tmp_path / "r.csv.gz", gzip.compress(text.encode(encoding), mtime=0))
    assert [list(row.values.values()) for row in read_rows(packed) if isinstance(row, Row)] == rows
    document = load_documents(written(tmp_path / f"{encoding}.txt", text.encode(encoding)))
    assert document.content.read(0, len(document.content)).decode() == text


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".txt"])
def test_every_kind_of_text_is_decoded_alike(tmp_path: Path, encoding: str, suffix: str) -> None:
    content = {".json": '[{"text": "caf\u00e9"}]', ".jsonl": '{"text": "caf\u00e9"}\n', ".txt": "caf\u00e9\n"}[suffix]
    rows, _ = read(tmp_path / f"r{suffix}", content.encode(encoding))
    assert rows == [["caf\u00e9"]]


def test_letters_of_windows_1252_far_behind_the_beginning_are_no_control_characters(tmp_path: Path) -> None:
    content = b"text,label\n" + b"plain,pos\n" * 50_000 + "it\u2019s \u20ac 5,neg\n".encode("cp1252")
    rows, said = read(tmp_path / "r.csv", content)
    assert rows[-1] == ["it\u2019s \u20ac 5", "neg"]
    assert said == ["r.csv: the text is not UTF-8; it was read as WINDOWS-1252."]
    rows, said = read(tmp_path / "r.csv", content, Reading(encoding="latin-1"))
    assert rows[-1] == ["it\u2019s \u20ac 5", "neg"]
    assert "no letters of latin-1" in said[0]


def test_a_norwegian_customer_of_a_german_shop_makes_no_czech_of_it(tmp_path: Path) -> None:
    rows = [["Grüße von Frau Müller, die Tür ist geöffnet", "pos"], ["Ole Bjørnson", "neg"], ["Jørn Bjørnson", "pos"]]
    content = "text,label\n" + "".join(f'"{text}",{label}\n' for text, label in rows)
    assert read(tmp_path / "r.csv", content.encode("cp1252"))[0] == rows
    czech = "text,label\n" + "příliš žluťoučký kůň úpěl ďábelské ódy,pos\n" * 9
    assert "cp1252" not in refused(tmp_path / "c.csv", czech.encode("cp1250"))


@pytest.mark.parametrize(
    ("encoding", "text"), [("cp1251", RUSSIAN), ("koi8_r", RUSSIAN), ("gb18030", "这是一个中文句子")]
)
def test_another_encoding_is_read_where_it_is_certain_and_can_be_set(tmp_path: Path, encoding: str, text: str) -> None:
    content = "".join(f'{{"text": "item {number} {text}"}}\n' for number in range(9)).encode(encoding)
    for reading in (AS_FOUND, Reading(encoding=encoding)):
        assert read(tmp_path / "r.jsonl", content, reading)[0][0] == [f"item 0 {text}"]


@pytest.mark.parametrize("encoding", ["cp437", "mac_roman", "shift_jis", "cp1254"])
def test_an_uncertain_encoding_is_refused_and_read_when_it_is_set(tmp_path: Path, encoding: str) -> None:
    text = {"shift_jis": "こんにちは荷物が昨日", "cp1254": "Teşekkürler ışık güzel değil"}.get(
        encoding, "Käse schön größer"
    )
    content = f"text,label\n{text},pos\n".encode(encoding)
    message = refused(tmp_path / "r.csv", content)
    assert "r.csv is not UTF-8: byte 0x" in message
    assert "--set encoding=" in message
    assert read(tmp_path / "r.csv", content, Reading(encoding=encoding))[0] == [[text, "pos"]]


def test_utf_8_that_is_set_and_is_not_there_is_refused_and_found_without_the_setting(tmp_path: Path) -> None:
    content = f'text,label\n"{GERMAN}",pos\n'.encode("cp1252")
    message = refused(tmp_path / "r.csv", content, Reading(encoding="utf-8"))
    assert "r.csv is not UTF-8, as encoding says: byte 0x" in message
    assert "Leave encoding out, so that it is found, or name another" in message
    assert read(tmp_path / "r.csv", content)[0] == [[GERMAN, "pos"]]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("shift_jis", "これは日本語の文章です"), ("cp949", "이것은 한국어 문장입니다")],
)
def test_the_encoding_that_is_named_first_reads_east_asian_text(tmp_path: Path, encoding: str, text: str) -> None:
    content = "text,label\n" + "".join(f"{text} alpha {number},pos\n" for number in range(40))
    message = refused(tmp_path / "r.csv", content.encode(encoding))
    (named,) = setting_of(message, "encoding")
    assert read(tmp_path / "r.csv", content.encode(encoding), Reading(encoding=named))[0][0] == [
        f"{text} alpha 0",
        "pos",
    ]


@pytest.mark.parametrize("above", ["Export of mails\n\n", "# made by a tool\n", "Report,May\nby,us\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_header_below_a_title_is_found_and_the_remedy_works(tmp_path: Path, above: str, delimiter: str) -> None:
    rows = [delimiter.join(("text", "label", "id"))] + [delimiter.join((f"a {n}", "pos", f"{n}")) for n in range(9)]
    content = above + "\n".join(rows) + "\n"
    message = refused(tmp_path / "r.csv", content)
    line = above.count("\n") + 1
    assert f"r.csv:{line}: the header seems to stand here" in message
    assert f"tail -n +{line} r.csv" in message
    assert f"r.csv:{line}: the header" in table_refused(tmp_path / "r.csv", content)
    below = "".join(content.splitlines(keepends=True)[line - 1 :])
    assert read(tmp_path / "r.csv", below)[0][0] == ["a 0", "pos", "0"]


def test_a_wrong_delimiter_that_is_set_is_not_blamed_on_the_header(tmp_path: Path) -> None:
    content = "text;label;price\n" + "".join(f"a {n};pos;{n},{n + 40}\n" for n in range(9))
    message = refused(tmp_path / "r.csv", content, Reading(delimiter=","))
    assert "Leave delimiter out, so that it is found" in message
    assert read(tmp_path / "r.csv", content)[0][0] == ["a 0", "pos", "0,40"]


def test_a_bar_within_titles_makes_no_header_of_the_first(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "r.csv", "text\n" + "".join(f"{number} news | Gazette\n" for number in range(9)))
    assert rows[0] == ["0 news | Gazette"]


def test_utf_16_without_its_mark_is_refused_with_the_setting_that_reads_it(tmp_path: Path) -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        content = "text,label\ngood,pos\n".encode(encoding)
        (found,) = setting_of(refused(tmp_path / "r.csv", content), "encoding")
        assert found == encoding
        assert read(tmp_path / "r.csv", content, Reading(encoding=found))[0] == [["good", "pos"]]


def test_a_text_in_two_encodings_a_cut_character_and_a_nul_are_refused_by_their_place(tmp_path: Path) -> None:
    assert "byte 0xe9 at offset 14" in refused(
        tmp_path / "r.csv", "text\ncaf\u00e9 ok\n".encode()[:-1] + b"\ne\xe9"[:1] + b"\xe9\n"
    )
    assert "ends within a character" in refused(tmp_path / "r.txt", "caf\u00e9".encode()[:-1])
    assert "NUL byte at offset 7,000" in refused(tmp_path / "r.txt", b"a text\n" * 1000 + b"\0")
    assert "is not ASCII: byte 0xc3" in refused(tmp_path / "r.txt", "caf\u00e9\n", Reading(encoding="ascii"))


def test_a_table_is_decoded_as_rows_are(tmp_path: Path) -> None:
    text = "date,größe\n" + "".join(f"2024-01-{day:02d},{day}\n" for day in range(1, 20))
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        table = table_of(tmp_path / "t.csv", text.encode(encoding))
        assert table.names == ("größe",)
        assert table.values[:, 0].tolist() == list(range(1, 20))


def stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_standard_input_is_decoded_while_it_comes(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    stdin(monkeypatch, f"plain\n{GERMAN}\nplain again\n".encode(encoding))
    assert asked_texts("-", Sought("text", ("text",))) == ["plain", GERMAN, "plain again"]


# Delimiters


def by_csv(table: Sequence[Sequence[str]], delimiter: str) -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(table)
    return file.getvalue()


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
@pytest.mark.parametrize(("delimiter", "word"), [(",", "','"), (";", "';'"), ("\t", "tabs"), ("|", "'|'")])
def test_a_delimiter_is_found_and_told_where_the_ending_says_another(
    tmp_path: Path, suffix: str, delimiter: str, word: str
) -> None:
    rows = [[f"one, two; three | {number}", LABELS[number % 2]] for number in range(9)]
    found, said = read(tmp_path / f"r{suffix}", by_csv([["text", "label"], *rows], delimiter))
    assert found == rows
    is_usual = delimiter == {".csv": ",", ".tsv": "\t"}[suffix]
    assert said == ([] if is_usual else [f"r{suffix}: cells are split by {word}."])


def test_commas_in_texts_do_not_split_a_file_of_semicolons(tmp_path: Path) -> None:
    content = "text, as written;label\n" + "".join(f"well{', well' * (n % 3)};pos\n" for n in range(30))
    assert read(tmp_path / "r.csv", content)[0][2] == ["well, well, well", "pos"]


def test_a_header_of_one_name_is_one_column(tmp_path: Path) -> None:
    assert read(tmp_path / "r.csv", "text\none;two\nthree|four\n")[0] == [["one;two"], ["three|four"]]


def test_two_delimiters_are_refused_and_either_can_be_set(tmp_path: Path) -> None:
    content = "a;b,c\n" + "1;2,3\n" * 9
    settings = setting_of(refused(tmp_path / "r.csv", content), "delimiter")
    assert sorted(settings) == [",", ";"]
    assert read(tmp_path / "r.csv", content, Reading(delimiter=";"))[0][0] == ["1", "2,3"]
    assert read(tmp_path / "r.csv", content, Reading(delimiter=","))[0][0] == ["1;2", "3"]


def test_the_line_by_which_excel_names_the_delimiter_is_heeded(tmp_path: Path) -> None:
    assert read(tmp_path / "r.csv", "sep=;\ntext;label\na,b;pos\n")[0] == [["a,b", "pos"]]
    assert table_of(tmp_path / "t.csv", "sep=;\na;b\n1,5;2\n3,5;4\n").values.tolist() == [[1.5, 2], [3.5, 4]]


# Quotes


def reviews(opening: str, closing: str, delimiter: str = "\t") -> str:
    rows = [f"item {number}{delimiter}{LABELS[number % 2]}" for number in range(60)]
    rows[10] = opening + rows[10]
    rows[40] = rows[40].replace(delimiter, closing + delimiter)
    return f"text{delimiter}label\n" + "\n".join(rows) + "\n"


def test_a_stray_quote_between_tabs_is_a_letter(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "r.tsv", reviews('"', '"'))
    assert len(rows) == 60
    assert rows[10] == ['"item 10', "pos"]
    assert read(tmp_path / "r.tsv", 'text\tlabel\n"Great!"\tpos\n6" pipe\tneg\n')[0] == [
        ['"Great!"', "pos"],
        ['6" pipe', "neg"],
    ]


def test_a_quote_that_is_never_closed_between_tabs_costs_no_time(tmp_path: Path) -> None:
    """Each line that follows was once counted anew with all before it: hours for such a file."""
    rows, _ = read(tmp_path / "r.tsv", 'text\tlabel\n"open\tpos\n' + "item\tneg\n" * 40_000)
    assert len(rows) == 40_001


def test_a_stray_quote_between_commas_is_a_fault_that_names_its_lines(tmp_path: Path) -> None:
    content = reviews('"', '"', ",")
    message = refused(tmp_path / "r.csv", content)
    assert message.startswith("r.csv:12: a quoted cell takes the lines 12 to 42, each of which looks like a row.")
    (setting,) = setting_of(message, "quoting")
    rows, _ = read(tmp_path / "r.csv", content, Reading(quoting=setting))
    assert len(rows) == 60
    assert rows[10] == ['"item 10', "pos"]


def test_a_quote_left_open_in_a_column_that_is_not_read_costs_a_table_no_rows(tmp_path: Path) -> None:
    notes = {5: '"open', 9: 'x"'}
    rows = [f"2024-01-{day:02d},{day},{notes.get(day, 'ok')}\n" for day in range(1, 20)]
    message = table_refused(tmp_path / "t.csv", "date,a,note\n" + "".join(rows), columns=("a",))
    assert message.startswith("t.csv:6: a quoted cell takes the lines 6 to 10")
    notes[9] = "ok"
    rows = [f"2024-01-{day:02d},{day},{notes.get(day, 'ok')}\n" for day in range(1, 20)]
    assert "t.csv:6: cannot be read (the quote that opens here is never closed; lines 6 to 20)" in table_refused(
        tmp_path / "t.csv", "date,a,note\n" + "".join(rows), columns=("a",)
    )


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_a_cell_of_hundreds_of_lines_of_code_is_read(tmp_path: Path, delimiter: str) -> None:
    code = "def f(a, b):\n" + "".join(f"    x{n}, y = g({n}), 'a'\n" for n in range(300)) + "    return x\n"
    rows = [[code, LABELS[number % 2]] for number in range(6)]
    assert read(tmp_path / "r.csv", by_csv([["code", "label"], *rows], delimiter))[0] == rows


def test_quotes_between_tabs_that_may_be_both_are_refused_and_can_be_set(tmp_path: Path) -> None:
    content = 'text\tlabel\n"a\tpos\nb"\tneg\nc\tpos\n'
    message = refused(tmp_path / "r.tsv", content)
    assert "the lines 2 to 3" in message
    assert sorted(setting_of(message, "quoting")) == ["double", "none"]
    assert len(read(tmp_path / "r.tsv", content, Reading(quoting="none"))[0]) == 3
    assert len(read(tmp_path / "r.tsv", content, Reading(quoting="double"))[0]) == 2


def test_cells_between_tabs_that_excel_quoted_are_read_without_their_quotes(tmp_path: Path) -> None:
    content = 'text\tlabel\n"a, b"\tpos\nc\tneg\n"say ""x"""\tpos\n'
    assert read(tmp_path / "r.tsv", content)[0] == [["a, b", "pos"], ["c", "neg"], ['say "x"', "pos"]]


# Columns and rows


def test_two_columns_of_a_name_are_refused_in_rows_as_in_tables(tmp_path: Path) -> None:
    assert "two columns are named 'label' (2 and 3)" in refused(tmp_path / "r.csv", "text,label, label \na,b,c\n")
    assert "two columns are named 'a' (2 and 3)" in table_refused(tmp_path / "t.csv", "date,a, a\n2024-01-01,1,2\n")


@pytest.mark.parametrize("content", ['{"a": 1, "a": 2}', '{"b": [{"a": {"c": 1, "c": 2}}]}', '{"a" : 1, "\\u0061":2}'])
def test_a_key_that_an_object_has_twice_is_refused_at_every_depth(tmp_path: Path, content: str) -> None:
    good = '{"a": 1, "b": {"a": 2}}'
    lines = list(read_rows(written(tmp_path / "r.jsonl", f"{good}\n{content}\n{good}\n")))
    array = list(read_rows(written(tmp_path / "r.json", f"[{good},\n{content},\n{good}]")))
    for rows in (lines, array):
        assert [type(row) for row in rows] == [Row, RowFault, Row]
        (fault,) = (row for row in rows if isinstance(row, RowFault))
        assert fault.line == 2
        assert "twice" in fault.problem


def test_rows_that_are_blank_in_every_cell_are_left_out_and_counted(tmp_path: Path) -> None:
    rows, said = read(tmp_path / "r.csv", "text,label\na,pos\n,\n\n , \nb,neg\n\n\n")
    assert rows == [["a", "pos"], ["b", "neg"]]
    assert said == ["r.csv: 3 rows are blank in every cell and left out, the first at line 3."]
    table = table_of(
        tmp_path / "t.csv", "date,a,note\n2024-01-01,1,\n,,\n2024-01-02,,x\n2024-01-03,3,\n,,\n,,\n", columns=("a",)
    )
    np.testing.assert_array_equal(table.values[:, 0], [1, np.nan, 3])
    assert table.warnings[0] == "t.csv: 3 rows are blank in every cell and left out."
    message = table_refused(tmp_path / "t.csv", "date,a,note\n2024-01-01,1,\n,,\n2024-01-02,x,\n", columns=("a",))
    assert message.startswith("t.csv:4: a is 'x'")
    assert "date is empty" in table_refused(tmp_path / "t.csv", "date,a,note\n2024-01-01,1,\n,,total\n", columns=("a",))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_blank_lines_of_a_table_of_one_column_are_missing_values_but_at_its_end(tmp_path: Path, end: str) -> None:
    for tail in ("", end, end * 3):
        content = end.join(["y", "1", "", "2", "", "", "3"]) + tail
        table = table_of(tmp_path / "t.csv", content)
        np.testing.assert_array_equal(table.values[:, 0], [1, np.nan, 2, np.nan, np.nan, 3])
    assert table_refused(tmp_path / "t.csv", end.join(["y", "1", "", "x"])).startswith("t.csv:4: y is 'x'")


def test_a_separator_at_the_end_of_every_line_makes_no_column(tmp_path: Path) -> None:
    assert table_of(tmp_path / "t.csv", "date,a,\n2024-01-01,1,\n2024-01-02,2,\n").names == ("a",)


# Numbers


def column(cells: Sequence[str], delimiter: str = ";") -> str:
    rows = [[f"2024-01-{day:02d}", cell] for day, cell in enumerate(cells, 1)]
    return by_csv([["date", "a"], *rows], delimiter)


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["3,14", "2,5", "-1,25e3"], [3.14, 2.5, -1250]),
        (["1.234,56", "2,547", "12"], [1234.56, 2.547, 12]),
        (["1.234.567,5", "1.234", "0,5"], [1234567.5, 1234, 0.5]),
        (["1\u202f234,5", "2 000,25", "1"], [1234.5, 2000.25, 1]),
        (["0,123", "0,456", "0,789"], [0.123, 0.456, 0.789]),
    ],
)
@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_decimal_comma_is_read_where_nothing_else_is_meant(
    tmp_path: Path, delimiter: str, cells: list[str], values: list[float]
) -> None:
    table = table_of(tmp_path / "t.csv", column(cells, delimiter))
    assert table.values[:, 0].tolist() == values
    assert "t.csv: numbers are read with a decimal comma." in table.warnings


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_comma_that_may_be_either_is_refused_and_both_readings_can_be_set(tmp_path: Path, delimiter: str) -> None:
    content = column(["2,547", "2,565", "2,647"], delimiter)
    message = table_refused(tmp_path / "t.csv", content)
    assert "may be 2547 or 2.547" in message
    assert setting_of(message, "decimal") == [".", ","]
    assert table_of(tmp_path / "t.csv", content, Reading(decimal=".")).values[:, 0].tolist() == [2547, 2565, 2647]
    assert table_of(tmp_path / "t.csv", content, Reading(decimal=",")).values[:, 0].tolist() == [2.547, 2.565, 2.647]


def test_the_mark_can_be_set_for_texts_of_any_format(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"a": ["2,547", "2,565", None], "b": [1.5, 2.5, 3.5]}), path)
    for mark, first in ((".", 2547), (",", 2.547)):
        values = open_table(path, TableSchema(), Reading(decimal=mark)).values
        assert values[0].tolist() == [first, 1.5]


def test_commas_between_thousands_are_refused_and_can_be_set(tmp_path: Path) -> None:
    content = column(["1,234,567", "2,000,000.5", "12"], ",")
    message = table_refused(tmp_path / "t.csv", content)
    assert "Write it without marks between thousands, 1234567." in message
    assert set(setting_of(message, "decimal")) == {(setting := ".")}
    assert table_of(tmp_path / "t.csv", content, Reading(decimal=setting)).values[:, 0].tolist() == [
        1234567,
        2000000.5,
        12,
    ]


def test_a_point_that_may_be_either_beside_decimal_commas_is_refused(tmp_path: Path) -> None:
    content = "date;a;b\n2024-01-01;1,5;1.234\n2024-01-02;2,5;2.345\n"
    message = table_refused(tmp_path / "t.csv", content)
    assert "b is '1.234', which may be 1234 or 1.234" in message
    assert table_of(tmp_path / "t.csv", content, Reading(decimal=",")).values.tolist() == [[1.5, 1234], [2.5, 2345]]
    pointed = content.replace("1.234", "0.234")
    assert table_of(tmp_path / "t.csv", pointed).values.tolist() == [[1.5, 0.234], [2.5, 2.345]]


# Directories


def test_what_is_hidden_and_what_is_no_text_is_left_out_with_a_word(tmp_path: Path) -> None:
    root = tmp_path / ".mail"  # chosen by name, it may be hidden itself
    for name in (
        "pos/a.txt",
        "neg/b.txt",
        "pos/.c.txt",
        ".git/d.txt",
        "__MACOSX/pos/._a.txt",
        "neg/.ipynb_checkpoints/b.txt",
    ):
        written(root / name, f"text of {name}\n")
    written(root / "pos" / "e.txt", b"\x7fELF\0\0\0\1")
    written(root / "neg" / "f.png", b"\x89PNG")
    said: list[str] = []
    rows = [row.values for row in read_rows(root, say=said.append) if isinstance(row, Row)]
    assert [row["label"] for row in rows] == ["neg", "pos"]
    assert said == [
        ".mail: 4 files are hidden and left out, for example .git/d.txt.",
        ".mail: 2 files are no text and left out, for example neg/f.png.",
    ]
    documents = load_documents(root)
    assert (len(documents), documents.warnings) == (2, tuple(said))


def test_each_file_of_a_directory_has_an_encoding_of_its_own(tmp_path: Path) -> None:
    for name, encoding in (("a/1.txt", "utf-8"), ("a/2.txt", "cp1252"), ("b/3.txt", "utf-16")):
        written(tmp_path / "d" / name, GERMAN.encode(encoding))
    said: list[str] = []
    rows = [row.values["text"] for row in read_rows(tmp_path / "d", say=said.append) if isinstance(row, Row)]
    assert rows == [GERMAN] * 3
    assert said == [
        "a/2.txt: the text is not UTF-8; it was read as WINDOWS-1252.",
        "b/3.txt: the text was read as UTF-16.",
    ]
