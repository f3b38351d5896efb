"""Texts become ids and batches without transformers, those that it would make of them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.data.tokens.text_ids import text_ids
from infrastructure.exported.texts import batches
from infrastructure.exported.tokenizer import PlainTokenizer
from infrastructure.models.pretrained import open_tokenizer
from tests.support import tiny


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=6), st.integers(4, 12))
def test_texts_become_the_ids_that_the_library_gives(saved: Path, texts: list[str], max_length: int) -> None:
    plain, known = PlainTokenizer.open(saved), open_tokenizer(saved)
    texts = [*texts, "[CLS] <pad> [SEP]</s> a[MASK]b"]
    assert text_ids(plain, texts, max_length) == text_ids(known, texts, max_length)  # type: ignore[arg-type]
    assert text_ids(plain, texts) == text_ids(known, texts)  # type: ignore[arg-type]
    for ids in text_ids(known, texts):
        assert plain.decode(ids, skip_special_tokens=True) == known.decode(ids, skip_special_tokens=True)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tokenizer")
    tiny.tokenizer().save_pretrained(directory)
    return directory


@given(st.lists(st.integers(0, 40), max_size=30))
def test_every_row_is_in_one_batch_with_all_of_its_ids(lengths: list[int]) -> None:
    rows = [list(range(1, length + 1)) for length in lengths]
    seen = {}
    for chosen, batch in batches(rows, pad=0):
        for row, ids, mask in zip(chosen.tolist(), batch["input_ids"], batch["attention_mask"], strict=True):
            seen[row] = ids[mask == 1].tolist()
            assert not ids[mask == 0].any()
    assert [seen[row] for row in range(len(rows))] == rows
