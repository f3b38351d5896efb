"""Documents keep every byte; a split of them shares nothing; every fault is named."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exceptions import DatasetError
from infrastructure.data.files import encodings
from infrastructure.data.sources.fields import sought
from infrastructure.data.text import documents
from infrastructure.data.text import parts as document_parts
from infrastructure.data.text.documents import Documents, load_documents
from infrastructure.data.text.parts import DocumentPart, documents_not_in, split_documents, whole_documents
from tests.support.texts import any_text


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def texts_of(part: DocumentPart) -> list[str]:
    """Put pieces together again, a text for each document."""
    texts: list[str] = []
    for number, piece in enumerate(part.pieces):
        if part.pieces.begins_document(number) or not texts:
            texts.append("")
        texts[-1] += piece
    return texts


def loaded(path: Path, texts: list[str]) -> Documents:
    return load_documents(written(path, json.dumps([{"text": text} for text in texts])))


@pytest.mark.parametrize("name", ["x.txt", "x.py", "x", "x.log", "x.txt.gz"])
def test_a_text_file_is_one_document_byte_for_byte(tmp_path: Path, name: str) -> None:
    text = "\n naïve\r\n日本語 😀 \t\n\x0c\u2028end \n\n"
    content = text.encode()
    made = load_documents(written(tmp_path / name, gzip.compress(content) if name.endswith(".gz") else content))
    assert texts_of(whole_documents(made)) == [text]
    assert (len(made), made.num_bytes) == (1, len(content))


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    made = load_documents(written(tmp_path / "x.txt", b"\xef\xbb\xbfhello"))
    assert texts_of(whole_documents(made)) == ["hello"]


def test_a_table_gives_a_document_a_row_from_the_field_that_is_found_or_named(tmp_path: Path) -> None:
    rows = [{"id": str(n), "content": f"line {n}\nmore", "body": f"b{n}"} for n in range(3)]
    path = written(tmp_path / "x.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert texts_of(whole_documents(load_documents(path))) == [row["content"] for row in rows]
    assert texts_of(whole_documents(load_documents(path, sought("text", (), "body")))) == ["b0", "b1", "b2"]


def test_a_directory_gives_a_document_a_file_but_none_for_empty_and_hidden_ones(tmp_path: Path) -> None:
    written(tmp_path / "b.py", "x = 1\r\n")
    written(tmp_path / "a" / "deep.md", "words")
    written(tmp_path / "a" / "__init__.py", "")
    written(tmp_path / "a" / "blank.txt", " \n\t\n")
    written(tmp_path / ".venv" / "other.py", "not mine")
    written(tmp_path / "picture.png", b"\x89PNG\0")
    assert texts_of(whole_documents(load_documents(tmp_path))) == ["words", "x = 1\r\n"]


@settings(max_examples=25)
@given(lines=st.lists(any_text(max_size=12), min_size=1, max_size=8), size=st.integers(4, 9), chunk=st.integers(1, 9))
def test_pieces_are_short_whole_characters_and_together_the_text(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], size: int, chunk: int
) -> None:
    text = "x" + "\n".join(lines).replace("\0", "").encode("utf-8", errors="replace").decode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document_parts, "PIECE_BYTES", size)
        patch.setattr(documents, "CHUNK_CHARACTERS", chunk)
        patch.setenv("ATHANOR_CACHE", str(tmp_path_factory.mktemp("cache")))
        part = whole_documents(load_documents(written(tmp_path_factory.getbasetemp() / "cut.txt", text)))
        pieces = list(part.pieces)
    assert "".join(pieces) == text
    assert all(0 < len(piece.encode()) <= size for piece in pieces)
    assert [part.pieces.begins_document(n) for n in range(len(pieces))] == [True] + [False] * (len(pieces) - 1)


def test_a_long_document_is_cut_behind_lines_and_the_next_one_still_begins_where_it_begins(tmp_path: Path) -> None:
    long = "".join(f"line {n} of a long document\n" for n in range(9_000))
    part = whole_documents(loaded(tmp_path / "x.json", ["first", long, "last"]))
    pieces = list(part.pieces)
    assert len(pieces) > 4
    assert all(piece.endswith("\n") for piece in pieces[1:-1])
    assert texts_of(part) == ["first", long, "last"]


class TestSplit:
    @pytest.mark.parametrize(("size", "share"), [(1_115_394, 0.1), (1_000, 0.25), (2, 0.5), (997, 0.3)])
    def test_one_document_of_ascii_is_cut_where_its_share_says(self, tmp_path: Path, size: int, share: float) -> None:
        text = ("abc\n" * (size // 4 + 1))[:size]
        train, evaluation = split_documents(load_documents(written(tmp_path / "x.txt", text)), share, seed=0)
        assert train.num_bytes == int(size * (1 - share))
        assert texts_of(train) + texts_of(evaluation) == [text[: train.num_bytes], text[train.num_bytes :]]

    @pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.61])
    def test_no_character_is_cut_in_two(self, tmp_path: Path, share: float) -> None:
        text = "日😀é" * 7
        train, evaluation = split_documents(load_documents(written(tmp_path / "x.txt", text)), share, seed=0)
        assert "".join([*train.pieces, *evaluation.pieces]) == text

    @settings(max_examples=15)
    @given(
        sizes=st.lists(st.integers(1, 40), min_size=2, max_size=30),
        share=st.floats(0.01, 0.99),
        seed=st.integers(0, 9),
    )
    def test_whole_documents_are_drawn_and_none_stands_on_both_sides(
        self, tmp_path_factory: pytest.TempPathFactory, sizes: list[int], share: float, seed: int
    ) -> None:
        texts = [f"{number} " + "x" * size for number, size in enumerate(sizes)]
        made = loaded(tmp_path_factory.getbasetemp() / "split.json", texts)
        train, evaluation = (texts_of(part) for part in split_documents(made, share, seed))
        assert train
        assert evaluation
        assert sorted(train + evaluation) == sorted(texts)
        again = [texts_of(part) for part in split_documents(made, share, seed)]
        assert again == [train, evaluation]

    def test_the_share_counts_bytes_and_the_seed_chooses(self, tmp_path: Path) -> None:
        made = loaded(tmp_path / "x.json", [f"{n} " + "x" * (n % 90) for n in range(1_000)])
        chosen = [split_documents(made, 0.2, seed)[1] for seed in range(3)]
        for part in chosen:
            assert abs(part.num_bytes / made.num_bytes - 0.2) < 0.005
        assert len({part.sha256 for part in chosen}) == 3

    def test_documents_equal_up_to_white_space_stay_together_and_are_counted(self, tmp_path: Path) -> None:
        texts = [form.format(n) for n in range(40) for form in ("if x{}: y()", "if x{}:\n\ty()", " ifx{}:y( )")]
        made = loaded(tmp_path / "x.json", texts)
        train, evaluation = ({"".join(text.split()) for text in texts_of(p)} for p in split_documents(made, 0.3, 1))
        assert not train & evaluation
        assert made.num_duplicates == 80

    def test_training_documents_that_an_evaluation_file_repeats_can_be_left_out(self, tmp_path: Path) -> None:
        made = loaded(tmp_path / "x.json", ["one two", "three", "four"])
        other = loaded(tmp_path / "y.json", ["onetwo\n", "five"])
        assert texts_of(documents_not_in(made, other)) == ["three", "four"]
        with pytest.raises(DatasetError, match=r"every document of y\.json also stands in y\.json"):
            documents_not_in(other, other)

    @pytest.mark.parametrize(("texts", "said"), [(["ab c"] * 3, "one document 3 times"), (["a"], "too few")])
    def test_what_cannot_stand_on_both_sides_is_refused(self, tmp_path: Path, texts: list[str], said: str) -> None:
        with pytest.raises(DatasetError, match=said):
            split_documents(loaded(tmp_path / "x.json", texts), 0.5, seed=0)


class TestBadInput:
    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("x.txt", b"", "is empty"),
            ("x.txt", b" \n\t\r\n \xe2\x80\x83", "holds white space only"),
            ("x.txt", b"fine\n" * 10 + b"caf\x81 au lait", r"byte 0x81 at offset 53 cannot be decoded"),
            ("x.txt", b"\xef\xbb\xbfcaf\xe9 au lait", r"byte 0xe9 at offset 6 cannot"),
            ("x.txt", "café".encode()[:-1], r"byte 0xc3 at offset 3 cannot"),
            ("x.py", b"\x7fELF\0\0\0", "is binary"),
            ("x.txt.gz", b"plain", "is not gzip"),
            ("x.txt.gz", gzip.compress(bytes(range(48, 90)) * 99, mtime=0)[:-20], "damaged or cut off"),
            ("x.json", b'[{"name": "a"}]', "has the fields 'name', but the text is looked for in 'text'"),
            ("x.csv", b"text\n", "has no rows"),
        ],
    )
    def test_is_refused_with_what_to_do(self, tmp_path: Path, name: str, content: bytes, said: str) -> None:
        with pytest.raises(DatasetError, match=said) as caught:
            load_documents(written(tmp_path / name, content))
        assert caught.value.remedy

    def test_is_found_in_any_chunk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for size in range(1, 9):
            monkeypatch.setattr(encodings, "CHUNK_BYTES", size)
            with pytest.raises(DatasetError, match=r"byte 0xff at offset 6"):
                load_documents(written(tmp_path / "x.txt", "日本".encode() + b"\xffabc"))

    def test_a_missing_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="does not exist"):
            load_documents(tmp_path / "none.txt")

    def test_all_rows_that_are_no_text_are_named_together(self, tmp_path: Path) -> None:
        rows = [{"text": "fine"}, {"text": [3]}, {"text": None, "n": 1}, {"other": "x"}, *[{"text": " ", "n": 1}] * 30]
        path = written(tmp_path / "x.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        with pytest.raises(DatasetError) as caught:
            load_documents(path)
        lines = str(caught.value).splitlines()
        assert [line.split(":")[1] for line in lines[:-1]] == ["2", "3", "4", "5", "6", "7"]
        assert "33 faults in all, the first of each kind are shown" in lines[-1]

    def test_every_undecodable_file_of_a_directory_is_named(self, tmp_path: Path) -> None:
        written(tmp_path / "good.py", "x = 1")
        written(tmp_path / "a" / "one.py", b"\x81")
        written(tmp_path / "two.txt", b"ab\x8d")
        with pytest.raises(DatasetError) as caught:
            load_documents(tmp_path)
        assert "a/one.py is not UTF-8: byte 0x81 at offset 0" in str(caught.value)
        assert "two.txt is not UTF-8: byte 0x8d at offset 2" in str(caught.value)


def test_a_change_of_the_file_is_a_change_of_the_part(tmp_path: Path) -> None:
    sums = {whole_documents(loaded(tmp_path / "x.json", texts)).sha256 for texts in (["ab"], ["ac"], ["a", "b"])}
    assert len(sums) == 3


def test_a_mapped_file_reads_alike_after_its_pages_were_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.data.kept.mapped.KEPT_RESIDENT", 0)
    content = np.random.default_rng(0).integers(97, 123, 300_000, dtype=np.uint8).tobytes()
    made = load_documents(written(tmp_path / "x.txt", content))
    for _ in range(2):
        assert "".join(whole_documents(made).pieces).encode() == content
