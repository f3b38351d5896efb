"""A byte-level BPE tokenizer, learnt from the texts it will read."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPECIAL_TOKENS = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
# What a vocabulary needs is seen in a sample; the rest of a large file would only take time.
MAX_CHARACTERS = 50_000_000
MAX_CHARACTERS_PER_TEXT = 20_000


def train_tokenizer(texts: Sequence[str], vocab_size: int, lowercase: bool, seed: int) -> "PreTrainedTokenizerFast":
    """Learn merges from (a seeded sample of) the texts; any input has an encoding, for bytes are the alphabet.

    The vocabulary is smaller than `vocab_size` when the texts have fewer pairs that occur twice.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from tokenizers.decoders import ByteLevel
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    if lowercase:
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=lowercase)
    tokenizer.decoder = ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=list(SPECIAL_TOKENS.values()),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_sample(texts, seed), trainer)
    ends = [
        (token, tokenizer.token_to_id(token)) for token in (SPECIAL_TOKENS["cls_token"], SPECIAL_TOKENS["sep_token"])
    ]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=ends
    )
    # A row that spells out [SEP] means the letters: data must not be able to write the model's own marks.
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, split_special_tokens=True, **SPECIAL_TOKENS)


def _sample(texts: Sequence[str], seed: int) -> Iterator[str]:
    taken = 0
    for index in np.random.default_rng(seed).permutation(len(texts)):
        text = texts[int(index)][:MAX_CHARACTERS_PER_TEXT]
        yield text
        taken += len(text)
        if taken >= MAX_CHARACTERS:
            return
