"""What a tokenizer reads it writes again, letter for letter, also after a visit to the disk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from domain.exceptions import ConfigurationError, DatasetError
from infrastructure.models import tokenizer as tokenizer_module
from infrastructure.models.tokenizer import train_bpe, train_characters, train_tokenizer
from tests.support.texts import any_text

CODE = "def readHTTPServer_v12(self):\n\t\treturn  naïve_x\r\n\n        if x == 15:  # 日本\n" * 3
# What a careless decoder trims or tidies: blanks before punctuation, at the ends, and the model's own marks.
STRANGE = (" a , b . 's  n't\n", "\n\n  x \t", "😀 é e\u0301 ǅ ª ² \u00a0 \u2028", "<|start|> <|end|><|code|>", CODE)


@pytest.fixture(scope="module")
def bpe() -> PreTrainedTokenizerFast:
    return train_bpe([CODE, *STRANGE], None, 0, document_start=False, end=False)


def plain(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


class TestBytePairs:
    @given(text=any_text(max_size=40) | st.text("aB1_ \n\té(", max_size=40))
    def test_any_text_comes_back(self, bpe: PreTrainedTokenizerFast, text: str) -> None:
        text = text.encode("utf-8", errors="replace").decode()
        assert bpe.decode(plain(bpe, text)) == text
        assert not set(plain(bpe, text)) & set(bpe.all_special_ids)

    @pytest.mark.parametrize("text", STRANGE)
    def test_strange_texts_come_back(self, bpe: PreTrainedTokenizerFast, text: str) -> None:
        assert bpe.decode(plain(bpe, text)) == text

    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("readHTTPServer v12", ["read", "HTTP", "Server", " v", "1", "2"]),
            ("__max_length", ["__", "max", "_", "length"]),
            ("\n        return x", ["\n       ", " return", " x"]),
            ("\n\t\treturn x", ["\n\t\t", "return", " x"]),
            ("été Été ÉTÉ", ["été", " Été", " ÉTÉ"]),
            ("a  == 15", ["a", " ", " ==", " 1", "5"]),
        ],
    )
    def test_names_fall_apart_at_their_borders_and_indents_stay_whole(self, text: str, parts: list[str]) -> None:
        # Repeated often enough, every part becomes one token: what is left are the borders alone.
        tokenizer = train_bpe([text] * 50, None, 0, document_start=False, end=False)
        assert [tokenizer.decode([number]) for number in plain(tokenizer, text)] == parts

    @pytest.mark.parametrize(("start", "end"), [(True, False), (False, True), (True, True), (False, False)])
    def test_signs_stand_where_they_were_asked_for_also_after_saving(
        self, tmp_path: Path, start: bool, end: bool
    ) -> None:
        tokenizer = train_bpe([CODE], None, 0, document_start=start, end=end)
        want = [tokenizer.bos_token_id] * start + plain(tokenizer, CODE) + [tokenizer.eos_token_id] * end
        tokenizer.save_pretrained(tmp_path)
        for made in (tokenizer, AutoTokenizer.from_pretrained(tmp_path)):
            assert made(CODE)["input_ids"] == want
            assert made.decode(want, skip_special_tokens=True) == CODE
            assert made("<|end|>", add_special_tokens=False)["input_ids"] == plain(tokenizer, "<|end|>")
            assert (made.pad_token, made.bos_token, made.eos_token, made.sep_token) == (
                "<|pad|>", "<|start|>", "<|end|>", "<|code|>",
            )  # fmt: skip

    def test_a_text_cut_to_a_length_keeps_its_end_sign(self) -> None:
        tokenizer = train_bpe([CODE], None, 0, document_start=False, end=True)
        ids = tokenizer(CODE, truncation=True, max_length=9)["input_ids"]
        assert ids == [*plain(tokenizer, CODE)[:8], tokenizer.eos_token_id]

    def test_the_same_texts_and_seed_give_the_same_tokenizer(self, bpe: PreTrainedTokenizerFast) -> None:
        again = train_bpe([CODE, *STRANGE], None, 0, document_start=False, end=False)
        assert again.get_vocab() == bpe.get_vocab()

    def test_a_vocabulary_that_the_text_fills_has_the_size_asked_for(self) -> None:
        assert len(train_bpe([CODE], 270, 0, document_start=True, end=True)) == 270

    @pytest.mark.parametrize(("size", "said"), [(30_000, r"vocab_size is 30000, but the text supports only \d+"),
                                                (100, "vocab_size is 100, but all bytes")])  # fmt: skip
    def test_a_size_that_cannot_be_is_refused(self, size: int, said: str) -> None:
        with pytest.raises(ConfigurationError, match=said) as caught:
            train_bpe([CODE], size, 0, document_start=True, end=False)
        assert caught.value.remedy


class TestCharacters:
    @pytest.mark.parametrize("text", STRANGE)
    def test_known_text_comes_back_a_token_a_character(self, text: str) -> None:
        tokenizer = train_characters([text], document_start=False)
        assert len(plain(tokenizer, text)) == len(text)
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
        assert len(tokenizer) == len(set(text)) + 5

    def test_a_character_never_seen_is_unknown_and_each_one_counts(self) -> None:
        tokenizer = train_characters(["ab"], document_start=False)
        a, b = plain(tokenizer, "ab")
        assert plain(tokenizer, "azéb") == [a, tokenizer.unk_token_id, tokenizer.unk_token_id, b]
        assert tokenizer.unk_token == "<|unknown|>"

    def test_opens_from_disk_as_it_was(self, tmp_path: Path) -> None:
        tokenizer = train_characters([CODE], document_start=True)
        tokenizer.save_pretrained(tmp_path)
        opened = AutoTokenizer.from_pretrained(tmp_path)
        ids = tokenizer(CODE)["input_ids"]
        assert ids == [tokenizer.bos_token_id, *plain(tokenizer, CODE)]
        assert opened(CODE)["input_ids"] == ids
        assert opened.decode(ids, skip_special_tokens=True) == CODE
        assert opened("<|pad|>", add_special_tokens=False)["input_ids"] == plain(tokenizer, "<|pad|>")

    def test_a_given_size_keeps_the_most_frequent_and_never_promises_more(self) -> None:
        tokenizer = train_characters(["aaabbc"], 7, document_start=False)
        assert tokenizer.decode(plain(tokenizer, "abc"), skip_special_tokens=True) == "ab"
        with pytest.raises(ConfigurationError, match="vocab_size is 300, but the text supports only 8"):
            train_characters(["aaabbc"], 300, document_start=False)


@pytest.mark.parametrize("texts", [[], [""], [" \n", "\t\u2003"]])
def test_white_space_alone_teaches_nothing(texts: list[str]) -> None:
    with pytest.raises(DatasetError, match="white space only"):
        train_bpe(texts, None, 0, document_start=True, end=True)
    with pytest.raises(DatasetError, match="white space only"):
        train_characters(texts, document_start=True)


@pytest.mark.parametrize("learn", ["read", "write"])
def test_a_tokenizer_is_learnt_once_from_the_same_texts(learn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"words of {learn} number {number}" for number in range(40)]

    def learnt(texts: Sequence[str], size: int = 275) -> PreTrainedTokenizerFast:
        if learn == "read":
            return train_tokenizer(texts, size, lowercase=True, seed=1)
        return train_bpe(texts, size, seed=1, document_start=True, end=True)

    first = learnt(texts)
    calls: list[object] = []
    learn_merges = tokenizer_module._learn_merges

    def counted(*given: Any) -> None:
        calls.append(given)
        learn_merges(*given)

    monkeypatch.setattr(tokenizer_module, "_learn_merges", counted)
    again = learnt(texts)
    assert not calls
    assert again.backend_tokenizer.to_str() == first.backend_tokenizer.to_str()
    learnt(texts, size=270)
    learnt([*texts, "and one more"])
    assert len(calls) == 2
