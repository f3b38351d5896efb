"""A special token that a text spells out is text, whichever tokenizer reads it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import EsmTokenizer, PreTrainedTokenizerFast

from infrastructure.data.pairs.datasets import prompt_of, separator_ids
from infrastructure.data.text.blocks import token_blocks
from infrastructure.data.text.documents import load_documents
from infrastructure.data.text.parts import whole_documents
from infrastructure.data.tokens.text_ids import text_ids
from infrastructure.data.tokens.tokenization import tokenize
from infrastructure.models.pretrained import open_tokenizer
from infrastructure.models.tokenizer import train_bpe, train_characters, train_tokenizer
from infrastructure.models.tokenizer_files import save_tokenizer

LETTERS = " abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<>|[]/_;=\"'\n"
SPELT = ("stop = {} ;", "{}", "a{}b {}{}", " {}\n")


def gpt() -> PreTrainedTokenizerFast:
    """One sign for everything, as GPT-2 has it."""
    end = "<|endoftext|>"
    made = Tokenizer(models.BPE(unk_token=end))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=[end], initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator([LETTERS], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token=end, eos_token=end, unk_token=end)


def whole_words() -> PreTrainedTokenizerFast:
    """Words that are in the vocabulary are never split, as Llama 3 has it, and so are the special ones."""
    signs = ("<|begin|>", "<|end|>")
    vocabulary = {piece: number for number, piece in enumerate((*signs, *pre_tokenizers.ByteLevel.alphabet()))}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token=signs[0], eos_token=signs[1])


def unigram() -> PreTrainedTokenizerFast:
    """Pieces with a chance each, the special ones among them, as T5 and XLM-R have it."""
    signs = ("<pad>", "</s>", "<unk>", "<extra_id_0>")
    pieces = [(sign, 0.0) for sign in signs] + [(letter, -3.0) for letter in "▁" + LETTERS.replace(" ", "")]
    made = Tokenizer(models.Unigram(pieces, unk_id=2))
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token=signs[0],
        eos_token=signs[1],
        unk_token=signs[2],
        additional_special_tokens=[signs[3]],
    )


def word_pieces() -> PreTrainedTokenizerFast:
    """Parts of words cut at white space alone, so that [SEP] is one word."""
    signs = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    letters = [piece for letter in LETTERS.split() for each in letter for piece in (each, f"##{each}")]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys((*signs, *letters)))}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer, made.decoder = pre_tokenizers.WhitespaceSplit(), decoders.WordPiece(cleanup=False)
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token=signs[0],
        unk_token=signs[1],
        cls_token=signs[2],
        sep_token=signs[3],
        mask_token=signs[4],
    )


def own_bpe() -> PreTrainedTokenizerFast:
    return train_bpe([LETTERS * 3], None, 0, document_start=True, end=True)


def own_characters() -> PreTrainedTokenizerFast:
    return train_characters([LETTERS], document_start=True, end=True)


def own_encoder() -> PreTrainedTokenizerFast:
    return train_tokenizer([LETTERS * 3], 400, lowercase=False, seed=0)


MAKERS = (gpt, whole_words, unigram, word_pieces, own_bpe, own_characters, own_encoder)


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__, scope="module")
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    maker: Callable[[], PreTrainedTokenizerFast] = request.param
    return maker()


def texts_of(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    signs = sorted(tokenizer.all_special_tokens)
    return [text.replace("{}", sign) for sign in signs for text in SPELT]


def test_no_special_id_comes_from_a_text(tokenizer: PreTrainedTokenizerFast) -> None:
    special = set(tokenizer.all_special_ids)
    for text, ids in zip(texts_of(tokenizer), text_ids(tokenizer, texts_of(tokenizer), marks=False), strict=True):
        assert not special & set(ids), text


def test_the_text_comes_back(tokenizer: PreTrainedTokenizerFast) -> None:
    def squeezed(text: str) -> str:
        return "".join(text.split()) if "Word" in type(tokenizer.backend_tokenizer.model).__name__ else text.strip()

    for text, ids in zip(texts_of(tokenizer), text_ids(tokenizer, texts_of(tokenizer), marks=False), strict=True):
        assert squeezed(str(tokenizer.decode(ids, skip_special_tokens=True))) == squeezed(text)


def test_only_the_marks_of_the_tokenizer_are_added(tokenizer: PreTrainedTokenizerFast) -> None:
    marked = tokenizer("a", add_special_tokens=True)["input_ids"]
    plain = tokenizer("a", add_special_tokens=False)["input_ids"]
    for text in texts_of(tokenizer):
        (whole,), (bare,) = text_ids(tokenizer, [text]), text_ids(tokenizer, [text], marks=False)
        before = marked.index(plain[0])
        assert whole == [*marked[:before], *bare, *marked[before + len(plain) :]]
        (cut,) = text_ids(tokenizer, [f"{text} " * 20], 7)
        assert (len(cut), cut[:before], cut[7 - len(marked) + before + len(plain) :]) == (
            7,
            marked[:before],
            marked[before + len(plain) :],
        )


def test_texts_without_special_tokens_read_as_the_library_reads_them(tokenizer: PreTrainedTokenizerFast) -> None:
    texts = ["def stop = 15 ;", "a b  c", "", "x" * 50]
    assert text_ids(tokenizer, texts, 9) == tokenizer(texts, truncation=True, max_length=9)["input_ids"]
    assert text_ids(tokenizer, texts, marks=False) == tokenizer(texts, add_special_tokens=False)["input_ids"]


def test_a_saved_tokenizer_says_so_itself(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path / "foreign")
    opened = open_tokenizer(tmp_path / "foreign")
    save_tokenizer(opened, tmp_path / "ours")
    again = open_tokenizer(tmp_path / "ours")
    assert '"split_special_tokens": true' in (tmp_path / "ours" / "tokenizer_config.json").read_text()
    for found in (opened, again):
        assert text_ids(found, texts_of(tokenizer)) == text_ids(tokenizer, texts_of(tokenizer))


def test_a_tokenizer_in_python_that_takes_them_for_words_spells_them(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(["<cls>", "<pad>", "<eos>", "<unk>", "L", "A", "<", "<mask>"]))
    tokenizer = EsmTokenizer(str(tmp_path / "vocab.txt"))
    assert tokenizer("L <mask>", split_special_tokens=True)["input_ids"] == [0, 4, 7, 2]
    assert text_ids(tokenizer, ["L <mask> A", "A L"]) == [[0, 4, 6, 3, 5, 2], [0, 5, 4, 2]]


def test_stores_prompts_and_streams_read_alike(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    texts = texts_of(tokenizer)
    expected = text_ids(tokenizer, texts)
    store = tokenize(texts, f"{tmp_path}", tokenizer, 4096)
    assert [store[index].tolist() for index in range(len(texts))] == expected
    for text, ids in zip(texts, text_ids(tokenizer, texts, marks=False), strict=True):
        prompt = prompt_of(tokenizer, text, 4096)
        assert prompt[len(prompt) - len(ids) - len(separator_ids(tokenizer)) :] == [*ids, *separator_ids(tokenizer)]


def test_a_long_document_of_special_tokens_is_read_in_chunks_as_text(tmp_path: Path) -> None:
    tokenizer = gpt()
    path = tmp_path / "book.txt"
    path.write_text("print('<|endoftext|>')\n" * 20_000, encoding="utf-8")
    blocks = token_blocks(whole_documents(load_documents(path)), tokenizer, 64)
    ids = np.concatenate([np.asarray(blocks[index]["input_ids"]) for index in range(0, len(blocks), 97)])
    assert tokenizer.eos_token_id not in ids
