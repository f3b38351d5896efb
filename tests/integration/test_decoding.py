"""Our own loop beside that of the library, on small models of random weights."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from domain.generation import GenerationSettings
from infrastructure.models import generation
from infrastructure.models.attention import use_fast_attention
from infrastructure.models.decoding.library import is_ordinary
from infrastructure.models.fused.replacing import use_fast_layers
from infrastructure.models.generation import generate_texts
from tests.support.tiny_architectures import TOKENS, model_of

POSITIONS = 40
# What makes texts of weights this wide differ from word to word.
WIDE: dict[str, dict[str, Any]] = {
    "t5": {"initializer_factor": 20.0, "num_decoder_layers": 2},  # with more than in its encoder the library fails
    "bart": {"init_std": 0.5},
    "gpt2": {"initializer_range": 0.5, "n_positions": POSITIONS},
    "mistral": {"initializer_range": 0.5, "sliding_window": 6},
}
NAMES = ("llama", "qwen2", "gpt2", "mistral", "gemma2", "opt", "t5", "bart", "t5gemma")
SETTINGS = GenerationSettings(max_new_tokens=30)
WAYS = (
    replace(
        SETTINGS, max_new_tokens=50, max_repeats=2, stop=("w5 w", "w9", "w17")
    ),  # beyond the positions of a decoder
    replace(SETTINGS, num_beams=3),
    replace(SETTINGS, num_beams=3, max_repeats=1, stop=("w30", "w31 w4")),
)


@pytest.fixture(scope="module")
def words() -> PreTrainedTokenizerFast:
    vocabulary = {"[PAD]": 0, "[START]": 1, "[END]": 2} | {f"w{number}": number for number in range(3, TOKENS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="w3"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", bos_token="[START]", eos_token="[END]"
    )


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_those_of_the_library(
    name: str, words: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = WIDE.get(name, {"initializer_range": 0.5})
    model = model_of(name, **{"max_position_embeddings": POSITIONS} | changes).eval()
    use_fast_attention(model, torch.device("cpu"))
    use_fast_layers(model, torch.device("cpu"))
    generator = torch.Generator().manual_seed(5)
    prompts = [torch.randint(3, TOKENS, (1 + 7 * number % 25,), generator=generator).tolist() for number in range(5)]
    monkeypatch.setattr(generation, "NARROW_ROWS_AT_ONCE", 3)  # prompts wait, and join the others when some have ended
    assert is_ordinary(model)
    own = [generate_texts(model, words, prompts, way) for way in WAYS]
    monkeypatch.setattr(generation, "is_ordinary", lambda model: False)
    assert own == [generate_texts(model, words, prompts, way) for way in WAYS]
    assert all(len(set(texts)) > 1 for texts in own)
    assert len({len(text.split()) for texts in own for text in texts}) > 1
