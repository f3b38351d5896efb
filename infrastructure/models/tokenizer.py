"""Tokenizers learnt from the texts they will read: byte-level BPE, and one token for each character."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from application.phases import counting
from domain.exceptions import ConfigurationError, DatasetError
from infrastructure.data.kept.cache import cached, key_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

SPECIAL_TOKENS = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
# Signs of models that write: where a text begins and ends, and where a description ends and its code begins.
WRITING_TOKENS = {"pad_token": "<|pad|>", "bos_token": "<|start|>", "eos_token": "<|end|>", "sep_token": "<|code|>"}
# Signs of models that answer in chats: where a turn begins and ends.
CHAT_TOKENS = {"pad_token": "<|pad|>", "bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}
UNKNOWN = {"unk_token": "<|unknown|>"}
# What a vocabulary needs is seen in a sample; the rest of a large file would only take time.
MAX_CHARACTERS = 50_000_000
MAX_CHARACTERS_PER_TEXT = 20_000
# Merges come from counts of whole words, and those of a tenth of the text of MAX_CHARACTERS rank alike.
MAX_WRITING_CHARACTERS = 10_000_000
LONGEST_WORD = 1_000
NUM_BYTES = 256
TOKENIZER_FILE = "tokenizer.json"
# One piece of vocabulary for this many characters of text, so that the rare ones are still met often enough.
CHARACTERS_PER_PIECE = 512
SMALLEST_GUESS, LARGEST_GUESS = 512, 8_192

_LOWER = r"[\p{Ll}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
# In the order of trial. Names fall apart at camelCase and snake_case borders, so that `readLine` and `ReadLine` share
# a part; digits stand alone; one blank joins what follows it, and the rest of the white space before it is one piece.
WORDS = (
    rf" ?\p{{Lu}}+(?!{_LOWER})| ?\p{{Lu}}?{_LOWER}+| ?\p{{N}}"
    r"| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?= \S)|\s+"
)


def train_tokenizer(
    texts: Sequence[str], vocab_size: int, lowercase: bool, seed: int, least_often: int = 2
) -> "PreTrainedTokenizerFast":
    """Learn merges from (a seeded sample of) the texts; any input has an encoding, for bytes are the alphabet.

    The vocabulary is smaller than `vocab_size` when the texts have fewer pairs that occur `least_often`.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    def sample() -> Iterator[str]:
        return _sample(texts, seed, MAX_CHARACTERS, MAX_CHARACTERS_PER_TEXT)

    def learn() -> "Tokenizer":
        tokenizer = Tokenizer(models.BPE())
        if lowercase:
            tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=lowercase)
        _learn_merges(tokenizer, sample(), vocab_size, SPECIAL_TOKENS, least_often)
        cls, sep = SPECIAL_TOKENS["cls_token"], SPECIAL_TOKENS["sep_token"]
        _frame(tokenizer, single=f"{cls} $A {sep}", pair=f"{cls} $A {sep} $B {sep}", signs=(cls, sep))
        return tokenizer

    return _wrapped(_once(("read", vocab_size, lowercase, least_often), sample(), learn), SPECIAL_TOKENS)


def train_bpe(
    texts: Sequence[str],
    vocab_size: int | None,
    seed: int,
    *,
    document_start: bool,
    end: bool,
    signs: Mapping[str, str] = WRITING_TOKENS,
) -> "PreTrainedTokenizerFast":
    """Learn merges for a model that writes, from (a seeded sample of) the texts; decoding gives back every byte.

    Without `vocab_size` the amount of text decides. `document_start` puts the sign of beginning in front of a text,
    `end` the one of its end behind it.
    Raises: ConfigurationError when the texts do not fill `vocab_size`, DatasetError when they hold no letter.
    """
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    smallest = NUM_BYTES + len(signs)
    if vocab_size is not None and vocab_size < smallest:
        raise ConfigurationError(
            f"vocab_size is {vocab_size}, but all bytes and the special tokens take {smallest}.",
            remedy=f"Set it to {SMALLEST_GUESS} or more, or drop it.",
        )

    def sample() -> Iterator[str]:
        return _sample(texts, seed, MAX_WRITING_CHARACTERS)

    def learn() -> "Tokenizer":
        num_characters = _count_letters(sample())
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(WORDS), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        _learn_merges(tokenizer, sample(), vocab_size or _guessed_size(num_characters), signs)
        if vocab_size is not None and tokenizer.get_vocab_size() < vocab_size:
            raise _too_large(vocab_size, tokenizer.get_vocab_size())
        _frame_text(tokenizer, document_start, end)
        return tokenizer

    return _wrapped(_once(("write", vocab_size, document_start, end, sorted(signs.items())), sample(), learn), signs)


