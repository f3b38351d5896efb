"""Marked characters become marked tokens, whatever tokenizer cuts the text; what has no token is counted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast

from infrastructure.data.labels.carried import MARKS
from infrastructure.data.labels.code_dataset import CodeDataset
from infrastructure.data.labels.loading import labelled_dataset
from infrastructure.data.labels.rows import RowSchema, load_rows
from infrastructure.data.sources.fields import sought
from infrastructure.models.tokenizer import train_bpe, train_tokenizer
from tests.support.marked import file_of

TEXTS = [
    "run the shell command now",
    "Über ändern wir nichts, naïve Ærø",
    "say 😀😀 twice, [SEP] </s> and go",
    "  blanks   and\ttabs\nand lines  ",
]
TOKENIZERS: dict[str, Callable[[], Any]] = {
    "pieces of words": lambda: train_tokenizer(TEXTS * 4, 400, lowercase=True, seed=0),
    "bytes": lambda: train_bpe(TEXTS * 4, 330, 0, document_start=False, end=True),
}


def ready(tmp_path: Path, rows: list[dict[str, Any]], tokenizer: Any, max_length: int = 64) -> CodeDataset:
    schema = RowSchema(sought("text", ("text",)), carried=(MARKS,))
    found = load_rows(file_of(tmp_path / "x.jsonl", rows), schema)
    dataset = labelled_dataset(found, np.arange(len(found)), tokenizer, max_length, found.label_names)
    return dataset.with_marks(tokenizer, max_length, ("a", "b"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def test_rows_that_are_read_at_once_are_those_that_are_read_one_by_one(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": text, "label": label} for text, label in zip(TEXTS, "xyxy", strict=True)]
    rows[2]["marks"] = [[0, 3, "a"]]
    dataset = ready(tmp_path, rows, TOKENIZERS["bytes"]())
    chosen = [3, 0, 2]
    for item, row in zip(dataset.__getitems__(chosen), chosen, strict=True):
        alone = dataset[row]
        assert item.keys() == alone.keys() - {"attention_mask"}
        for name, value in item.items():
            np.testing.assert_array_equal(value, alone[name])


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("text", TEXTS)
def test_the_tokens_of_each_word_are_those_that_spell_it(tmp_path: Path, kind: str, text: str) -> None:
    tokenizer = TOKENIZERS[kind]()
    words = text.split()
    rows: list[dict[str, Any]] = []
    at = 0
    for word in words:
        at = text.index(word, at)
        rows.append({"text": text, "label": "x", "marks": [[at, at + len(word), "b"]]})
        at += len(word)
    dataset = ready(tmp_path, rows, tokenizer)
    hit: list[int] = []
    for number, word in enumerate(words):
        item = dataset[number]
        places, names = item["marked_tokens"].T.tolist()
        assert set(names) == {1}
        assert places == list(range(places[0], places[-1] + 1))
        told = tokenizer.decode(item["input_ids"][places]).strip()
        unknown = tokenizer.unk_token_id in item["input_ids"][places].tolist()
        assert unknown or told.casefold().replace(" ", "") == word.casefold()
        hit += places
    assert len(hit) == len(set(hit))  # no token is in two words


def test_a_row_that_says_nothing_has_no_tokens_and_one_without_marks_has_none_of_them(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": "one two", "label": "x"}, {"text": "one two", "label": "x", "marks": []}]
    dataset = ready(tmp_path, rows, TOKENIZERS["bytes"]())
    assert "marked_tokens" not in dataset[0]
    assert dataset[1]["marked_tokens"].tolist() == []


def test_names_that_a_model_does_not_know_are_left_out(tmp_path: Path) -> None:
    dataset = ready(
        tmp_path, [{"text": "one", "label": "x", "marks": [[0, 3, "z"], [0, 3, "a"]]}], TOKENIZERS["bytes"]()
    )
    assert set(dataset[0]["marked_tokens"][:, 1].tolist()) == {0}


@pytest.mark.parametrize("length", [40, 40_000])
def test_marks_behind_the_end_of_a_cut_text_are_counted(tmp_path: Path, length: int) -> None:
    text = "run " * length
    marks = [[0, 3, "a"], [len(text) - 4, len(text), "a"], [len(text) - 1, len(text), "b"]]
    dataset = ready(tmp_path, [{"text": text, "label": "x", "marks": marks}], TOKENIZERS["bytes"](), max_length=16)
    assert dataset.marked is not None
    assert len(dataset[0]["input_ids"]) == 16
    told = (
        "2 of 3 marks of x.jsonl lie where texts were cut, or on characters without a token; nothing is learnt of them."
    )
    assert dataset.marked.told("x.jsonl") == (told,)


def words_alone() -> Any:
    """Give a tokenizer that drops white space."""
    words = Tokenizer(WordLevel({"[PAD]": 0, "[UNK]": 1, "run": 2, "now": 3}, unk_token="[UNK]"))
    words.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]")


def test_long_runs_of_blanks_do_not_hide_marks(tmp_path: Path) -> None:
    text = "run" + " " * 2_000 + "now"  # longer than the head that is encoded first
    marks = [[len(text) - 3, len(text), "a"]]
    item = ready(tmp_path, [{"text": text, "label": "x", "marks": marks}], words_alone(), max_length=16)[0]
    assert item["input_ids"].tolist() == [2, 3]
    assert item["marked_tokens"].tolist() == [[1, 0]]