def train_characters(
    texts: Iterable[str], vocab_size: int | None = None, *, document_start: bool, end: bool = False
) -> "PreTrainedTokenizerFast":
    """Give each character of the texts a token; others are unknown. Decoding gives back known text exactly.

    With `vocab_size` the most frequent characters are known.
    Raises: ConfigurationError when there are fewer of them, DatasetError when the texts hold no letter.
    """
    from tokenizers import Tokenizer, decoders, models

    counts: Counter[str] = Counter()
    for text in counting(texts):
        counts.update(text)
    if not "".join(counts).strip():
        raise _blank()
    signs = {**WRITING_TOKENS, **UNKNOWN}
    known = sorted(counts, key=lambda character: (-counts[character], character))
    if vocab_size is not None:
        if vocab_size > len(signs) + len(known):
            raise _too_large(vocab_size, len(signs) + len(known))
        known = known[: max(1, vocab_size - len(signs))]
    vocabulary = {token: number for number, token in enumerate((*signs.values(), *sorted(known)))}
    # Without merges this is ten million characters a second, four times as many as words of one character each.
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=UNKNOWN["unk_token"], fuse_unk=False))
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(list(signs.values()))
    _frame_text(tokenizer, document_start, end)
    return _wrapped(tokenizer, signs)


def _once(recipe: tuple[object, ...], sample: Iterable[str], learn: "Callable[[], Tokenizer]") -> "Tokenizer":
    """Learn a tokenizer, or open what was learnt in the same way from the same texts before, here or by another rank.

    Raises: DatasetError when the disk of the cache is full or refuses.
    """
    import tokenizers

    digest = hashlib.sha256()
    for text in sample:
        content = text.encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(8, "big") + content)
    key = key_of("tokenizer", tokenizers.__version__, WORDS, LONGEST_WORD, recipe, digest.hexdigest())
    entry = cached("tokenizer", key, lambda staging: learn().save(str(staging / TOKENIZER_FILE)))
    return tokenizers.Tokenizer.from_file(str(entry / TOKENIZER_FILE))


def _sample(texts: Sequence[str], seed: int, limit: int, limit_per_text: int | None = None) -> Iterator[str]:
    taken = 0
    for index in np.random.default_rng(seed).permutation(len(texts)):
        text = texts[int(index)][:limit_per_text]
        yield text
        taken += len(text)
        if taken >= limit:
            return


def _count_letters(texts: Iterable[str]) -> int:
    """Count characters. Raises: DatasetError when all are white space."""
    total = 0
    is_blank = True
    for text in texts:
        total += len(text)
        is_blank = is_blank and not text.strip()
    if is_blank:
        raise _blank()
    return total


def _guessed_size(num_characters: int) -> int:
    return min(max(num_characters // CHARACTERS_PER_PIECE // 64 * 64, SMALLEST_GUESS), LARGEST_GUESS)


def _learn_merges(
    tokenizer: "Tokenizer", sample: Iterator[str], vocab_size: int, signs: Mapping[str, str], least_often: int = 2
) -> None:
    from tokenizers import pre_tokenizers, trainers
    from tokenizers.decoders import ByteLevel

    tokenizer.decoder = ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=least_often,
        special_tokens=list(signs.values()),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(map(_in_words, counting(sample)), trainer)


def _in_words(text: str) -> str:
    """Break words that are no words: each merge goes through a word from end to end, however long it is."""
    if len(text) <= LONGEST_WORD or max(map(len, text.split()), default=0) <= LONGEST_WORD:
        return text
    return re.sub(rf"(\S{{{LONGEST_WORD}}})(?=\S)", r"\1\n", text)


def _frame_text(tokenizer: "Tokenizer", document_start: bool, end: bool) -> None:
    bos, eos = WRITING_TOKENS["bos_token"], WRITING_TOKENS["eos_token"]
    if document_start or end:
        signs = [bos] * document_start + [eos] * end
        single = " ".join([bos] * document_start + ["$A"] + [eos] * end)
        _frame(tokenizer, single=single, pair=f"{single} $B:1" + f" {eos}:1" * end, signs=signs)


def _frame(tokenizer: "Tokenizer", single: str, pair: str, signs: Sequence[str]) -> None:
    from tokenizers import processors

    numbers: list[Any] = [(sign, tokenizer.token_to_id(sign)) for sign in signs]
    tokenizer.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=numbers)


def _wrapped(tokenizer: "Tokenizer", signs: Mapping[str, str]) -> "PreTrainedTokenizerFast":
    from transformers import PreTrainedTokenizerFast

    # A row that spells out [SEP] means the letters: data must not be able to write the model's own marks.
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, split_special_tokens=True, clean_up_tokenization_spaces=False, **signs
    )


def _too_large(vocab_size: int, supported: int) -> ConfigurationError:
    return ConfigurationError(
        f"vocab_size is {vocab_size}, but the text supports only {supported} tokens.",
        remedy=f"Lower it to {supported}, drop it, or give more text.",
    )


def _blank() -> DatasetError:
    return DatasetError("the texts to learn a tokenizer from hold white space only.", remedy="Give text with letters.")
